// Can a primary write? It is asked to, one write after the other; one that waits for members that
// are not there says nothing about its server.

import { type Clock, type Instant, instant, ms, since } from '../foundation/time.ts'
import { keeperEvery } from './budget.ts'
import type { MemberEngine, ServerSight } from './engine.ts'
import type { FailoverBounds, MemberSighting } from './model.ts'

/** What writing is tried on. */
export interface WriteWatchOptions {
  readonly engine: MemberEngine
  readonly clock: Clock
  readonly bounds: () => FailoverBounds
}

/** Keeps one trial write under way. */
export class WriteWatch {
  /** Since when writing fails, though enough receive. */
  failingSince: Instant | undefined
  /** Since when too few receive for any write to be acknowledged. */
  waitingSince: Instant | undefined
  /** When that last ended: what was tried before says nothing. */
  #enoughSince: Instant | undefined
  #began: Instant | undefined
  readonly #options: WriteWatchOptions
  readonly #signal: AbortSignal

  constructor(options: WriteWatchOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  /** Who receives from it, as its server says. */
  saw({ server, acks, receivers, received }: ServerSight): void {
    // One that does not answer has not said that nobody receives.
    if (server === 'primary' && received === undefined) return
    const near = acks?.members.filter((name) => receivers[name] !== undefined) ?? []
    const waits = server === 'primary' && acks !== undefined && near.length < acks.needed
    if (waits) {
      this.waitingSince ??= this.#options.clock.now()
      this.failingSince = undefined
    } else if (this.waitingSince !== undefined) {
      this.waitingSince = undefined
      this.#enoughSince = this.#options.clock.now()
    }
  }

  /** What is under way for long is failing already. */
  judge(): void {
    if (this.#began === undefined) return
    const isLong = since(this.#from(this.#began), this.#options.clock.now()) > 2 * keeperEvery
    if (isLong) this.#fails(this.#began)
  }

  /** Tries to write, unless a trial is under way. */
  try(seen: MemberSighting | undefined): void {
    const { engine, clock, bounds } = this.#options
    // One that does not answer has not said either that it takes no writes.
    if (seen?.server !== 'primary' || (!seen.writable && seen.received !== undefined)) {
      this.failingSince = undefined
      return
    }
    if (this.#began !== undefined) return
    const began = clock.now()
    this.#began = began
    const stop = new AbortController()
    const timer = clock.after(ms(2 * bounds().hung), () => stop.abort(new Error('no write')))
    engine
      .tryWrite(AbortSignal.any([stop.signal, this.#signal]))
      .then(
        () => {
          this.failingSince = undefined
        },
        () => {
          // One that nobody saw to be long by now was not: it was this process that stood still.
          if (!stop.signal.aborted) this.#fails(began)
        },
      )
      .finally(() => {
        timer[Symbol.dispose]()
        this.#began = undefined
      })
  }

  #from(began: Instant): Instant {
    return instant(Math.max(began, this.#enoughSince ?? began))
  }

  #fails(began: Instant): void {
    if (this.waitingSince === undefined) this.failingSince ??= this.#from(began)
  }
}
