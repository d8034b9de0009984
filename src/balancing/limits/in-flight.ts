// Has this client too much in flight? A count for each that has anything at all. Pure.

/** One limit over all clients; it remembers only those that are there. */
export class InFlight {
  readonly #most: number
  readonly #counts = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** Clients that have something in flight. */
  get size(): number {
    return this.#counts.size
  }

  /** Takes a place; false when the client has all of its places. */
  enter(key: string): boolean {
    const count = this.#counts.get(key) ?? 0
    if (count >= this.#most) return false
    this.#counts.set(key, count + 1)
    return true
  }

  leave(key: string): void {
    const count = this.#counts.get(key) ?? 0
    if (count > 1) this.#counts.set(key, count - 1)
    else this.#counts.delete(key)
  }
}
