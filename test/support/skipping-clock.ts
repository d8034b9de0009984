// The machine's clock, of which a test skips what it need not wait for.

import {
  type Clock,
  type Instant,
  later,
  type Milliseconds,
  ms,
  openClock,
} from '../../src/foundation/time.ts'

/** Timers wake as they were set; only what is asked for the time sees that some was skipped. */
export class SkippingClock implements Clock {
  readonly #clock = openClock()
  #skipped = ms(0)

  now(): Instant {
    return later(this.#clock.now(), this.#skipped)
  }

  after(wait: Milliseconds, wake: () => void): Disposable {
    return this.#clock.after(wait, wake)
  }

  /** From now on it is so much later. */
  skip(wait: Milliseconds): void {
    this.#skipped = ms(this.#skipped + wait)
  }
}
