// How much may one client of a door have in flight at once?

import { isDeepStrictEqual } from 'node:util'
import { Networks } from '../../../../foundation/addresses.ts'
import { InFlight } from '../../../limits/in-flight.ts'
import { limitKey } from '../../../limits/limit-key.ts'
import type { ConcurrencyLimit } from '../../../limits/model.ts'
import type { Asked } from '../../../routing/asked.ts'

interface Row {
  readonly limit: ConcurrencyLimit
  readonly inFlight: InFlight
  readonly trusted: Networks | undefined
}

const rowOf = (limit: ConcurrencyLimit): Row => ({
  limit,
  inFlight: new InFlight(limit.concurrent),
  trusted: limit.trust && new Networks(limit.trust),
})

/** What one request takes of its client's places, until it ends. */
export class Places {
  readonly #taken: (readonly [inFlight: InFlight, key: string])[] = []

  /** Takes one more; false when there is none left. */
  take(inFlight: InFlight, key: string): boolean {
    if (!inFlight.enter(key)) return false
    this.#taken.push([inFlight, key])
    return true
  }

  leave(): void {
    for (const [inFlight, key] of this.#taken.splice(0)) inFlight.leave(key)
  }
}

/** The places of all clients of one door. A limit that stays as it is goes on counting. */
export class DoorPlaces {
  #rows: readonly Row[] = []

  update(limits: readonly ConcurrencyLimit[]): void {
    this.#rows = limits.map(
      (limit) => this.#rows.find((row) => isDeepStrictEqual(row.limit, limit)) ?? rowOf(limit),
    )
  }

  /** Whether they are counted. */
  get limits(): boolean {
    return this.#rows.length > 0
  }

  /** Takes a place of each limit for a request; `undefined` when one of them has none left. */
  take(asked: Asked): Places | undefined {
    const places = new Places()
    for (const { limit, inFlight, trusted } of this.#rows) {
      const key = limitKey(limit, trusted, asked)
      if (key === undefined || places.take(inFlight, key)) continue
      places.leave()
      return undefined
    }
    return places
  }
}
