// How long may each step of a failover take, so that all of it stays within one target? Pure.

import { formatDuration, type Milliseconds, ms } from '../foundation/time.ts'
import type { EngineName, FailoverBounds } from './model.ts'

/** From a decision to writes that are answered, also where others have the processors. */
const changeWithin = ms(1200)
/**
 * Where the primary's machine is gone a receiver that acknowledged to it calls it once more before
 * it stops, and waits for an answer: `rpl_semi_sync_slave_kill_conn_timeout`, a second at least.
 */
const partingOf: Readonly<Record<EngineName, Milliseconds>> = {
  ...{ postgresql: ms(0), mariadb: ms(1000), mysql: ms(1000) },
}
/** A keeper says this often that it is there, and tries this often to write. */
export const keeperEvery = ms(250)
/** So long an election waits for a member that would be better than whoever has stopped first. */
export const chooseWithin = ms(1500)
/** Anything shorter mistakes a pause of a busy machine for its loss. */
const silenceLeast = ms(1000)

/** The least target that can be kept. */
export const targetLeast = (engine: EngineName): Milliseconds =>
  ms(silenceLeast + keeperEvery + changeWithin + partingOf[engine])

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
export function boundsFor(target: Milliseconds, engine: EngineName): FailoverBounds | string {
  const least = targetLeast(engine)
  if (target < least) {
    return `a failover takes ${formatDuration(least)} at least: to notice, compare, promote`
  }
  const hung = ms(target - changeWithin - keeperEvery)
  const silence = ms(hung - partingOf[engine])
  return {
    silence,
    hung,
    lease: silence,
    ackPatience: ms(Math.min(silence, 2 * silenceLeast)),
    coolDown: ms(10 * 60_000),
    handOver: ms(10_000),
  }
}

/** What follows from the bounds, for `status` and for the drill that measures it. */
export function worstCases(bounds: FailoverBounds, engine: EngineName): WorstCases {
  const change = keeperEvery + changeWithin
  return {
    'server-died': ms(change),
    'server-hung': ms(bounds.hung + change),
    'machine-lost': ms(bounds.silence + change + partingOf[engine]),
  }
}
