// Which transactions of an archived log of MySQL lead on from a base? Arithmetic of sets, pure:
// what a base has, and what went before a piece, are sets of GTIDs.

import type { ChainPart, Outline } from '../mysql-kin/outline.ts'
import type { Run } from '../mysql-kin/runs.ts'
import {
  formatGtidSet,
  type GtidSet,
  hasGtids,
  type Interval,
  intersectGtids,
  parseGtidSet,
  subtractGtids,
  unionGtids,
} from './gtid-set.ts'

/** What has come once these have, after what had come before. */
export const afterThose = (before: string, runs: readonly Run[]): string =>
  formatGtidSet(unionGtids(parseGtidSet(before), setOf(runs)))

/** All that is in a piece, or went before it. */
const allOf = ({ after, runs }: Outline): GtidSet => unionGtids(parseGtidSet(after), setOf(runs))

function setOf(runs: readonly Run[]): GtidSet {
  const sources = Map.groupBy(runs, ({ source }) => source.slice(0, -1))
  const intervals = ({ first, last }: Run): Interval => [first, last]
  return unionGtids(new Map([...sources].map(([key, of]) => [key, of.map(intervals)])))
}

/** What `choose` leaves of each, in their order. */
const chosen = (runs: readonly Run[], choose: (set: GtidSet) => GtidSet): readonly Run[] =>
  runs.flatMap((run) =>
    [...choose(setOf([run])).values()]
      .flat()
      .map(([first, last]) => ({ source: run.source, first, last })),
  )

/**
 * The transactions that lead on from what a base has, without a gap to the last piece; `undefined`
 * if one is missing. What a primary wrote that was then outvoted is left out: it is not among what
 * went before the next piece. A base that has something of that kind leads nowhere.
 */
export function chainFrom(
  pieces: readonly Outline[],
  base: string,
): readonly ChainPart[] | undefined {
  const had = parseGtidSet(base)
  let parts: ChainPart[] | undefined
  /** What is in the parts. */
  let given: GtidSet = new Map()
  for (const piece of pieces) {
    const before = parseGtidSet(piece.after)
    // Whatever went before it is there, and it has whatever the base has.
    if (!hasGtids(unionGtids(had, given), before) || !hasGtids(allOf(piece), had)) {
      parts = undefined
      given = new Map()
      continue
    }
    parts ??= []
    if (!hasGtids(before, given)) {
      const kept = (runs: readonly Run[]) => chosen(runs, (set) => intersectGtids(set, before))
      parts = parts.map((part) => ({ piece: part.piece, runs: kept(part.runs) }))
      given = intersectGtids(given, before)
    }
    const known = unionGtids(had, given)
    const runs = chosen(piece.runs, (set) => subtractGtids(set, known))
    parts.push({ piece, runs })
    given = unionGtids(given, setOf(runs))
  }
  return parts
}

/**
 * From where a log is received on: what is kept of it that this server has, too. `undefined` where
 * the server has no more of what would come next: then a new base has to be made.
 */
export function resumeFrom(
  newest: Outline | undefined,
  executed: string,
  purged: string,
): string | undefined {
  if (newest === undefined) return undefined
  const shared = intersectGtids(allOf(newest), parseGtidSet(executed))
  const gone = subtractGtids(parseGtidSet(purged), shared)
  return gone.size === 0 ? formatGtidSet(shared) : undefined
}
