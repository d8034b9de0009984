// What time is it in a simulated life? Time moves only from one waker to the next.

import { invariant } from '../foundation/invariant.ts'
import { type Clock, type Instant, instant, later, type Milliseconds } from '../foundation/time.ts'

class Sleeper implements Disposable {
  readonly at: Instant
  /** Who went to sleep first wakes first, where both wake at the same instant. */
  readonly order: number
  /** `undefined` once it was woken, or told not to be. */
  wake: (() => void) | undefined

  constructor(at: Instant, order: number, wake: () => void) {
    this.at = at
    this.order = order
    this.wake = wake
  }

  [Symbol.dispose](): void {
    this.wake = undefined
  }
}

/** Where lives begin, unless they say otherwise: any instant would do, a round one reads well. */
export const lifeBegins = instant(0)

/**
 * A clock that never waits: whoever drives it makes time pass, one waker at a time, in the order
 * of their instants. Two runs of the same wakers are the same run.
 */
export class VirtualClock implements Clock {
  #now: Instant
  #order = 0
  /** A binary heap: the sleeper that wakes next is at its root. */
  readonly #heap: Sleeper[] = []

  constructor(begins: Instant = lifeBegins) {
    this.#now = begins
  }

  now(): Instant {
    return this.#now
  }

  after(wait: Milliseconds, wake: () => void): Disposable {
    if (!(wait >= 0 && wait < Number.POSITIVE_INFINITY)) {
      invariant(false, `a wait of ${wait} ms ends`)
    }
    this.#order += 1
    const sleeper = new Sleeper(later(this.#now, wait), this.#order, wake)
    this.#push(sleeper)
    return sleeper
  }

  /** When the next sleeper wakes; `undefined` when everybody is awake for good. */
  next(): Instant | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].wake === undefined) this.#pop()
    return this.#heap[0]?.at
  }

  /** Wakes the next sleeper, at its instant; false if there is none. */
  step(): boolean {
    if (this.next() === undefined) return false
    const sleeper = this.#pop()
    this.#now = sleeper.at
    const { wake } = sleeper
    sleeper.wake = undefined
    wake?.()
    return true
  }

  /** Wakes everybody who wakes until `end`, and is at `end` then. */
  runUntil(end: Instant): void {
    for (let at = this.next(); at !== undefined && at <= end; at = this.next()) this.step()
    if (end > this.#now) this.#now = end
  }

  /** Lets `wait` pass. */
  run(wait: Milliseconds): void {
    this.runUntil(later(this.#now, wait))
  }

  #push(sleeper: Sleeper): void {
    const heap = this.#heap
    let place = heap.length
    heap.push(sleeper)
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !isBefore(sleeper, parent)) break
      heap[place] = parent
      place = above
    }
    heap[place] = sleeper
  }

  #pop(): Sleeper {
    const heap = this.#heap
    const root = heap[0]
    const last = heap.pop()
    invariant(root !== undefined && last !== undefined, 'only a sleeper is woken')
    if (heap.length > 0) this.#sink(last)
    return root
  }

  #sink(sleeper: Sleeper): void {
    const heap = this.#heap
    let place = 0
    for (;;) {
      const left = heap[2 * place + 1]
      const right = heap[2 * place + 2]
      if (left === undefined) break
      const goesRight = right !== undefined && isBefore(right, left)
      const child = goesRight ? right : left
      if (!isBefore(child, sleeper)) break
      heap[place] = child
      place = 2 * place + (goesRight ? 2 : 1)
    }
    heap[place] = sleeper
  }
}

const isBefore = (a: Sleeper, b: Sleeper): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order)
