// How is a server's limit shared among edges that know nothing of each other? By demand, and never
// more of it than there is. Pure.

/** What one edge has of one limit. */
export interface Holding {
  /** What it was told last. */
  readonly told: number
  /** What it may be using at most: what it was told before counts until it has confirmed. */
  readonly ceiling: number
  /** It has confirmed what it was told. */
  readonly confirmed: boolean
  /** Requests on the server through it, and waiting at it for the service. */
  readonly active: number
  readonly waiting: number
}

/** An edge of which nothing is known but that it has just been started. */
export const fresh: Holding = { told: 0, ceiling: 0, confirmed: true, active: 0, waiting: 0 }

/** The edge was told another share. */
export const tell = (holding: Holding, told: number): Holding => ({
  ...holding,
  told,
  ceiling: Math.max(holding.ceiling, told),
  confirmed: false,
})

/** The edge reported: `limit` is the share that it goes by. */
export function hear(
  holding: Holding,
  {
    limit,
    active,
    waiting,
  }: { readonly limit: number; readonly active: number; readonly waiting: number },
): Holding {
  if (limit !== holding.told) return { ...holding, active, waiting }
  const { told } = holding
  return { told, active, waiting, confirmed: true, ceiling: Math.max(told, active) }
}

/**
 * What each edge should be told now, in the order of `holdings`. Nobody is told another number
 * before the last one is confirmed, and nobody gets more than what all others may be using leaves:
 * so all of them together never have more than `limit` on the server. `turn` counts up, for those
 * who share what cannot be divided to take turns.
 */
export function reshare(
  limit: number,
  holdings: readonly Holding[],
  turn: number,
): readonly number[] {
  const told = holdings.map((holding) => holding.told)
  const isWanted = holdings.some(({ waiting, active, told: has }) => waiting > 0 && active >= has)
  if (!isWanted && sum(told) === limit) return told
  const wanted = fairShares(
    limit,
    holdings.map(({ active, waiting }) => active + waiting),
    turn,
  )
  let free = limit - sum(holdings.map(({ ceiling }) => ceiling))
  return holdings.map((holding, index) => {
    const want = wanted[index] ?? 0
    if (!holding.confirmed || want === holding.told) return holding.told
    if (want < holding.told) return want
    // What the edge may be using is counted already: only what goes beyond it has to be free.
    const most = Math.min(want, holding.ceiling + Math.max(0, free))
    free -= Math.max(0, most - holding.ceiling)
    return Math.max(holding.told, most)
  })
}

/** To each what it needs, or as much as any other gets; what is left over, evenly. */
export function fairShares(
  limit: number,
  needs: readonly number[],
  turn: number,
): readonly number[] {
  const given = needs.map(() => 0)
  const rotated = needs.map((_, index) => (index + turn) % needs.length)
  let left = limit
  const spread = (among: readonly number[], most: (index: number) => number): void => {
    for (let open = among; open.length > 0 && left > 0; ) {
      const each = Math.max(1, Math.floor(left / open.length))
      for (const index of open) {
        const share = Math.min(each, left, most(index) - (given[index] as number))
        given[index] = (given[index] as number) + share
        left -= share
      }
      open = open.filter((index) => (given[index] as number) < most(index))
    }
  }
  spread(
    rotated.filter((index) => (needs[index] as number) > 0),
    (index) => needs[index] as number,
  )
  spread(
    needs.map((_, index) => index),
    () => limit,
  )
  return given
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)
