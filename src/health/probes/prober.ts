// Asks real servers over TCP: connects, for HTTP reads the status, and lets go. Decides nothing.

import { isIPv6, type Socket, connect as socketTo } from 'node:net'
import { systemCode } from '../../foundation/fault.ts'
import { type Clock, formatDuration, since } from '../../foundation/time.ts'
import type { Check, Sighting, Target } from '../model.ts'
import type { Prober } from '../prober.ts'
import { headBytesMost, readHead } from './head.ts'

type HttpCheck = Extract<Check, { kind: 'http' }>

/** What one question came to. */
type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed' | 'unasked'; readonly reason: string }

/** A body is read and dropped up to here, so that a server may finish what it says. */
const bodyBytesMost = 64 * 1024

/** All probes read into this one: each uses what it has read before it returns. */
const shared = Buffer.allocUnsafeSlow(headBytesMost)

/** A prober of real servers; disposing it ends the questions that are still open, unanswered. */
export function openProber(clock: Clock): Prober & Disposable {
  const open = new Set<Socket>()
  let disposed = false
  return {
    probe(target, seen) {
      const { check } = target
      const began = clock.now()
      const report = (outcome: Outcome): void => {
        if (disposed) return
        const at = clock.now()
        seen({ ...outcome, at, took: since(began, at) } as Sighting)
      }
      // Never within the call: whoever asks may not be ready for the answer yet.
      if (check.kind === 'none') return queueMicrotask(() => report({ kind: 'passed' }))
      const socket = ask(clock, target, check, report)
      open.add(socket)
      socket.once('close', () => open.delete(socket))
    },
    [Symbol.dispose]() {
      disposed = true
      for (const socket of open) socket.resetAndDestroy()
    },
  }
}

type Asked = Exclude<Check, { kind: 'none' }>

/** Asks one question; `report` is called once. The deadline covers all of it. */
function ask(clock: Clock, target: Target, check: Asked, report: (o: Outcome) => void): Socket {
  let reported = false
  let connected = false
  const settle = (outcome: Outcome): void => {
    if (reported) return
    reported = true
    report(outcome)
  }
  const fail = (reason: string): void => settle({ kind: 'failed', reason })
  const answer = check.kind === 'http' ? httpAnswer(check, settle) : undefined

  const socket = socketTo({
    host: target.host,
    port: target.port,
    noDelay: true,
    onread: {
      buffer: shared,
      callback: (count: number) => {
        if (answer?.(shared.toString('latin1', 0, count)) === 'enough') socket.resetAndDestroy()
        return true
      },
    },
  })
  const deadline = clock.after(check.timeout, () => {
    const within = formatDuration(check.timeout)
    fail(connected ? `no answer within ${within}` : `no connection within ${within}`)
    // A reset, not a goodbye: a goodbye would leave the port in TIME_WAIT for a minute.
    socket.resetAndDestroy()
  })
  socket.once('connect', () => {
    connected = true
    if (check.kind === 'http') socket.write(requestOf(target, check))
    else {
      settle({ kind: 'passed' })
      socket.resetAndDestroy()
    }
  })
  socket.once('error', (error) => settle(outcomeOf(error, target)))
  socket.once('end', () => fail('closed before answering'))
  socket.once('close', () => {
    deadline[Symbol.dispose]()
    fail('closed before answering')
  })
  return socket
}

/** Reads an answer chunk by chunk; says `enough` when nothing more need be read. */
function httpAnswer(
  check: HttpCheck,
  settle: (outcome: Outcome) => void,
): (chunk: string) => 'more' | 'enough' {
  let text = ''
  let answered = false
  let dropped = 0
  return (chunk) => {
    if (answered) {
      dropped += chunk.length
      return dropped > bodyBytesMost ? 'enough' : 'more'
    }
    text += chunk
    const head = readHead(text)
    if (head.kind === 'incomplete') return 'more'
    answered = true
    text = ''
    if (head.kind === 'malformed') settle({ kind: 'failed', reason: head.reason })
    else settle(statusOutcome(check, head.status))
    return head.kind === 'malformed' ? 'enough' : 'more'
  }
}

function statusOutcome(check: HttpCheck, status: number): Outcome {
  const passes = check.expect.some(([least, most]) => status >= least && status <= most)
  if (passes) return { kind: 'passed' }
  const wanted = check.expect.map(([least, most]) => (least === most ? least : `${least}-${most}`))
  return { kind: 'failed', reason: `status ${status}, expected ${wanted.join(' or ')}` }
}

function requestOf(target: Target, check: HttpCheck): string {
  const address = isIPv6(target.host) ? `[${target.host}]` : target.host
  const host = check.host ?? `${address}:${target.port}`
  return (
    `${check.method} ${check.path} HTTP/1.1\r\nHost: ${host}\r\n` +
    'User-Agent: alwayson-check\r\nAccept: */*\r\nConnection: close\r\n\r\n'
  )
}

/** What a system error says of the server; some say only that this machine has run out. */
function outcomeOf(error: Error, target: Target): Outcome {
  const code = systemCode(error) ?? error.message
  const ours = cannotAsk[code]
  if (ours !== undefined) return { kind: 'unasked', reason: ours }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return { kind: 'failed', reason: `the name ${target.host} cannot be resolved` }
  }
  return { kind: 'failed', reason: refusals[code] ?? code }
}

const refusals: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'no connection: the system gave up',
}

const cannotAsk: Readonly<Record<string, string>> = {
  EMFILE: 'this process has too many files open',
  ENFILE: 'this machine has too many files open',
  EADDRNOTAVAIL: 'this machine has no free port left',
  ENOBUFS: 'this machine has no memory for a socket',
  ENOMEM: 'this machine has no memory for a socket',
}
