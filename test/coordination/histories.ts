// Is what concurrent clients saw possible of one register that everybody shares? Writes must be
// linearizable, and no client's reads may go back. Pure: judges histories, makes none.

/** What a client did, and when it began and ended, by one clock. */
export interface Operation {
  readonly client: number
  readonly began: number
  readonly ended: number
  readonly kind: 'write' | 'compare-and-set' | 'read' | 'synced-read'
  /** What was written, or what was read. */
  readonly value: string
  /** Of a compare-and-set: the value it replaced. */
  readonly replaced?: string
  /** `unknown`: the connection was lost, it may have been done at any later time, or never. */
  readonly outcome: 'done' | 'refused' | 'unknown'
}

const changes = ({ kind }: Operation): boolean => kind === 'write' || kind === 'compare-and-set'

/** What an operation makes of the register; undefined if it cannot have happened at that value. */
function applied(operation: Operation, value: string): string | undefined {
  switch (operation.kind) {
    case 'write':
      return operation.value
    case 'compare-and-set':
      return operation.replaced === value ? operation.value : undefined
    default:
      return operation.value === value ? value : undefined
  }
}

/**
 * Whether there is an order of the operations, each at some moment between its beginning and its
 * end, in which a register that starts as `initial` gives all these answers. The search is Wing and
 * Gong's, with the visited states remembered, after Lowe. Plain reads are left out: ZooKeeper's may
 * be of the past.
 */
export function isLinearizable(history: readonly Operation[], initial: string): boolean {
  const relevant = history.filter(
    (operation) => operation.kind !== 'read' && operation.outcome !== 'refused',
  )
  const must = relevant.filter(({ outcome }) => outcome === 'done').length
  const all = relevant.toSorted((one, other) => one.began - other.began)
  const seen = new Set<string>()
  const taken = new Uint8Array(all.length)

  /** Tries every operation that may come next; `done` counts those that had to happen. */
  const search = (value: string, done: number): boolean => {
    if (done === must) return true
    const state = `${taken.join('')}|${value}`
    if (seen.has(state)) return false
    seen.add(state)
    let soonest = Number.POSITIVE_INFINITY
    for (const [at, operation] of all.entries()) {
      if (taken[at] === 0 && operation.outcome === 'done') {
        soonest = Math.min(soonest, operation.ended)
      }
    }
    for (const [at, operation] of all.entries()) {
      // Whatever began after another had to end cannot come before it.
      if (operation.began > soonest) break
      if (taken[at] !== 0) continue
      const next = applied(operation, value)
      if (next === undefined) continue
      taken[at] = 1
      if (search(next, done + (operation.outcome === 'done' ? 1 : 0))) return true
      taken[at] = 0
    }
    return false
  }
  return search(initial, 0)
}

/**
 * The first read that went back behind what the same client had seen or done before, judged by the
 * order in which values were written; undefined if none did. Values must all be different.
 */
export function firstReadBackwards(
  history: readonly Operation[],
  order: readonly string[],
): Operation | undefined {
  const place = new Map(order.map((value, at) => [value, at]))
  const furthest = new Map<number, number>()
  for (const operation of history.toSorted((one, other) => one.ended - other.ended)) {
    if (operation.outcome !== 'done') continue
    const at = place.get(operation.value)
    if (at === undefined) return operation
    const before = furthest.get(operation.client) ?? -1
    if (!changes(operation) && at < before) return operation
    furthest.set(operation.client, Math.max(before, at))
  }
  return undefined
}
