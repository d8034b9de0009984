// Has a replica less than it once had, and so perhaps less than it acknowledged? Pure, but for what
// it remembers.

import type { MemberSighting, Position } from './model.ts'
import { reaches } from './position.ts'

/** Watches what one member has received. */
export class Recall {
  #most: Position | undefined
  #forgot: boolean

  /** `lost`: what a keeper before this one has written down. */
  constructor(lost?: Position) {
    this.#most = lost
    this.#forgot = lost !== undefined
  }

  /** It may have acknowledged more than it has. */
  get forgot(): boolean {
    return this.#forgot
  }

  /** Of one that has less than it had: what it had. No server says that any more: it is kept. */
  get lost(): Position | undefined {
    return this.#forgot ? this.#most : undefined
  }

  /** What a keeper before this one has told last. */
  recall(told: MemberSighting | undefined): void {
    if (told?.server === 'replica') this.#most ??= told.received
  }

  /** What it has now. Whoever is primary was shown to have everything, or nothing was asked. */
  saw({ server, received }: Pick<MemberSighting, 'server' | 'received'>): void {
    if (server === 'primary') this.renew()
    else if (received !== undefined) {
      this.#forgot = this.#most !== undefined && !reaches(received, this.#most)
      if (!this.#forgot && server === 'replica') this.#most = received
    }
  }

  /** All that it has is given up for what another has. */
  renew(): void {
    this.#most = undefined
    this.#forgot = false
  }
}
