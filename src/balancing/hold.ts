// Who waits while no server is available, for how long, and who goes first? Pure.

import type { Instant } from '../foundation/time.ts'
import type { HoldLimits } from './model.ts'

/** Something that waits: a request, or in TCP mode a connection. */
export interface Waiter {
  /** What it costs to let it wait. */
  readonly heldBytes: number
  /** The first time it had to wait; it keeps its place when it has to wait again. */
  readonly heldSince: Instant
}

/** Why something may not wait, for people and for the metric. */
export type Refusal = 'full' | 'too-large'

/**
 * Those who wait, in the order in which they came. Bounded in number, in bytes, and by `expired`
 * in time.
 */
export class HoldQueue<W extends Waiter> {
  /** In rising order of `heldSince`; places before `#first` are free. */
  #waiters: (W | undefined)[] = []
  #first = 0
  #count = 0
  #bytes = 0
  limits: HoldLimits

  constructor(limits: HoldLimits) {
    this.limits = limits
  }

  get size(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Lets it wait, or says why not. */
  offer(waiter: W): Refusal | undefined {
    if (this.limits.wait <= 0 || this.#count >= this.limits.requests) return 'full'
    if (this.#bytes + waiter.heldBytes > this.limits.bytes) return 'too-large'
    this.#count += 1
    this.#bytes += waiter.heldBytes
    let place = this.#waiters.length
    while (place > this.#first && this.#comesBefore(waiter, place - 1)) place -= 1
    if (place === this.#waiters.length) this.#waiters.push(waiter)
    else this.#waiters.splice(place, 0, waiter)
    return undefined
  }

  #comesBefore(waiter: W, place: number): boolean {
    const other = this.#waiters[place]
    return other === undefined || waiter.heldSince < other.heldSince
  }

  /** The one that has waited longest, without taking it. */
  first(): W | undefined {
    while (this.#first < this.#waiters.length && this.#waiters[this.#first] === undefined) {
      this.#first += 1
    }
    if (this.#first > 64 && this.#first * 2 > this.#waiters.length) this.#compact()
    return this.#waiters[this.#first]
  }

  /** Takes it out, wherever it stands; false if it does not wait here. */
  remove(waiter: W): boolean {
    const place = this.#waiters.indexOf(waiter, this.#first)
    if (place < 0) return false
    this.#clear(place, waiter)
    return true
  }

  /** Takes out those that have waited as long as they may. */
  expired(now: Instant): readonly W[] {
    const over: W[] = []
    for (let waiter = this.first(); waiter !== undefined; waiter = this.first()) {
      if (now - waiter.heldSince < this.limits.wait) break
      over.push(waiter)
      this.#clear(this.#first, waiter)
    }
    return over
  }

  #clear(place: number, waiter: W): void {
    this.#waiters[place] = undefined
    this.#count -= 1
    this.#bytes -= waiter.heldBytes
    if (this.#count > 0) return
    this.#waiters = []
    this.#first = 0
  }

  #compact(): void {
    this.#waiters = this.#waiters.slice(this.#first)
    this.#first = 0
  }
}

/** How many may be on one server at once while others wait for it. */
export interface Thaw {
  readonly window: number
}

const thawMost = 65_536

/**
 * The first window after a time without a server: what has waited is let go in steps, so that a
 * server that has just come back is not met by all of it in one moment. A fast server is done with
 * thousands through thirty connections sooner than if it had to accept thousands.
 */
export const thawing: Thaw = { window: 32 }

/** Each step of 50 ms widens it: slow answers do not keep the rest waiting too long. */
export const passed = ({ window }: Thaw): Thaw => ({
  window: Math.min(thawMost, Math.ceil(window * 1.1)),
})
