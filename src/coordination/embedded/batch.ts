// What waits for the disk together? The transactions of one group commit, and what is answered, in
// which order, when they are safe.

import { Sink } from './bytes.ts'
import { beginGroup } from './groups.ts'
import type { Identity } from './model.ts'

/** What is done for one entry when its turn comes. */
export const entryKind = {
  /** The next transaction is carried out and answered. */
  write: 0,
  /** An error is answered: it may depend on what is not safe yet. */
  refusal: 1,
  /** A multi that came to nothing is answered. */
  failedMulti: 2,
  /** A request that came behind a write of the same connection is read now. */
  held: 3,
  /** A connection gets the session back that it asked for. */
  reattach: 4,
} as const

/** A request that came behind a write, `Batch.held[from, to)`, and who asked. */
export interface Held {
  readonly from: number
  readonly to: number
  readonly who: readonly Identity[]
}

/** One thing to do, for one connection; `null`: the server's own. */
export interface Entry<C> {
  readonly kind: number
  readonly connection: C | null
  readonly xid: number
  readonly op: number
  /** A session or an error; the errors of a multi; the request that was held. */
  readonly about: number | readonly number[] | Held
}

const logBytes = 64 * 1024
/** A larger log is given back when its batch is done. */
const keptLogBytes = 4 * 1024 * 1024

/** A group commit that is being filled, or is on its way to the disk. Used again and again. */
export class Batch<C> {
  log = new Sink(logBytes)
  entries: Entry<C>[] = []
  /** How many transactions the log holds. */
  count = 0
  /** The frames that are held: one memory for all, where each had its own garbage. */
  held = new Sink(1024)
  /** `Stager.stagedCost` when nothing more could come. */
  stagedCost = 0
  /** When its first transaction came: for the latency that is reported. */
  startedAt = 0

  constructor() {
    beginGroup(this.log)
  }

  clear(): void {
    // What one flood took is not kept for ever.
    if (this.log.bytes.length > keptLogBytes) this.log = new Sink(logBytes)
    if (this.held.bytes.length > keptLogBytes) this.held = new Sink(1024)
    beginGroup(this.log)
    this.held.clear()
    this.entries = []
    this.count = 0
  }

  add(kind: number, connection: C | null, xid: number, op: number, about: Entry<C>['about']): void {
    this.entries.push({ kind, connection, xid, op, about })
  }
}
