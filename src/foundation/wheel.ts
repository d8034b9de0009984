// Which timers may go off together? A clock whose longer waits end in common steps: thousands of
// them then cost the process one awakening a step, and not one each.

import { type Clock, type Instant, type Milliseconds, ms } from './time.ts'

/** A wait that is shorter than so many steps is kept exactly: a step would lengthen it too much. */
const exactBelow = 20

/** The system's timers may wake up to a millisecond early. */
const early = 1

/**
 * The time of `clock`, whose waits of twenty steps and more end with the step they would end in: up
 * to `step` later than asked for. Those of one step are woken in the order in which they are due:
 * whoever asks at a regular interval has the same place among the others each time. Waits of a
 * regular interval of whole steps keep it exactly.
 */
export const openWheel = (clock: Clock, step: Milliseconds): Clock => new Wheel(clock, step)

/** The waits that end with the same step. */
interface Slot {
  /** Counted in steps since 1970. */
  readonly number: number
  readonly timers: WheelTimer[]
  /** How many of them have not been disposed. */
  waiting: number
}

class WheelTimer implements Disposable {
  /** When it would go off if there were no steps. */
  readonly due: number
  readonly #wheel: Wheel
  readonly #slot: Slot
  #wake: (() => void) | undefined

  constructor(wheel: Wheel, slot: Slot, due: number, wake: () => void) {
    this.due = due
    this.#wheel = wheel
    this.#slot = slot
    this.#wake = wake
  }

  /** Wakes whoever still waits, once. */
  goOff(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  [Symbol.dispose](): void {
    if (this.#wake === undefined) return
    this.#wake = undefined
    this.#wheel.disposed(this.#slot)
  }
}

class Wheel implements Clock {
  readonly #clock: Clock
  readonly #step: Milliseconds
  readonly #slots = new Map<number, Slot>()
  /** The step at whose end it turns next: none, or while it turns, all are later. */
  #turnsAt = Number.POSITIVE_INFINITY
  #timer: Disposable | undefined

  constructor(clock: Clock, step: Milliseconds) {
    this.#clock = clock
    this.#step = step
  }

  now(): Instant {
    return this.#clock.now()
  }

  after(wait: Milliseconds, wake: () => void): Disposable {
    if (wait < this.#step * exactBelow) return this.#clock.after(wait, wake)
    const due = this.#clock.now() + wait
    const number = Math.ceil(due / this.#step)
    let slot = this.#slots.get(number)
    if (slot === undefined) {
      slot = { number, timers: [], waiting: 0 }
      this.#slots.set(number, slot)
      if (number < this.#turnsAt) this.#arm(number)
    }
    const timer = new WheelTimer(this, slot, due, wake)
    slot.timers.push(timer)
    slot.waiting += 1
    return timer
  }

  /** A slot in which nobody waits any more is forgotten, so that nothing is woken for it. */
  disposed(slot: Slot): void {
    slot.waiting -= 1
    if (slot.waiting === 0) this.#slots.delete(slot.number)
  }

  #arm(number: number): void {
    this.#timer?.[Symbol.dispose]()
    // Rounded up: what wakes too early would have to wait once more.
    const wait = ms(Math.ceil(Math.max(0, number * this.#step - this.#clock.now())))
    this.#turnsAt = number
    this.#timer = this.#clock.after(wait, () => this.#turn())
  }

  #turn(): void {
    this.#turnsAt = Number.NEGATIVE_INFINITY
    const due = this.#takeDue(Math.floor((this.#clock.now() + early) / this.#step))
    try {
      for (const { timers } of due) {
        for (const timer of timers.toSorted((a, b) => a.due - b.due)) timer.goOff()
      }
    } finally {
      this.#turnsAt = Number.POSITIVE_INFINITY
      let nearest = Number.POSITIVE_INFINITY
      for (const number of this.#slots.keys()) if (number < nearest) nearest = number
      if (nearest !== Number.POSITIVE_INFINITY) this.#arm(nearest)
    }
  }

  /** The slots until the step `last`, which are forgotten, in their order. */
  #takeDue(last: number): readonly Slot[] {
    const due: Slot[] = []
    for (const slot of this.#slots.values()) if (slot.number <= last) due.push(slot)
    for (const { number } of due) this.#slots.delete(number)
    return due.length < 2 ? due : due.toSorted((a, b) => a.number - b.number)
  }
}
