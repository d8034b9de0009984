// How long may a holder act, and how long must its successor wait? The arithmetic of leases. Pure.

import { type Instant, later, type Milliseconds, ms } from '../../foundation/time.ts'
import type { RolePolicy } from '../model.ts'

/** The figures of a role, computed from its policy. */
export interface Lease {
  readonly length: Milliseconds
  readonly every: Milliseconds
  readonly margin: Milliseconds
}

/** How much faster one machine's clock may run than another's: far more than any real one. */
const driftMost = 0.01

export const leaseOf = ({ lease, every, margin }: RolePolicy): Lease => ({
  length: lease,
  every: every ?? ms(lease / 7),
  margin: margin ?? ms(lease / 10),
})

/**
 * Until when a holder may act that sent its last confirmed renewal at `sent`. Counted from sending:
 * the renewal was confirmed later, so nobody else can have begun to count earlier.
 */
export const validUntil = (sent: Instant, { length, margin }: Lease): Instant =>
  later(sent, ms(length - margin))

/**
 * When a successor may act that saw the last renewal of the holder before at `seen`. It was sent
 * before it was seen, so the holder's time is over by then on every clock that drifts no more than
 * allowed; only rates of clocks matter, not what they show.
 */
export const mayActAt = (seen: Instant, length: Milliseconds): Instant =>
  later(seen, ms(length * (1 + driftMost)))
