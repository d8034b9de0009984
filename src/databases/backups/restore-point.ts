// From which base, along which log, does a database come to what it was at a moment? Pure.

import type { Instant } from '../../foundation/time.ts'
import { describeInstant } from './describe.ts'
import type { Base, Kept, KeptHistory, RestorePoint } from './model.ts'

/** Bases of one history that can be brought to `to`, the newest first. */
const leading = ({ bases, unbroken }: KeptHistory, to: Instant | undefined): readonly Base[] =>
  bases
    .filter(({ id, ended }) => unbroken.includes(id) && (to === undefined || ended <= to))
    .toReversed()

/**
 * The base nearest before the moment, of the history that the database was on at that moment: what
 * a restore in place has undone can be had again. `to` undefined: all there is.
 */
export function restorePointOf(kept: Kept, to: Instant | undefined, now: Instant): RestorePoint {
  if (kept.every(({ bases }) => bases.length === 0)) {
    return { kind: 'outside', why: 'there is no backup of it yet' }
  }
  if (to !== undefined && to > now) {
    return { kind: 'outside', why: `${describeInstant(to)} has not been yet` }
  }
  const history = kept.findLast(({ since }) => to === undefined || since <= to)
  const bases = history === undefined ? [] : leading(history, to)
  if (history === undefined || bases.length === 0) return outside(kept, to)
  return { kind: 'found', history, bases }
}

const outside = (kept: Kept, to: Instant | undefined): RestorePoint => ({
  kind: 'outside',
  why:
    to === undefined
      ? `no backup has an unbroken log; ${describeKept(kept)}`
      : `${describeInstant(to)} is not among what is kept: ${describeKept(kept)}`,
})

/** From when to when a history can be restored; `undefined`: to no moment. */
export function spanOf(
  history: KeptHistory,
): { readonly from: Instant; readonly until: Instant } | undefined {
  const first = history.bases.find(({ id }) => history.unbroken.includes(id))
  if (first === undefined) return undefined
  const until = Math.max(first.ended, history.until ?? first.ended) as Instant
  return { from: first.ended, until }
}

/** For people: every stretch of time that can be restored. */
export function describeKept(kept: Kept): string {
  const spans = kept.flatMap((history) => spanOf(history) ?? [])
  if (spans.length === 0) return 'nothing is kept yet'
  const parts = spans.map(
    ({ from, until }) => `from ${describeInstant(from)} to ${describeInstant(until)}`,
  )
  return `kept is ${parts.join(', and ')}`
}
