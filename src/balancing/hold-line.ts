// Those of one client who wait, in the order in which they came. Pure.

import type { Waiter } from './hold.ts'

/** A line in rising order of `heldSince`. */
export class HoldLine<W extends Waiter> {
  readonly source: string
  /** Places before `#first` are free. */
  #waiters: (W | undefined)[] = []
  #first = 0
  #count = 0

  constructor(source: string) {
    this.source = source
  }

  get size(): number {
    return this.#count
  }

  /** Takes its place by the time since which it waits. */
  add(waiter: W): void {
    let place = this.#waiters.length
    while (place > this.#first && this.#comesBefore(waiter, place - 1)) place -= 1
    if (place === this.#waiters.length) this.#waiters.push(waiter)
    else this.#waiters.splice(place, 0, waiter)
    this.#count += 1
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

  /** The one that came last. */
  last(): W | undefined {
    while (this.#waiters.length > 0 && this.#waiters.at(-1) === undefined) this.#waiters.pop()
    return this.#waiters.at(-1)
  }

  has(waiter: W): boolean {
    return this.#waiters.includes(waiter, this.#first)
  }

  /** Takes it out, wherever it stands; false if it does not wait here. */
  remove(waiter: W): boolean {
    const place = this.#waiters.indexOf(waiter, this.#first)
    if (place < 0) return false
    this.#waiters[place] = undefined
    this.#count -= 1
    if (this.#count === 0) {
      this.#waiters = []
      this.#first = 0
    }
    return true
  }

  #compact(): void {
    this.#waiters = this.#waiters.slice(this.#first)
    this.#first = 0
  }
}
