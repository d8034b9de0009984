// Has the holder of a role fallen silent? Judged by how regularly it renewed so far. Pure.

import { type Instant, later, type Milliseconds, ms, since } from '../../foundation/time.ts'

/** So many times its longest recent pause a holder may be silent. */
const pausesAllowed = 2

/** How much of a long pause is remembered after one more renewal. */
const remembered = 0.9

/**
 * What a candidate has heard of the holder. A holder counts as silent after `least`, or after a
 * multiple of the pauses it made lately, whichever is longer: on a machine or a disk that is slow,
 * patience grows by itself.
 */
export class Hearing {
  readonly #least: Milliseconds | undefined
  #heard: Instant
  #pause = 0

  constructor(least: Milliseconds | undefined, now: Instant) {
    this.#least = least
    this.#heard = now
  }

  /** When the holder was last heard of: nothing it sent is later than that. */
  get last(): Instant {
    return this.#heard
  }

  /** A renewal was heard. */
  renewed(now: Instant): void {
    this.#pause = Math.max(since(this.#heard, now), this.#pause * remembered)
    this.#heard = now
  }

  /** Renewals may have been missed: what comes next tells nothing about pauses. */
  begin(now: Instant): void {
    this.#heard = now
  }

  /** From when on it counts as silent; undefined where nobody is deposed for silence. */
  silentAt(most: Milliseconds): Instant | undefined {
    if (this.#least === undefined) return undefined
    const patience = Math.max(this.#least, Math.min(this.#pause * pausesAllowed, most))
    return later(this.#heard, ms(patience))
  }
}
