// What do the reads of each list say by themselves: in which order was it appended to, and which
// reads cannot be? Knows nothing of other lists. Pure.

import { invariant } from '../../foundation/invariant.ts'
import type { Anomaly, Transaction } from './model.ts'

/** One list as an acknowledged transaction read it. */
export interface Read {
  readonly reader: Transaction
  readonly values: readonly number[]
}

/** All that is known of one list. */
export interface List {
  readonly key: string
  /** Who was to append which value. */
  readonly writers: ReadonlyMap<number, Transaction>
  /** The shortest first. */
  readonly reads: readonly Read[]
  /** The values in their order, or undefined where the reads contradict each other. */
  readonly order: readonly number[] | undefined
  /** Every value that some read shows. */
  readonly seen: ReadonlySet<number>
  readonly anomalies: readonly Anomaly[]
}

/** Reads every list of a history. Crashes when a value is appended twice to one. */
export function listsOf(history: readonly Transaction[]): readonly List[] {
  const found = new Map<string, { writers: Map<number, Transaction>; reads: Read[] }>()
  const at = (key: string) => {
    const list = found.get(key) ?? { writers: new Map<number, Transaction>(), reads: [] }
    found.set(key, list)
    return list
  }
  for (const transaction of history) {
    for (const step of transaction.steps) {
      const list = at(step.key)
      if (step.kind === 'append') {
        invariant(!list.writers.has(step.value), `${step.value} is appended to ${step.key} once`)
        list.writers.set(step.value, transaction)
      } else if (transaction.outcome === 'ok' && step.values !== undefined) {
        list.reads.push({ reader: transaction, values: step.values })
      }
    }
  }
  return [...found].map(([key, { writers, reads }]) =>
    listOf(
      key,
      writers,
      reads.toSorted((a, b) => a.values.length - b.values.length),
    ),
  )
}

function listOf(
  key: string,
  writers: ReadonlyMap<number, Transaction>,
  reads: readonly Read[],
): List {
  const seen = new Set(reads.flatMap(({ values }) => values))
  const fork = forkOf(key, reads)
  const twice = firstOfEach(reads.flatMap((read) => duplicates(key, read)))
  const list = { key, writers, reads, seen }
  return {
    ...list,
    order: fork === undefined && twice.length === 0 ? (reads.at(-1)?.values ?? []) : undefined,
    anomalies: [
      ...(fork === undefined ? [] : [fork]),
      ...twice,
      ...firstOfEach(reads.flatMap((read) => wrongElements(list, read))),
      ...lostAppends(list),
    ],
  }
}

/** A wrong value is in every read after the first: one of them says it. */
function firstOfEach(anomalies: readonly Anomaly[]): readonly Anomaly[] {
  const told = new Map<string, Anomaly>()
  for (const one of anomalies) {
    const name = one.kind === 'cycle' ? one.name : `${one.kind} ${one.value}`
    if (!told.has(name)) told.set(name, one)
  }
  return [...told.values()]
}

/** The shortest two reads of which neither goes on where the other ends. */
function forkOf(key: string, reads: readonly Read[]): Anomaly | undefined {
  for (const [index, { reader: other, values }] of reads.entries()) {
    const previous = reads[index - 1]
    if (previous === undefined) continue
    const value = previous.values.find((one, place) => one !== values[place])
    if (value === undefined) continue
    return { kind: 'incompatible-order', key, value, reader: previous.reader, other }
  }
  return undefined
}

function duplicates(key: string, { reader, values }: Read): readonly Anomaly[] {
  if (new Set(values).size === values.length) return []
  return values
    .filter((value, place) => values.indexOf(value) !== place)
    .map((value) => ({ kind: 'duplicate-element', key, value, reader }))
}

type Bare = Pick<List, 'key' | 'writers' | 'reads' | 'seen'>

function wrongElements({ key, writers }: Bare, { reader, values }: Read): readonly Anomaly[] {
  const found: Anomaly[] = []
  for (const value of values) {
    const writer = writers.get(value)
    if (writer === undefined) found.push({ kind: 'never-appended', key, value, reader })
    if (writer?.outcome === 'fail') found.push({ kind: 'aborted-read', key, value, reader, writer })
  }
  found.push(...reordered(key, writers, { reader, values }))
  const value = values.at(-1)
  const writer = value === undefined ? undefined : writers.get(value)
  if (value === undefined || writer === undefined || writer === reader) return found
  const last = appendsTo(writer, key).at(-1)
  if (last !== undefined && !values.includes(last)) {
    found.push({ kind: 'intermediate-read', key, value, reader, writer })
  }
  return found
}

/** The appends of one transaction in another order than it made them in. */
function reordered(
  key: string,
  writers: List['writers'],
  { reader, values }: Read,
): readonly Anomaly[] {
  const places = new Map<Transaction, number>()
  return values.flatMap((value): readonly Anomaly[] => {
    const writer = writers.get(value)
    if (writer === undefined || writer.steps.length === 1) return []
    const place = appendsTo(writer, key).indexOf(value)
    const isBack = (places.get(writer) ?? -1) > place
    places.set(writer, place)
    return isBack ? [{ kind: 'reordered-append', key, value, reader, writer }] : []
  })
}

const appendsTo = (transaction: Transaction, key: string): readonly number[] =>
  transaction.steps.flatMap((step) =>
    step.kind === 'append' && step.key === key ? [step.value] : [],
  )

/** Acknowledged values that no read shows, although one began after the acknowledgement. */
function lostAppends({ key, writers, reads, seen }: Bare): readonly Anomaly[] {
  const last = reads.toSorted((a, b) => b.reader.invoked - a.reader.invoked)[0]?.reader
  if (last === undefined) return []
  return [...writers].flatMap(([value, writer]): readonly Anomaly[] => {
    if (writer.outcome !== 'ok' || seen.has(value) || writer.completed >= last.invoked) return []
    return [{ kind: 'lost-append', key, value, writer, reader: last }]
  })
}

/** The reads of one transaction that do not fit its own appends. */
export function internalAnomalies(transaction: Transaction): readonly Anomaly[] {
  if (transaction.outcome !== 'ok') return []
  const done = new Map<string, number[]>()
  return transaction.steps.flatMap((step): readonly Anomaly[] => {
    const own = done.get(step.key) ?? []
    done.set(step.key, own)
    if (step.kind === 'append') {
      own.push(step.value)
      return []
    }
    const { key, values = [] } = step
    if (step.values === undefined) return []
    const missing = own.find((value, place) => values.at(place - own.length) !== value)
    const early = appendsTo(transaction, key).find(
      (value) => !own.includes(value) && values.includes(value),
    )
    const value = missing ?? early
    return value === undefined ? [] : [{ kind: 'internal', key, value, reader: transaction }]
  })
}
