// Does a primary take a write, and is it acknowledged? One row at a time, in a table of our own.

import { ownDatabase } from './kin.ts'
import type { Session } from './session.ts'

/** Rows of the probe are kept for so long. */
const probesKept = '1 MINUTE'

export class WriteProbe {
  readonly #open: () => Promise<Session>
  readonly #closing: AbortSignal
  /** A write whose acknowledgement is still waited for: there is never a second one. */
  #writing: Promise<void> | undefined

  /** `open` gives a session of a primary, and rejects where it is none. */
  constructor(open: () => Promise<Session>, closing: AbortSignal) {
    this.#open = open
    this.#closing = closing
  }

  /** Resolves with the acknowledgement; rejects if there is none, or with the signal. */
  async write(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
    const { promise, reject } = Promise.withResolvers<never>()
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([this.#writing, promise])
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  async #write(): Promise<void> {
    using session = await this.#open()
    const table = `${ownDatabase}.probe`
    await session.query(`INSERT INTO ${table} (at) VALUES (NOW())`, this.#closing)
    await session.query(
      `DELETE FROM ${table} WHERE at < NOW() - INTERVAL ${probesKept}`,
      this.#closing,
    )
  }
}
