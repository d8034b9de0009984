// What does a system error say of the server that was asked? Some say only that we have run out.

import { systemCode } from '../../foundation/fault.ts'
import type { Outcome } from './http-answer.ts'

/** The outcome of a question that met `error`; `host` is whom we wanted to reach. */
export function outcomeOf(error: unknown, host: string): Outcome {
  const said = error instanceof Error ? error.message : String(error)
  return outcomeOfCode(systemCode(error) ?? said, host)
}

/** The same, by the system's own name of the error. */
export function outcomeOfCode(code: string, host: string): Outcome {
  const ours = cannotAsk[code]
  if (ours !== undefined) return { kind: 'unasked', reason: ours }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return { kind: 'failed', reason: `the name ${host} cannot be resolved` }
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
