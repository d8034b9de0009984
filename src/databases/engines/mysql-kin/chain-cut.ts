// Which transactions of a chain are where in their pieces, and what had been committed by a moment?

import type { Instant } from '../../../foundation/time.ts'
import type { BackupStore } from '../../backups/store.ts'
import { pieceBytes, type ReadGroups, type Received, secondOf, timesOf } from './log-pieces.ts'
import { type ChainPart, unhurried } from './outline.ts'
import { runsOf, within } from './runs.ts'

/** A part with its transactions. */
export interface PartRead {
  /** All of its piece. */
  readonly bytes: Buffer
  /** Where the first transaction of the piece begins. */
  readonly begin: number
  /** Those of the part, in order. */
  readonly groups: readonly Received[]
}

export type ReadPart = (part: ChainPart) => Promise<PartRead>

/** Reads the parts of a chain from the store that its pieces are in, one when it is asked for. */
export const partsIn =
  (store: BackupStore, readGroups: ReadGroups): ReadPart =>
  async ({ piece: { name }, runs }) => {
    const bytes = await pieceBytes(store, name)
    const times = await timesOf(store, name)
    const read = (from: number, to: number): Buffer => bytes.subarray(from, to)
    const isOfPart = within(runs)
    const groups: Received[] = []
    let begin: number | undefined
    for await (const group of unhurried(readGroups(read, 0))) {
      const { gtid, from, to } = group
      begin ??= from
      const at = times.at(to)
      if (isOfPart(gtid)) groups.push({ gtid, from, to, second: secondOf(group, read), at })
    }
    return { bytes, begin: begin ?? bytes.length, groups }
  }

/**
 * What had been committed: by the second that the primary wrote down, and within that second by
 * when it was received. `isExact`: something later is there. Reads only pieces that may have that.
 */
export async function cutAt(
  chain: readonly ChainPart[],
  to: Instant,
  read: ReadPart,
): Promise<{ readonly parts: readonly ChainPart[]; readonly isExact: boolean }> {
  const second = Math.floor(to / 1000)
  const isLater = (each: Received): boolean =>
    each.second > second || (each.second === second && each.at > to)
  for (const [at, part] of chain.entries()) {
    if (part.piece.latest < second) continue
    const { groups } = await read(part)
    const cut = groups.findIndex(isLater)
    if (cut === -1) continue
    const runs = runsOf(groups.slice(0, cut).map(({ gtid }) => gtid))
    return { parts: [...chain.slice(0, at), { piece: part.piece, runs }], isExact: true }
  }
  return { parts: chain, isExact: false }
}
