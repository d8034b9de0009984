// When is a server asked next? Rarely while all is well, soon while anything is in doubt. Pure.

import { type Instant, instant, later, type Milliseconds, ms, since } from '../foundation/time.ts'
import type { Check, CheckTiming, Health } from './model.ts'

/** What the next probe of one server depends on. */
export interface Pace {
  readonly check: Check
  readonly health: Health
  /** Its place, in [0, 1), within the interval: it keeps the probes of many from bunching. */
  readonly phase: number
  /** When this process is first to be asked. */
  readonly askFrom: Instant
  /** Whether this process was ever up. */
  readonly wasUp: boolean
  /** When it was last asked, `undefined` before the first time. */
  readonly askedAt: Instant | undefined
  /** Whether it was last asked because traffic cast doubt on it. */
  readonly prompted: boolean
}

/** Nothing is asked more often than this, however great the doubt. */
const leastGap = ms(10)

/**
 * The share of its age that a starting server waits for its next probe: that it is ready is seen
 * at most 2 % (and `leastGap`) later than it was.
 */
const startingShare = 0.02

/** When to ask next; `undefined` for a server that is never asked. */
export function nextProbe(pace: Pace, now: Instant): Instant | undefined {
  const { check, health, askedAt } = pace
  if (check.kind === 'none') return undefined
  if (askedAt === undefined) return soonest(now, pace.askFrom)
  return soonest(now, later(askedAt, wait(pace, check, health, askedAt, now)))
}

const soonest = (now: Instant, at: Instant): Instant => instant(Math.max(now, at))

function wait(
  pace: Pace,
  check: CheckTiming,
  health: Health,
  askedAt: Instant,
  now: Instant,
): Milliseconds {
  if (!pace.wasUp) return startingWait(since(pace.askFrom, now), check.fast)
  if (health.suspectedAt !== undefined) return pace.prompted ? check.fast : least(check)
  if (isInDoubt(health, check)) return check.fast
  return slotWait(askedAt, check.every, pace.phase)
}

const least = (check: CheckTiming): Milliseconds => ms(Math.min(leastGap, check.fast))

/** A server that starts is asked the oftener the younger it is, never more rarely than `fast`. */
export const startingWait = (age: Milliseconds, fast: Milliseconds): Milliseconds =>
  ms(Math.min(fast, Math.max(leastGap, age * startingShare)))

/** Whether its last answers do not yet, or no longer, bear out a verdict of `up`. */
export const isInDoubt = (health: Health, check: CheckTiming): boolean =>
  health.verdict !== 'up' ||
  health.failures > 0 ||
  health.passes < check.rise ||
  health.last?.kind === 'unasked'

/**
 * From `askedAt` to the server's own place in the interval. A place that is nearer than half an
 * interval is passed over: a timer that wakes a moment early would ask twice.
 */
export function slotWait(askedAt: Instant, every: Milliseconds, phase: number): Milliseconds {
  const into = (((askedAt - phase * every) % every) + every) % every
  const rest = every - into
  return ms(rest < every / 2 ? rest + every : rest)
}

/**
 * How long a server waits for its first probe: not at all while few are new, spread over a while
 * when thousands are. `chance` in [0, 1).
 */
export const firstWait = (newcomers: number, chance: number): Milliseconds =>
  ms(Math.max(0, newcomers - 10) * 0.2 * chance)
