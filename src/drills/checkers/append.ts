// Do the lists that clients appended to and read fit the promised level of isolation? Knows nothing
// of databases. Pure.
//
// The method is Elle's (K. Kingsbury, P. Alvaro, VLDB 2020): a list that is read shows in which
// order it was appended to; from that follows who came before whom; nobody comes before himself.

import { unreachable } from '../../foundation/invariant.ts'
import { components, type Edge, graphOf, smallestCycle } from './cycles.ts'
import { dependenciesOf, effective, realtimeOf } from './dependencies.ts'
import type { Anomaly, AppendVerdict, Dependency, Level, Relation, Transaction } from './model.ts'
import { internalAnomalies, listsOf } from './orders.ts'

/**
 * Finds what `level` forbids. Every list should be read at the end, after the last append, from the
 * primary: a `lost-append` is judged by that. Of each knot of cycles only the gravest and smallest
 * is told, so a verdict says whether something is wrong, not how often.
 *
 * For `strict-serializable` this is exact: without an anomaly there is an order in which all
 * transactions could have run one after the other, each while its client waited.
 */
export function checkAppends(
  history: readonly Transaction[],
  level: Level = 'strict-serializable',
): AppendVerdict {
  const lists = listsOf(history)
  const took = effective(history, lists)
  const known = new Set(took)
  const dependencies = [
    ...lists.flatMap((list) => [...dependenciesOf(list, known)]),
    ...(level === 'strict-serializable' ? realtimeOf(took) : []),
  ]
  const found = [
    ...lists.flatMap(({ anomalies }) => anomalies),
    ...history.flatMap(internalAnomalies),
    ...cyclesOf(took, dependencies),
  ].toSorted((a, b) => sizeOf(a) - sizeOf(b))
  return {
    level,
    transactions: took.length,
    anomalies: found.filter((anomaly) => isForbidden(anomaly, level)),
    allowed: found.filter((anomaly) => !isForbidden(anomaly, level)),
  }
}

/** Whether `level` forbids it. What is no cycle every level forbids. */
function isForbidden(anomaly: Anomaly, level: Level): boolean {
  if (anomaly.kind !== 'cycle') return true
  if (level === 'read-committed') return anomaly.name === 'G0' || anomaly.name === 'G1c'
  return level !== 'snapshot-isolation' || anomaly.name !== 'G2'
}

/** The transactions that show an anomaly, each once. */
export function shownBy(anomaly: Anomaly): readonly Transaction[] {
  switch (anomaly.kind) {
    case 'cycle':
      return anomaly.dependencies.map(({ before }) => before)
    case 'incompatible-order':
      return [anomaly.reader, anomaly.other]
    case 'aborted-read':
    case 'intermediate-read':
    case 'reordered-append':
    case 'lost-append':
      return [anomaly.writer, anomaly.reader]
    case 'never-appended':
    case 'duplicate-element':
    case 'internal':
      return [anomaly.reader]
    default:
      return unreachable(anomaly)
  }
}

const sizeOf = (anomaly: Anomaly): number =>
  shownBy(anomaly).reduce((sum, { steps }) => sum + 1 + steps.length / 1000, 0)

/** From the gravest on: each search goes on where the one before it found nothing. */
const searches: readonly (readonly Relation[])[] = [
  ['ww'],
  ['ww', 'wr'],
  ['ww', 'wr', 'rw'],
  ['ww', 'realtime'],
  ['ww', 'wr', 'realtime'],
  ['ww', 'wr', 'rw', 'realtime'],
]

type Link = Edge & { readonly dependency: Dependency }

function cyclesOf(
  took: readonly Transaction[],
  dependencies: readonly Dependency[],
): readonly Anomaly[] {
  const numbers = new Map(took.map((transaction, index) => [transaction, index]))
  const links = dependencies.map((dependency): Link => {
    const { before, after } = dependency
    return { from: numbers.get(before) ?? 0, to: numbers.get(after) ?? 0, dependency }
  })
  const told = new Set<number>()
  const found: Anomaly[] = []
  for (const relations of searches) {
    const graph = graphOf(
      took.length,
      links.filter(({ dependency }) => relations.includes(dependency.relation)),
    )
    for (const component of components(graph)) {
      if (component.some((node) => told.has(node))) continue
      for (const node of component) told.add(node)
      const isRead = ({ dependency }: Link): boolean => dependency.relation === 'rw'
      const single = smallestCycle(graph, component, isRead, (link) => !isRead(link))
      const cycle = single ?? smallestCycle(graph, component, always, always)
      if (cycle === undefined) continue
      found.push(anomalyOf(withoutDetours(cycle.map(({ dependency }) => dependency))))
    }
  }
  return found
}

const always = (): boolean => true

/** Who ended before one that ended before a third began, ended before the third began. */
function withoutDetours(cycle: readonly Dependency[]): readonly Dependency[] {
  const start = cycle.findIndex(({ relation }) => relation !== 'realtime')
  const kept: Dependency[] = []
  for (const dependency of [...cycle.slice(start), ...cycle.slice(0, start)]) {
    const last = kept.at(-1)
    if (last?.relation !== 'realtime' || dependency.relation !== 'realtime') kept.push(dependency)
    else kept.splice(-1, 1, { ...last, after: dependency.after })
  }
  return kept
}

function anomalyOf(dependencies: readonly Dependency[]): Anomaly {
  const count = (relation: Relation): number =>
    dependencies.filter((one) => one.relation === relation).length
  const reads = count('rw')
  const withReads = reads === 1 ? 'G-single' : 'G2'
  const without = count('wr') > 0 ? 'G1c' : 'G0'
  return {
    kind: 'cycle',
    name: reads > 0 ? withReads : without,
    realtime: count('realtime') > 0,
    dependencies,
  }
}
