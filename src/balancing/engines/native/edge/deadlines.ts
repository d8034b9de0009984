// Who has waited too long? One clock hand for all connections, in steps of fifty milliseconds.

/** Somebody with a deadline. */
export interface Expiring {
  /** Its time is over; the deadline has been cleared. */
  expired(): void
}

/** Milliseconds between two steps. */
export const stepLength = 50

/**
 * The deadlines of all connections of one process, as numbers side by side: to set one is to store
 * a number, and a step looks only at numbers. Time that the process itself slept (it was stopped,
 * or the machine was) does not count: answers that came meanwhile still lie in the sockets, and
 * nobody is to be called late before they have been read.
 */
export class Deadlines {
  /** Milliseconds lived so far. */
  now = 0
  #at = new Float64Array(1024).fill(Infinity)
  readonly #owners: (Expiring | undefined)[] = []
  readonly #free: number[] = []

  /** A place for one deadline, not yet set. */
  take(owner: Expiring): number {
    const place = this.#free.pop() ?? this.#owners.length
    if (place === this.#at.length) {
      const grown = new Float64Array(place * 2).fill(Infinity)
      grown.set(this.#at)
      this.#at = grown
    }
    this.#owners[place] = owner
    return place
  }

  give(place: number): void {
    this.#at[place] = Infinity
    this.#owners[place] = undefined
    this.#free.push(place)
  }

  /** At the earliest `wait` from now, at the latest two steps after that. */
  set(place: number, wait: number): void {
    this.#at[place] = this.now + wait + stepLength
  }

  clear(place: number): void {
    this.#at[place] = Infinity
  }

  /** Moves on after `elapsed` milliseconds, and calls on those whose time is over. */
  step(elapsed: number): void {
    this.now += Math.min(elapsed, 4 * stepLength)
    const { now } = this
    const count = this.#owners.length
    for (let place = 0; place < count; place += 1) {
      if ((this.#at[place] as number) > now) continue
      this.#at[place] = Infinity
      this.#owners[place]?.expired()
    }
  }
}
