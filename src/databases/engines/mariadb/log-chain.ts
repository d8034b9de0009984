// Which transactions of an archived log of MariaDB lead on from a base? Pure.

import type { LoggedGroup, ReadGroups } from '../mysql-kin/log-pieces.ts'
import type { ChainPart, Outline } from '../mysql-kin/outline.ts'
import { runsAfter, runsUpTo } from '../mysql-kin/runs.ts'
import { groupsFrom } from './binary-log.ts'
import { formatGtid } from './gtid.ts'

/** The transactions of a piece. */
export const readGroups: ReadGroups = function* (read, from): Generator<LoggedGroup> {
  for (const { gtid, from: begin, to } of groupsFrom(read, from)) {
    yield { gtid: formatGtid(gtid), from: begin, to }
  }
}

/**
 * The transactions that lead on from `after`, without a gap to the last piece; `undefined` if one
 * is missing. What a primary wrote that was then outvoted is left out: the next piece begins
 * before it.
 */
export function chainFrom(
  pieces: readonly Outline[],
  after: string,
): readonly ChainPart[] | undefined {
  let parts: ChainPart[] | undefined
  for (const piece of pieces) {
    if (parts !== undefined) {
      const kept = upTo(parts, piece.after, after)
      if (kept !== undefined) {
        parts = [...kept, { piece, runs: piece.runs }]
        continue
      }
      // It begins anew, and may hold what follows `after` all the same.
      parts = undefined
    }
    const runs = piece.after === after ? piece.runs : runsAfter(piece.runs, after)
    if (runs !== undefined) parts = [{ piece, runs }]
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
    const { piece, runs } = parts[index] as ChainPart
    const kept = runsUpTo(runs, gtid)
    if (kept !== undefined) return [...parts.slice(0, index), { piece, runs: kept }]
  }
  return undefined
}
