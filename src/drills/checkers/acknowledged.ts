// Is every acknowledged row there, and none that nobody wrote? Knows nothing of order. Pure.

import { invariant } from '../../foundation/invariant.ts'
import type { AcknowledgedVerdict, FinalRead, Insert } from './model.ts'

/**
 * Compares what clients were told with what is there. What was acknowledged after `read` began need
 * not be in it; what was first tried after it ended must not be. Crashes when two attempts have one
 * id: that history cannot be judged.
 */
export function checkAcknowledged(
  inserts: readonly Insert[],
  read: FinalRead,
): AcknowledgedVerdict {
  const tried = new Map(inserts.map((insert) => [insert.id, insert]))
  invariant(tried.size === inserts.length, 'every insert has an id of its own')
  const there = new Set<number>()
  const repeated = new Set<number>()
  for (const id of read.ids) {
    if (there.has(id)) repeated.add(id)
    there.add(id)
  }
  const due = inserts.filter(
    ({ outcome, completed }) => outcome === 'ok' && completed <= read.invoked,
  )
  const foundWith = (outcome: Insert['outcome']): readonly number[] =>
    inserts.filter((e) => e.outcome === outcome && there.has(e.id)).map(({ id }) => id)
  return {
    acknowledged: due.length,
    unknown: inserts.filter(({ outcome }) => outcome === 'unknown').length,
    lost: due.filter(({ id }) => !there.has(id)).map(({ id }) => id),
    unexpected: [...there].filter((id) => {
      const insert = tried.get(id)
      return insert === undefined || insert.invoked > read.completed
    }),
    resurrected: foundWith('fail'),
    repeated: [...repeated],
    recovered: foundWith('unknown'),
  }
}

/** Whether anything is wrong. */
export const isAcknowledgedKept = (verdict: AcknowledgedVerdict): boolean =>
  [verdict.lost, verdict.unexpected, verdict.resurrected, verdict.repeated].every(
    ({ length }) => length === 0,
  )
