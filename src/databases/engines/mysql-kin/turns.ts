// In which order is a server changed? One thing at a time: what was ordered, and between orders
// what a server needs and cannot do itself.

import { setTimeout as pause } from 'node:timers/promises'
import { Fault } from '../../../foundation/fault.ts'

/** How often it is looked whether help is needed. */
const dutyPause = 250
/** What one such look may take. */
const dutyWithin = 60_000

export class Turns implements AsyncDisposable {
  readonly #closing = new AbortController()
  readonly #isNeeded: () => boolean
  readonly #giveHelp: (signal: AbortSignal) => Promise<void>
  readonly #tell: (why: string) => void
  readonly #duty: Promise<void>
  #turn: Promise<unknown> = Promise.resolve()
  /** Ends the help that is being given. */
  #help = new AbortController()
  #lastTrouble = ''

  /** `tell` hears of help that could not be given, once for each reason. */
  constructor(
    isNeeded: () => boolean,
    giveHelp: (signal: AbortSignal) => Promise<void>,
    tell: (why: string) => void,
  ) {
    this.#isNeeded = isNeeded
    this.#giveHelp = giveHelp
    this.#tell = tell
    this.#duty = this.#onDuty()
  }

  /** Ends with the engine. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** An order: it does not wait for what nobody ordered. */
  order<T>(work: () => Promise<T>): Promise<T> {
    this.#help.abort(new Error('something was ordered'))
    return this.#next(work)
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #onDuty(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await pause(dutyPause, undefined, { signal, ref: false })
        if (!this.#isNeeded()) continue
        this.#help = new AbortController()
        const { signal: ordered } = this.#help
        await this.#next(() => {
          const within = AbortSignal.timeout(dutyWithin)
          return this.#giveHelp(AbortSignal.any([signal, ordered, within]))
        })
      } catch (thrown) {
        if (signal.aborted) return
        // It is tried again, and `look` says what keeps it: an account, or a server that is silent.
        this.#trouble(thrown)
      }
    }
  }

  /** Gives help beside something that was ordered, again and again until this is disposed. */
  meanwhile(help: (signal: AbortSignal) => Promise<void>): AsyncDisposable {
    const done = new AbortController()
    const running = this.#helpUntil(help, AbortSignal.any([this.closing, done.signal]))
    return {
      async [Symbol.asyncDispose]() {
        done.abort(new Error('what was ordered is done'))
        await running
      },
    }
  }

  async #helpUntil(
    help: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      try {
        await pause(dutyPause, undefined, { signal, ref: false })
        await help(signal)
      } catch (thrown) {
        // The server ends meanwhile: that is what was ordered.
        if (!signal.aborted) this.#trouble(thrown)
      }
    }
  }

  #trouble(thrown: unknown): void {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    if (why === this.#lastTrouble || !(thrown instanceof Fault)) return
    this.#lastTrouble = why
    this.#tell(why)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Fault('failed', 'the engine was closed'))
    await this.#duty
    await this.#turn
  }
}
