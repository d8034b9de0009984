// Did an old primary acknowledge a write after a newer one had? That is a split brain, also if the
// data agree in the end. Knows nothing of the data. Pure.

import type { Acknowledgement, EpochConflict, EpochVerdict } from './model.ts'

/**
 * No acknowledgement at an epoch is asked for after one at a higher epoch was given, and each epoch
 * has one server. One that was asked for before the higher epoch acknowledged may still be given
 * after it: it may have been decided before. Conflicts come with the shortest first.
 */
export function checkEpochs(acknowledgements: readonly Acknowledgement[]): EpochVerdict {
  return {
    acknowledged: acknowledgements.length,
    late: lateOnes(acknowledgements),
    shared: sharedOnes(acknowledgements),
  }
}

/** Whether anything is wrong. */
export const isEpochKept = ({ late, shared }: EpochVerdict): boolean =>
  late.length === 0 && shared.length === 0

/** Each that is late, with the last one of a higher epoch before it. */
function lateOnes(acknowledgements: readonly Acknowledgement[]): readonly EpochConflict[] {
  const byCompletion = acknowledgements.toSorted((a, b) => a.completed - b.completed)
  const found: EpochConflict[] = []
  /** The latest of those that rise above all epochs after them: epochs fall, times rise. */
  const highest: Acknowledgement[] = []
  let next = 0
  for (const later of acknowledgements.toSorted((a, b) => a.invoked - b.invoked)) {
    for (; ; next += 1) {
      const earlier = byCompletion[next]
      if (earlier === undefined || earlier.completed >= later.invoked) break
      while ((highest.at(-1)?.epoch ?? Number.POSITIVE_INFINITY) <= earlier.epoch) highest.pop()
      highest.push(earlier)
    }
    const earlier = highest.findLast(({ epoch }) => epoch > later.epoch)
    if (earlier !== undefined) found.push({ earlier, later })
  }
  const gap = ({ earlier, later }: EpochConflict): number => later.invoked - earlier.completed
  return found.toSorted((a, b) => gap(a) - gap(b))
}

/** For each server beyond the first of an epoch, its first acknowledgement there. */
function sharedOnes(acknowledgements: readonly Acknowledgement[]): readonly EpochConflict[] {
  const holders = new Map<number, Map<string, Acknowledgement>>()
  for (const one of acknowledgements.toSorted((a, b) => a.completed - b.completed)) {
    const servers = holders.get(one.epoch) ?? new Map<string, Acknowledgement>()
    holders.set(one.epoch, servers)
    if (!servers.has(one.server)) servers.set(one.server, one)
  }
  return [...holders.values()].flatMap((servers) => {
    const [earlier, ...others] = servers.values()
    return earlier === undefined ? [] : others.map((later) => ({ earlier, later }))
  })
}
