// One simulated process: its clock runs a little fast or slow, and everything in it stands still
// while it is stopped. What comes meanwhile waits; on waking timers come first, then the network.

import { type Clock, type Instant, instant, type Milliseconds, ms } from '../../foundation/time.ts'

/** A process that can be stopped, continued and killed. */
export class SimulatedProcess {
  readonly #wire: Clock
  readonly #rate: number
  readonly #stirred: () => void
  #stopped = false
  #dead = false
  #timers: (() => void)[] = []
  #arrivals: (() => void)[] = []
  readonly clock: Clock

  constructor(wire: Clock, stirred: () => void, rate = 1, offset = 0) {
    this.#wire = wire
    this.#rate = rate
    this.#stirred = stirred
    this.clock = {
      now: (): Instant => instant(this.#wire.now() * this.#rate + offset),
      after: (wait, wake) => this.#after(wait, wake),
    }
  }

  get isStopped(): boolean {
    return this.#stopped
  }

  #after(wait: Milliseconds, wake: () => void): Disposable {
    let over = false
    const run = (): void => {
      if (over) return
      over = true
      wake()
      this.#stirred()
    }
    const timer = this.#wire.after(ms(wait / this.#rate), () => {
      if (this.#dead) return
      if (this.#stopped) this.#timers.push(run)
      else run()
    })
    return {
      [Symbol.dispose]() {
        over = true
        timer[Symbol.dispose]()
      },
    }
  }

  /** Something comes from outside. */
  readonly arrives = (then: () => void): void => {
    if (this.#dead) return
    if (this.#stopped) this.#arrivals.push(then)
    else {
      then()
      this.#stirred()
    }
  }

  stop(): void {
    this.#stopped = true
  }

  continue(): void {
    if (!this.#stopped) return
    this.#stopped = false
    // Each in a turn of its own, as an event loop has it.
    for (const timer of this.#timers.splice(0)) this.#wire.after(ms(0), () => this.#turn(timer))
    for (const then of this.#arrivals.splice(0)) this.#wire.after(ms(0), () => this.arrives(then))
  }

  kill(): void {
    this.#dead = true
    this.#timers = []
    this.#arrivals = []
  }

  #turn(timer: () => void): void {
    if (this.#dead) return
    if (this.#stopped) this.#timers.push(timer)
    else timer()
  }
}
