// A connection between a process and a server of the simulated coordinator: two directions, each in
// order and late; what is cut off is held back, not lost, as long as the connection lives.

import { type Clock, type Instant, instant, type Milliseconds, ms } from '../../foundation/time.ts'

/** One direction. */
class Direction {
  readonly #clock: Clock
  readonly #delay: () => Milliseconds
  readonly #held: (() => void)[] = []
  readonly #under: (() => void)[] = []
  #last: Instant
  #cut = false
  #closed = false

  constructor(clock: Clock, delay: () => Milliseconds) {
    this.#clock = clock
    this.#delay = delay
    this.#last = clock.now()
  }

  send(deliver: () => void): void {
    if (this.#closed) return
    if (this.#cut) {
      this.#held.push(deliver)
      return
    }
    this.#last = instant(Math.max(this.#last, this.#clock.now() + this.#delay()))
    this.#under.push(deliver)
    const wait = Math.max(0, this.#last - this.#clock.now())
    // Timers of a real clock that are due together may wake in any order: the queue has the order.
    this.#clock.after(ms(wait), () => {
      const next = this.#under.shift()
      if (this.#closed || next === undefined) return
      // It was under way when the cut came: it is repeated when the cut is over.
      if (this.#cut) this.#held.push(next)
      else next()
    })
  }

  cut(on: boolean): void {
    this.#cut = on
    if (!on) for (const deliver of this.#held.splice(0)) this.send(deliver)
  }

  close(): void {
    this.#closed = true
    this.#held.length = 0
  }
}

/** See the first line. */
export class Link {
  readonly up: Direction
  readonly down: Direction

  constructor(clock: Clock, delay: () => Milliseconds, cuts: Cuts) {
    this.up = new Direction(clock, delay)
    this.down = new Direction(clock, delay)
    this.cut(cuts)
  }

  cut({ up, down }: Cuts): void {
    this.up.cut(up)
    this.down.cut(down)
  }

  close(): void {
    this.up.close()
    this.down.close()
  }
}

/** Which directions pass nothing. */
export interface Cuts {
  readonly up: boolean
  readonly down: boolean
}
