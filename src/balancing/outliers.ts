// Does this server fail while its siblings are well? Then it is passed over for a while. Pure.

import { type Instant, later, type Milliseconds, ms } from '../foundation/time.ts'

/** What one attempt on a server came to; `late`: a sibling that was asked later answered first. */
export type Outcome = 'ok' | 'server-error' | 'reset' | 'silent' | 'refused' | 'late'

/** What is counted of one server in the last five to ten seconds. */
export interface Recent {
  readonly ok: number
  readonly bad: number
  /** Failures since the last success. */
  readonly streak: number
  /** Whether the last failure was no more than being late. */
  readonly late: boolean
}

/** Whether a server is picked. */
export type Standing =
  | { readonly kind: 'well'; readonly trips: number; readonly since: Instant }
  /** Passed over until `until`; then one request at a time tries it. */
  | {
      readonly kind: 'ejected'
      readonly trips: number
      readonly until: Instant
      readonly why: string
      readonly trial: boolean
    }
  /** Nobody answers there. What waits for it is not lost, so this may happen to the last one. */
  | {
      readonly kind: 'unreachable'
      readonly trips: number
      readonly until: Instant
      readonly why: string
      readonly trial: boolean
    }

/** How soon and for how long. */
export interface OutlierPolicy {
  /** Failures in a row that eject, while a sibling is well. */
  readonly streak: number
  /** The same for being late: a pause of a moment is not worth it. */
  readonly lateStreak: number
  /** The share of failures that ejects, of at least `least` attempts. */
  readonly share: number
  readonly least: number
  /** The share of failures up to which a sibling counts as well. */
  readonly wellShare: number
  readonly first: Milliseconds
  readonly most: Milliseconds
  /** The longest for one that is only late: it is needed again as soon as it is not. */
  readonly mostLate: Milliseconds
  /** The same for a server that cannot be connected to. */
  readonly firstUnreachable: Milliseconds
  readonly mostUnreachable: Milliseconds
  /** So long well, and the past is forgotten. */
  readonly forgive: Milliseconds
}

export const outlierPolicy: OutlierPolicy = {
  streak: 3,
  lateStreak: 5,
  share: 0.5,
  least: 10,
  wellShare: 0.1,
  first: ms(1000),
  most: ms(60_000),
  mostLate: ms(5000),
  firstUnreachable: ms(100),
  mostUnreachable: ms(1000),
  forgive: ms(30_000),
}

/** How a server starts. */
export const wellSince = (since: Instant): Standing => ({ kind: 'well', trips: 0, since })

/**
 * Why this server should be ejected, or `undefined`. It is compared with the siblings that would
 * take its requests: when none of them is well, it is not the server that is at fault, and nobody
 * is ejected. So the last one never is.
 */
export function whyEject(
  seen: Recent,
  siblings: readonly Recent[],
  policy: OutlierPolicy,
): string | undefined {
  if (!siblings.some((sibling) => isWell(sibling, policy))) return undefined
  const limit = seen.late ? policy.lateStreak : policy.streak
  if (seen.streak >= limit) {
    const what = seen.late ? 'failed or was late' : 'failed'
    return `it ${what} ${seen.streak} times in a row while a sibling did not`
  }
  const all = seen.ok + seen.bad
  if (all < policy.least || seen.bad / all < policy.share) return undefined
  return `it failed ${seen.bad} of its last ${all} requests while a sibling did not`
}

/** A failure of a server, as it is judged. */
export interface Misdeed {
  readonly outcome: Outcome
  readonly why: string
  readonly now: Instant
}

/** What a failure makes of a server that was seen, and has siblings, as `whyEject` takes them. */
export function afterFailure(
  before: Standing,
  { outcome, why, now }: Misdeed,
  seen: Recent,
  siblings: () => readonly Recent[],
  policy: OutlierPolicy,
): Standing {
  if (outcome === 'refused') return unreachable(before, why, now, policy)
  const isLate = outcome === 'late'
  if (before.kind === 'ejected' && before.trial) {
    return ejected(before, `its trial failed: ${why}`, now, policy, isLate)
  }
  const found = before.kind === 'well' ? whyEject(seen, siblings(), policy) : undefined
  return found === undefined ? before : ejected(before, found, now, policy, isLate)
}

const isWell = ({ ok, bad, streak }: Recent, policy: OutlierPolicy): boolean =>
  ok > 0 && streak === 0 && bad / (ok + bad) <= policy.wellShare

/** Ejected: twice as long each time, up to a limit that depends on what happened last. */
export const ejected = (
  before: Standing,
  why: string,
  now: Instant,
  policy: OutlierPolicy,
  late = false,
): Standing => {
  const trips = tripsOf(before, now, policy) + 1
  const wait = grown(policy.first, trips, late ? policy.mostLate : policy.most)
  return { kind: 'ejected', trips, until: later(now, wait), why, trial: false }
}

/** Could not be connected to. */
export const unreachable = (
  before: Standing,
  why: string,
  now: Instant,
  policy: OutlierPolicy,
): Standing => {
  const trips = before.kind === 'unreachable' ? before.trips + 1 : 1
  const wait = grown(policy.firstUnreachable, trips, policy.mostUnreachable)
  return { kind: 'unreachable', trips, until: later(now, wait), why, trial: false }
}

/** Its trial is under way. */
export const onTrial = (before: Standing): Standing =>
  before.kind === 'well' ? before : { ...before, trial: true }

/** Its trial came to nothing, neither good nor bad: the next request may try. */
export const untried = (before: Standing): Standing =>
  before.kind === 'well' ? before : { ...before, trial: false }

/** It answered again. Its trips are kept for a while: who falls again falls for longer. */
export const recovered = (before: Standing, now: Instant): Standing => ({
  kind: 'well',
  trips: before.kind === 'unreachable' ? 0 : before.trips,
  since: now,
})

/** Whether a request may try it now. */
export const isDue = (standing: Standing, now: Instant): boolean =>
  standing.kind !== 'well' && !standing.trial && now >= standing.until

function tripsOf(standing: Standing, now: Instant, policy: OutlierPolicy): number {
  if (standing.kind === 'unreachable') return 0
  if (standing.kind === 'well' && now - standing.since > policy.forgive) return 0
  return standing.trips
}

const grown = (first: Milliseconds, trips: number, most: Milliseconds): Milliseconds =>
  ms(Math.min(most, first * 2 ** Math.min(trips - 1, 32)))
