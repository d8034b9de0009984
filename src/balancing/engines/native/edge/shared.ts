// What all parts of one edge process share: time, chance, sockets, and whom to tell.

import type { Random } from '../../../../foundation/random.ts'
import type { Instant } from '../../../../foundation/time.ts'
import type { TrafficSignal } from '../../../../health/model.ts'
import type { DateLine } from '../http/text.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { Connection, ConnectionOwner, Transport } from '../transport/transport.ts'
import type { Deadlines } from './deadlines.ts'
import type { Door } from './door.ts'

/** Handed to everything that carries traffic. */
export interface Shared {
  readonly transport: Transport
  readonly deadlines: Deadlines
  readonly random: Random
  readonly date: DateLine
  /** The time at the last step, coarse: good for order and for reports, not for measuring. */
  now: Instant
  /** When the turn of the loop began to be handled that we are in, to the microsecond: `tick`. */
  exact: Instant
  /** Reads the clock for `exact`, once a turn: whatever takes bytes or a table does so first. */
  tick(): void
  /** Every answer is the last on its connection: the edge is about to leave. */
  leaving: boolean
  /** Tell the agent at the next occasion that a count has changed, or at once. */
  changed(): void
  changedNow(): void
  signal(signal: TrafficSignal): void
  /** A mistake of ours: what it was made on has been closed. */
  faulted(thrown: unknown): void
  /** Sessions of databases, and as whom we may log in for them. */
  readonly sessions: Sessions
  /** Goes on with this connection under TLS: whoever has it then is served by this door. */
  secure(connection: Connection, door: Door): ConnectionOwner
  /** Goes on with this connection in HTTP/2; `first` is what has been read of it. */
  toHttp2(connection: Connection, door: Door, first: Buffer): ConnectionOwner
  event(rule: string, subject: string, why: string, seen: Readonly<Record<string, unknown>>): void
}
