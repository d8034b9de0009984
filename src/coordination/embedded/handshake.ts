// How does a session begin? The first frame of a connection and its answer, the only two without a
// header (ConnectRequest, ConnectResponse).

import { passwordBytes } from '../../wire/jute/opcodes.ts'
import type { Cursor, Sink } from './bytes.ts'

/** What a client asks for. */
export interface Hello {
  /** The last transaction that the client has heard of. */
  readonly seenZxid: number
  readonly timeoutMs: number
  /** 0: a new session; beyond 2^53 it is rounded, and none of ours. */
  readonly session: number
  readonly password: Buffer
  /** Whether the client asks for the read-only flag: since 3.4. */
  readonly knowsReadOnly: boolean
}

/** Reads the first frame; `undefined` if it is cut short or lies. */
export function readHello(from: Cursor): Hello | undefined {
  from.int()
  const seenZxid = from.long()
  const timeoutMs = from.int()
  const session = from.long()
  from.buffer()
  if (from.bad) return undefined
  const password = from.start < 0 ? Buffer.alloc(0) : from.bytes.subarray(from.start, from.end)
  const knowsReadOnly = from.at < from.limit
  return { seenZxid, timeoutMs, session, password: Buffer.from(password), knowsReadOnly }
}

/** What the server agrees to; `undefined`: the session is gone, or was never the client's. */
export interface Welcome {
  readonly timeoutMs: number
  readonly session: number
  readonly password: Buffer
}

const noPassword = Buffer.alloc(passwordBytes)

/** Writes the answer to a `Hello`, as a frame. */
export function putWelcome(to: Sink, welcome: Welcome | undefined, withReadOnly: boolean): void {
  const password = welcome?.password ?? noPassword
  to.int(20 + password.length + (withReadOnly ? 1 : 0))
  to.int(0)
  to.int(welcome?.timeoutMs ?? 0)
  to.long(welcome?.session ?? 0)
  to.buffer(password)
  if (withReadOnly) to.byte(0)
}
