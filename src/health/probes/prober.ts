// Asks real servers what their check asks, each within its deadline. Decides nothing.

import {
  type Clock,
  formatDuration,
  type Instant,
  type Milliseconds,
  ms,
  since,
} from '../../foundation/time.ts'
import type { Check, Sighting, Target } from '../model.ts'
import type { Prober } from '../prober.ts'
import { askGrpc } from './grpc.ts'
import type { Outcome } from './http-answer.ts'
import { askHttp2 } from './http2.ts'
import { openRawAsker, type RawAsker } from './raw.ts'
import { askOverTcp, type Question, type QuestionListener } from './tcp.ts'
import { askOverTls } from './tls.ts'

/**
 * A prober of real servers; disposing it ends the questions that are still open, unanswered.
 * `clock` may wake deadlines a little late, and together.
 */
export function openProber(clock: Clock, raw = openRawAsker()): Prober & Disposable {
  const parts: Parts = { clock, raw, open: new Set() }
  return {
    probe(target, seen) {
      const { check } = target
      if (check.kind !== 'none') return void new Asking(parts, target, check, seen)
      const at = clock.now()
      // Never within the call: whoever asks may not be ready for the answer yet.
      queueMicrotask(() => seen({ kind: 'passed', at, took: ms(0) }))
    },
    [Symbol.dispose]() {
      for (const asking of [...parts.open]) asking.abandon()
    },
  }
}

type Asked = Exclude<Check, { kind: 'none' }>

interface Parts {
  readonly clock: Clock
  readonly raw: RawAsker
  readonly open: Set<Asking>
}

/**
 * One question: it is answered once. The deadline covers all of it, and what is left of the
 * connection once it is answered.
 */
class Asking implements QuestionListener {
  readonly #parts: Parts
  readonly #timeout: Milliseconds
  readonly #began: Instant
  readonly #deadline: Disposable
  readonly #question: Question
  /** `undefined` once it was told. */
  #seen: ((sighting: Sighting) => void) | undefined

  constructor(parts: Parts, target: Target, check: Asked, seen: (sighting: Sighting) => void) {
    const { clock, open } = parts
    this.#parts = parts
    this.#timeout = check.timeout
    this.#began = clock.now()
    this.#seen = seen
    this.#deadline = clock.after(check.timeout, () => this.#late())
    this.#question = put(parts.raw, target, check, this)
    open.add(this)
  }

  report(outcome: Outcome): void {
    const seen = this.#seen
    if (seen === undefined) return
    this.#seen = undefined
    const at = this.#parts.clock.now()
    const took = since(this.#began, at)
    if (outcome.kind === 'passed') seen({ kind: 'passed', at, took })
    else seen({ kind: outcome.kind, at, took, reason: outcome.reason })
  }

  gone(): void {
    this.#parts.open.delete(this)
    this.#deadline[Symbol.dispose]()
  }

  #late(): void {
    const what = this.#question.isConnected() ? 'answer' : 'connection'
    this.report({ kind: 'failed', reason: `no ${what} within ${formatDuration(this.#timeout)}` })
    this.#question.end()
  }

  /** Ends it, and tells nobody. */
  abandon(): void {
    this.#seen = undefined
    this.#question.end()
  }
}

function put(raw: RawAsker, target: Target, check: Asked, listener: QuestionListener): Question {
  const { host, protocol, sendProxy, tls } = target
  const port = check.port ?? target.port
  if (check.kind === 'grpc') return askGrpc(host, port, check, listener)
  if (check.kind === 'http' && protocol === 'http2') return askHttp2(host, port, check, listener)
  if (tls !== undefined) return askOverTls(host, port, check, tls, listener)
  const put = raw(target, check, listener)
  return put ?? askOverTcp(host, port, check, listener, sendProxy)
}
