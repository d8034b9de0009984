// How much may wait for the disk? A connection that asks for more is not read from until less does.

import type { Batch } from './batch.ts'
import { type Connection, pauseReason } from './connection.ts'
import type { ServerLimits } from './options.ts'

/** The connections that are not read from, because too much of theirs waits. */
export class Throttle {
  readonly #limits: ServerLimits
  /** What all transactions that are not committed cost. */
  readonly #pendingCost: () => number
  readonly #throttled = new Set<Connection>()

  constructor(limits: ServerLimits, pendingCost: () => number) {
    this.#limits = limits
    this.#pendingCost = pendingCost
  }

  /** One more request of a connection waits, in `batch`. */
  waits(connection: Connection, batch: Batch<Connection>): void {
    connection.behind = batch
    connection.outstanding += 1
    const { outstandingMost, pendingBytesMost } = this.#limits
    const waiting = this.#pendingCost() + batch.held.length
    if (connection.outstanding <= outstandingMost && waiting <= pendingBytesMost) return
    this.#throttled.add(connection)
    connection.pause(pauseReason.outstanding)
  }

  /** A batch was carried out: whoever has little waiting is read from again. */
  release(): void {
    const { outstandingMost, pendingBytesMost } = this.#limits
    if (this.#pendingCost() > pendingBytesMost) return
    for (const connection of this.#throttled) {
      if (connection.stage !== 'over' && connection.outstanding > outstandingMost) continue
      this.#throttled.delete(connection)
      connection.unpause(pauseReason.outstanding)
    }
  }
}
