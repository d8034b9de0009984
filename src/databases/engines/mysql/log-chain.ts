// Which transactions of an archived log of MySQL lead on from a base? Arithmetic of sets, pure:
// what a base has, and what went before a piece, are sets of GTIDs.

import type { ChainPart, Piece } from '../mysql-kin/log-pieces.ts'
import {
  formatGtidSet,
  type GtidSet,
  hasGtids,
  intersectGtids,
  parseGtidSet,
  subtractGtids,
  unionGtids,
} from './gtid-set.ts'

/** What has come once these have, after what had come before. */
export const afterThose = (before: string, gtids: readonly string[]): string =>
  formatGtidSet(unionGtids(parseGtidSet(before), parseGtidSet(gtids.join(','))))

/** All that is in a piece, or went before it. */
const allOf = ({ after, groups }: Piece): GtidSet =>
  parseGtidSet(
    afterThose(
      after,
      groups.map(({ gtid }) => gtid),
    ),
  )

/**
 * The transactions that lead on from what a base has, without a gap to the last piece; `undefined`
 * if one is missing. What a primary wrote that was then outvoted is left out: it is not among what
 * went before the next piece. A base that has something of that kind leads nowhere.
 */
export function chainFrom(
  pieces: readonly Piece[],
  base: string,
): readonly ChainPart[] | undefined {
  const had = parseGtidSet(base)
  let parts: ChainPart[] | undefined
  for (const piece of pieces) {
    const [before, all] = [parseGtidSet(piece.after), allOf(piece)]
    const known = parts === undefined ? had : unionGtids(had, gtidsIn(parts))
    // Whatever went before it is there, and it has whatever the base has.
    if (hasGtids(known, before) && hasGtids(all, had)) {
      const kept = (parts ?? []).map((part) => ({
        piece: part.piece,
        groups: part.groups.filter(({ gtid }) => hasGtids(before, parseGtidSet(gtid))),
      }))
      const own = piece.groups.filter(({ gtid }) => !hasGtids(had, parseGtidSet(gtid)))
      const repeated = gtidsIn(kept)
      const groups = own.filter(({ gtid }) => !hasGtids(repeated, parseGtidSet(gtid)))
      parts = [...kept, { piece, groups }]
    } else if (parts !== undefined) parts = undefined
  }
  return parts
}

const gtidsIn = (parts: readonly ChainPart[]): GtidSet =>
  parseGtidSet(parts.flatMap(({ groups }) => groups.map(({ gtid }) => gtid)).join(','))

/**
 * From where a log is received on: what is kept of it that this server has, too. `undefined` where
 * the server has no more of what would come next: then a new base has to be made.
 */
export function resumeFrom(
  newest: Piece | undefined,
  executed: string,
  purged: string,
): string | undefined {
  if (newest === undefined) return undefined
  const shared = intersectGtids(allOf(newest), parseGtidSet(executed))
  const gone = subtractGtids(parseGtidSet(purged), shared)
  return gone.size === 0 ? formatGtidSet(shared) : undefined
}
