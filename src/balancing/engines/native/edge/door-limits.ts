// Which of a door's limits does a request exceed, and what do other edges have to know of it?

import { isDeepStrictEqual } from 'node:util'
import { Networks } from '../../../../foundation/addresses.ts'
import { limitKey } from '../../../limits/limit-key.ts'
import { Limiter } from '../../../limits/limiter.ts'
import type { Limit, Spent } from '../../../limits/model.ts'
import type { Asked } from '../../../routing/asked.ts'

interface Row {
  readonly limit: Limit
  readonly limiter: Limiter
  readonly trusted: Networks | undefined
}

const rowOf = (limit: Limit): Row => ({
  limit,
  limiter: new Limiter(limit.perSecond, limit.burst),
  trusted: limit.trust && new Networks(limit.trust),
})

/** The limits of one door. A limit that stays as it is remembers its clients. */
export class DoorLimits {
  #rows: readonly Row[] = []

  update(limits: readonly Limit[]): void {
    this.#rows = limits.map(
      (limit) => this.#rows.find((row) => isDeepStrictEqual(row.limit, limit)) ?? rowOf(limit),
    )
  }

  /** Whether there is any. */
  get limits(): boolean {
    return this.#rows.length > 0
  }

  /** Counts a request: 0, or the milliseconds until its client may ask again. */
  refuses(asked: Asked, now: number): number {
    for (const { limit, limiter, trusted } of this.#rows) {
      const key = limitKey(limit, trusted, asked)
      const left = key === undefined ? 0 : limiter.take(key, now)
      if (left > 0) return left
    }
    return 0
  }

  /** What has been spent here, of clients that are near their limit. */
  tell(now: number): readonly Spent[] {
    return this.#rows.flatMap(({ limit, limiter }) =>
      limiter.tell(now).map(([key, count]): Spent => [limit.id, key, count]),
    )
  }

  /** What has been spent at another edge. */
  owe(spent: readonly Spent[], now: number): void {
    for (const { limit, limiter } of this.#rows) {
      for (const [id, key, count] of spent) if (id === limit.id) limiter.owe(key, count, now)
    }
  }
}
