// Asks real servers what their check asks, each within its deadline. Decides nothing.

import { type Clock, formatDuration, since } from '../../foundation/time.ts'
import type { Check, Sighting, Target } from '../model.ts'
import type { Prober } from '../prober.ts'
import { askGrpc } from './grpc.ts'
import type { Outcome } from './http-answer.ts'
import { askHttp2 } from './http2.ts'
import { openRawAsker, type RawAsker } from './raw.ts'
import { askOverTcp, type Question, type QuestionListener } from './tcp.ts'
import { askOverTls } from './tls.ts'

/** A prober of real servers; disposing it ends the questions that are still open, unanswered. */
export function openProber(clock: Clock, raw = openRawAsker()): Prober & Disposable {
  const open = new Set<() => void>()
  return {
    probe(target, seen) {
      const { check } = target
      const began = clock.now()
      const report = (outcome: Outcome): void => {
        const at = clock.now()
        seen({ ...outcome, at, took: since(began, at) } as Sighting)
      }
      if (check.kind !== 'none') return ask(raw, clock, target, check, open, report)
      // Never within the call: whoever asks may not be ready for the answer yet.
      queueMicrotask(() => report({ kind: 'passed' }))
    },
    [Symbol.dispose]() {
      for (const end of [...open]) end()
    },
  }
}

type Asked = Exclude<Check, { kind: 'none' }>

/**
 * Asks one question; `report` is called once. The deadline covers all of it, and what is left of
 * the connection once it is answered.
 */
function ask(
  raw: RawAsker,
  clock: Clock,
  target: Target,
  check: Asked,
  open: Set<() => void>,
  report: (outcome: Outcome) => void,
): void {
  const port = check.port ?? target.port
  let isReported = false
  const tell = (outcome: Outcome): void => {
    if (isReported) return
    isReported = true
    report(outcome)
  }
  const gone = (): void => {
    open.delete(end)
    deadline[Symbol.dispose]()
  }
  const deadline = clock.after(check.timeout, () => {
    const what = question.isConnected() ? 'answer' : 'connection'
    tell({ kind: 'failed', reason: `no ${what} within ${formatDuration(check.timeout)}` })
    question.end()
  })
  const question = put(raw, target, port, check, { report: tell, gone })
  const end = (): void => {
    isReported = true
    question.end()
  }
  open.add(end)
}

function put(
  raw: RawAsker,
  { host, protocol, sendProxy, tls }: Target,
  port: number,
  check: Asked,
  listener: QuestionListener,
): Question {
  if (check.kind === 'grpc') return askGrpc(host, port, check, listener)
  if (check.kind === 'http' && protocol === 'http2') return askHttp2(host, port, check, listener)
  if (tls !== undefined) return askOverTls(host, port, check, tls, listener)
  const put = raw(host, port, check, listener, sendProxy)
  return put ?? askOverTcp(host, port, check, listener, sendProxy)
}
