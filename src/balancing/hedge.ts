// When is a first byte late, and may the request be tried elsewhere meanwhile? Pure.

import { type Milliseconds, ms } from '../foundation/time.ts'
import type { HedgeRule } from './model.ts'

/** How a deadline is learned. */
export interface HedgePolicy {
  /** So many answers have to weigh in before their latency says anything. */
  readonly least: number
  /** Until then. */
  readonly cold: Milliseconds
  /** So many answers come within what is usual. The few worst of a cold start are not. */
  readonly quantile: number
  /** Times what is usual: that some take longer is no fault of a server. */
  readonly factor: number
  readonly shortest: Milliseconds
  readonly longest: Milliseconds
  /** How much one answer, late or in time, moves what is thought of a server. */
  readonly weight: number
  /** A server above this lateness is no better than the one that is waited for. */
  readonly slow: number
}

export const hedgePolicy: HedgePolicy = {
  least: 100,
  cold: ms(1000),
  quantile: 0.95,
  factor: 3,
  shortest: ms(100),
  longest: ms(10_000),
  weight: 0.1,
  slow: 0.5,
}

/** The two figures of a service's latency that a deadline is made of. */
export interface Learned {
  /** How many answers weigh in. */
  readonly weight: number
  /** At `HedgePolicy.quantile`. */
  readonly usual: Milliseconds
}

/**
 * How long a request waits for its first byte before it is tried elsewhere; `undefined` if never.
 * It stays below `responseTimeout`: after that the first server is given up anyway.
 */
export function firstByteDeadline(
  rule: HedgeRule | undefined,
  { weight, usual }: Learned,
  responseTimeout: Milliseconds,
  policy: HedgePolicy = hedgePolicy,
): Milliseconds | undefined {
  if (rule === undefined) return undefined
  if (rule.after !== undefined) return rule.after < responseTimeout ? rule.after : undefined
  const most = Math.min(policy.longest, responseTimeout / 2)
  const learned = weight < policy.least ? policy.cold : usual * policy.factor
  return ms(Math.min(most, Math.max(policy.shortest, learned)))
}

/**
 * What is thought of a server's promptness after one more answer: 0 for always in time, 1 for
 * always late.
 */
export const lateness = (before: number, late: boolean, policy: HedgePolicy = hedgePolicy) =>
  before + ((late ? 1 : 0) - before) * policy.weight

/**
 * Whether a request that waits elsewhere would be better off on this server. In a slow moment of
 * all servers it is not, and nothing is sent twice.
 */
export const isPrompt = (late: number, policy: HedgePolicy = hedgePolicy): boolean =>
  late < policy.slow
