// Has a member's disk room enough for it to be primary? Asked again and again, never waited for.

import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'

/** With less, in bytes, no server can be started, and one that runs may end: a few log segments. */
export const roomLeast = 64 * 1024 * 1024
/** So much it takes until a disk that was full counts as one with room again. */
const roomAgain = 2 * roomLeast

/** Free bytes of the disk on which `folder` is, or will be. Rejects if that cannot be asked. */
export async function freeBytesAt(folder: string): Promise<number> {
  let place = folder
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place)
  const { bavail, bsize } = await statfs(place)
  return bavail * bsize
}

/** Remembers how much room there was when that was last known. */
export class Room {
  readonly #ask: () => Promise<number>
  #isAsking = false
  #isFull = false

  constructor(ask: () => Promise<number>) {
    this.#ask = ask
  }

  /** Why its member should not be primary; `undefined` while there is room, as far as is known. */
  get unfit(): string | undefined {
    return this.#isFull ? 'its disk is full' : undefined
  }

  /** Asks, unless an answer is still out: a disk that does not answer holds nobody up. */
  look(): void {
    if (this.#isAsking) return
    this.#isAsking = true
    this.#ask()
      .then(
        (bytes) => this.saw(bytes),
        // What cannot be asked says nothing: it is as it was.
        () => undefined,
      )
      .finally(() => {
        this.#isAsking = false
      })
  }

  /** So many bytes are free. */
  saw(bytes: number): void {
    this.#isFull = bytes < (this.#isFull ? roomAgain : roomLeast)
  }
}
