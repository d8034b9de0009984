// Which transactions of an archived log of MariaDB lead on from a base? Pure.

import type { ChainPart, Piece, ReadGroups } from '../mysql-kin/log-pieces.ts'
import { readLog } from './binary-log.ts'
import { formatGtid } from './gtid.ts'

/** The transactions of a piece. */
export const readGroups: ReadGroups = (read) =>
  (readLog(read)?.groups ?? []).map((group) => ({ ...group, gtid: formatGtid(group.gtid) }))

/**
 * The transactions that lead on from `after`, without a gap to the last piece; `undefined` if one
 * is missing. What a primary wrote that was then outvoted is left out: the next piece begins
 * before it.
 */
export function chainFrom(
  pieces: readonly Piece[],
  after: string,
): readonly ChainPart[] | undefined {
  let parts: ChainPart[] | undefined
  for (const piece of pieces) {
    if (parts !== undefined) {
      const kept = upTo(parts, piece.after, after)
      if (kept !== undefined) {
        parts = [...kept, { piece, groups: piece.groups }]
        continue
      }
      // It begins anew, and may hold what follows `after` all the same.
      parts = undefined
    }
    if (piece.after === after) parts = [{ piece, groups: piece.groups }]
    else {
      const at = piece.groups.findIndex(({ gtid }) => gtid === after)
      if (at !== -1) parts = [{ piece, groups: piece.groups.slice(at + 1) }]
    }
  }
  return parts
}

/** The parts up to the transaction `gtid`, which is `after` where they are to be empty. */
function upTo(
  parts: readonly ChainPart[],
  gtid: string,
  after: string,
): readonly ChainPart[] | undefined {
  if (gtid === after) return []
  for (let index = parts.length - 1; index >= 0; index -= 1) {
    const { piece, groups } = parts[index] as ChainPart
    const at = groups.findIndex((each) => each.gtid === gtid)
    if (at !== -1) return [...parts.slice(0, index), { piece, groups: groups.slice(0, at + 1) }]
  }
  return undefined
}
