// Which transaction has to come before which other, by what they read and by when they were? Pure.

import type { Dependency, Transaction } from './model.ts'
import type { List, Read } from './orders.ts'

/** The transactions that took effect: acknowledged, or unknown and seen by a read. */
export function effective(
  history: readonly Transaction[],
  lists: readonly List[],
): readonly Transaction[] {
  const seen = new Set(
    lists.flatMap((list) => [...list.seen].map((value) => list.writers.get(value))),
  )
  return history.filter(
    (one) => one.outcome === 'ok' || (one.outcome === 'unknown' && seen.has(one)),
  )
}

/**
 * What follows from the reads of one list. An append that took effect and that no read shows comes
 * after everything that was read. If the reads contradict each other, only who read from whom is
 * known.
 */
export function* dependenciesOf(list: List, took: ReadonlySet<Transaction>): Generator<Dependency> {
  const { key, order } = list
  const writer = (value: number | undefined): Transaction | undefined => {
    const found = value === undefined ? undefined : list.writers.get(value)
    return found !== undefined && took.has(found) ? found : undefined
  }
  for (const { reader, values } of list.reads) {
    const value = values.findLast((one) => writer(one) !== undefined)
    yield* dependency('wr', writer(value), reader, key, value)
  }
  if (order === undefined) return
  const known = order.filter((value) => writer(value) !== undefined)
  for (const [place, value] of known.entries()) {
    yield* dependency('ww', writer(known[place - 1]), writer(value), key, value)
  }
  const unseen = unseenOf(list, took)
  for (const value of unseen) {
    yield* dependency('ww', writer(known.at(-1)), writer(value), key, value)
  }
  for (const { reader, values } of list.reads) {
    let place = values.length
    while (place < order.length && writer(order[place]) === undefined) place += 1
    const next = order[place]
    for (const value of next === undefined ? unseen : [next]) {
      yield* dependency('rw', reader, writer(value), key, value)
    }
  }
}

/** Values that took effect and no read shows, but for those that are lost and told as such. */
function unseenOf(list: List, took: ReadonlySet<Transaction>): readonly number[] {
  const lost = new Set(list.anomalies.flatMap((e) => (e.kind === 'lost-append' ? [e.value] : [])))
  return [...list.writers]
    .filter(([value, one]) => took.has(one) && !list.seen.has(value) && !lost.has(value))
    .map(([value]) => value)
}

function* dependency(
  relation: Dependency['relation'],
  before: Transaction | undefined,
  after: Transaction | undefined,
  key?: string,
  value?: Read['values'][number],
): Generator<Dependency> {
  if (before === undefined || after === undefined || before === after) return
  yield { relation, before, after, key, value }
}

/**
 * Who had ended before who began, without what follows from others. One with an unknown outcome
 * never ends: it may take effect at any time.
 */
export function* realtimeOf(took: readonly Transaction[]): Generator<Dependency> {
  const ends = took
    .filter(({ outcome }) => outcome === 'ok')
    .toSorted((a, b) => a.completed - b.completed)
  let frontier: Transaction[] = []
  let next = 0
  for (const after of took.toSorted((a, b) => a.invoked - b.invoked)) {
    for (; ; next += 1) {
      const ended = ends[next]
      if (ended === undefined || ended.completed >= after.invoked) break
      frontier = frontier.filter(({ completed }) => completed >= ended.invoked)
      frontier.push(ended)
    }
    for (const before of frontier) yield* dependency('realtime', before, after)
  }
}
