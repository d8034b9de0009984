// How long may each step of a failover take, so that all of it stays within one target? Pure.

import { formatDuration, type Milliseconds, ms } from '../foundation/time.ts'
import type { FailoverBounds } from './model.ts'

/** From a decision to writes that are answered: stop, compare, promote, route. */
const change = ms(900)
/** A keeper says this often that it is there, and tries this often to write. */
export const keeperEvery = ms(250)
/** So long an election waits for a member that would be better than whoever has stopped first. */
export const chooseWithin = ms(1500)
/** Anything shorter mistakes a pause of a busy machine for its loss. */
const silenceLeast = ms(1000)

/** The least target that can be kept. */
export const targetLeast = ms(silenceLeast + keeperEvery + change)

/** Classes of failure, each with the longest that clients wait because of it. */
export interface WorstCases {
  readonly 'server-died': Milliseconds
  readonly 'server-hung': Milliseconds
  readonly 'machine-lost': Milliseconds
}

/**
 * The bounds that keep a failover within `target`, or in words why none do. A primary that nobody
 * confirms fences itself before anybody else may take over: its lease is no longer than the
 * silence after which it is replaced.
 */
export function boundsFor(target: Milliseconds): FailoverBounds | string {
  if (target < targetLeast) {
    return `a failover takes ${formatDuration(targetLeast)} at least: to notice, compare, promote`
  }
  const silence = ms(target - change - keeperEvery)
  return {
    silence,
    hung: silence,
    lease: silence,
    ackPatience: ms(Math.min(silence, 2 * silenceLeast)),
    coolDown: ms(10 * 60_000),
    handOver: ms(10_000),
  }
}

/** What follows from the bounds, for `status` and for the drill that measures it. */
export const worstCases = (bounds: FailoverBounds): WorstCases => ({
  'server-died': ms(keeperEvery + change),
  'server-hung': ms(bounds.hung + keeperEvery + change),
  'machine-lost': ms(bounds.silence + keeperEvery + change),
})
