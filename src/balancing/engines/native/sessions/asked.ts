// What has a session asked since it last rested, and may it be asked of another server?

import type { Server } from '../edge/server.ts'

/** A longer request is not asked twice. */
const bytesMost = 16 * 1024

/** Kept for as long as no server has said a word about it, or only that it leaves. */
export class Asked {
  #bytes: Buffer | undefined
  #refusal: { readonly by: Server | undefined; readonly words: Buffer } | undefined

  /** Something is asked, and not answered by a word. */
  get isOpen(): boolean {
    return this.#bytes !== undefined
  }

  begin(said: Buffer): void {
    this.#bytes = said.length > bytesMost ? undefined : Buffer.from(said)
  }

  /** More of it; false when it is not kept any longer, for it is too long. */
  add(said: Buffer): boolean {
    const before = this.#bytes
    if (before === undefined) return true
    const isLong = before.length + said.length > bytesMost
    this.#bytes = isLong ? undefined : Buffer.concat([before, said])
    return !isLong
  }

  /** It is being answered. */
  answered(): void {
    this.#bytes = undefined
    this.#refusal = undefined
  }

  /** A server left with these words, and did nothing of it. Returns what is to be asked again. */
  refused(by: Server | undefined, words: Buffer): Buffer {
    const asked = this.#bytes ?? Buffer.alloc(0)
    this.#bytes = undefined
    this.#refusal = { by, words }
    return asked
  }

  /** A server would not have the session: it is true that servers leave. */
  missed(): void {
    this.#refusal = undefined
  }

  /**
   * This server lets the session in. If it is the one that ended it just now, it is not leaving:
   * somebody meant this very session, and what it said is for the client.
   */
  meant(server: Server | undefined): Buffer | undefined {
    return this.#refusal?.by === server ? this.#refusal?.words : undefined
  }
}
