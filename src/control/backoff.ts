// How long to wait before the next try? Longer after each failure, up to a limit, a little random.

import { type Milliseconds, ms } from '../foundation/time.ts'

/** How waiting grows: `first`, then `factor` times as long each time, never over `most`. */
export interface BackoffPolicy {
  readonly first: Milliseconds
  readonly factor: number
  readonly most: Milliseconds
  /** The share of the wait, 0 to 1, that chance takes off, so that many do not retry in step. */
  readonly jitter: number
}

/**
 * The wait before try number `failures + 1`; zero while nothing has failed. `chance` in [0, 1) is
 * handed in, so the same inputs give the same wait.
 */
export function backoff(policy: BackoffPolicy, failures: number, chance: number): Milliseconds {
  if (failures <= 0) return ms(0)
  const grown = policy.first * policy.factor ** Math.min(failures - 1, 64)
  const wait = Math.min(grown, policy.most)
  return ms(wait * (1 - policy.jitter * chance))
}
