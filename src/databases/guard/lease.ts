// May a primary go on although its agent is silent? As long as its lease lasts, and longer while
// those who would have to agree to another primary are seen to follow this one. Pure.

import { type Instant, later, type Milliseconds, ms, since } from '../../foundation/time.ts'
import type { AckSet } from '../model.ts'

/** A lease as its guard holds it. */
export interface HeldLease {
  /** From when it is counted: a renewal, or the begin of the last look that vouched. */
  readonly from: Instant
  readonly for: Milliseconds
  /** Whether anybody can vouch. */
  readonly vouched: boolean
  /** When somebody was last asked to vouch, and whether the answer is still out. */
  readonly asked: Instant | undefined
  readonly asking: boolean
}

/** What a guard does next. */
export type LeaseStep =
  | { readonly kind: 'wait'; readonly until: Instant }
  /** Ask who follows. */
  | { readonly kind: 'ask' }
  /** End the server, whatever it does: somebody else may be primary. */
  | { readonly kind: 'end' }

/** How long one question may take: it has to be answered, and asked again, within the lease. */
export const askWithin = (lease: HeldLease): Milliseconds => ms(lease.for / 4)

/** What a lease asks for at `now`. Half of it is left to its agent before anybody is asked. */
export function leaseStep(lease: HeldLease, now: Instant): LeaseStep {
  const end = later(lease.from, lease.for)
  if (since(lease.from, now) >= lease.for) return { kind: 'end' }
  if (!lease.vouched || lease.asking) return { kind: 'wait', until: end }
  const half = later(lease.from, ms(lease.for / 2))
  const again = lease.asked === undefined ? half : later(lease.asked, ms(lease.for / 8))
  const at = Math.max(half, again) as Instant
  return now >= at ? { kind: 'ask' } : { kind: 'wait', until: Math.min(at, end) as Instant }
}

/**
 * Whether those who follow prove that nobody else can have been elected: an election has to see
 * `n − k + 1` of the set stopped, and where `k` still follow only `n − k` are left.
 */
export const isVouchedBy = (acks: AckSet, followers: readonly string[]): boolean =>
  acks.needed > 0 && acks.members.filter((each) => followers.includes(each)).length >= acks.needed
