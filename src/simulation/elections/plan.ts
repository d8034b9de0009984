// What kind of life is it? How many stand, over how many servers, for how long a lease, and what
// befalls them; drawn from the seed, so that rare combinations come up.

import { below, pick, seededRandom } from '../../foundation/random.ts'
import { type Milliseconds, ms } from '../../foundation/time.ts'

/** What may befall a candidate or the servers. */
export const troubles = [
  'cut',
  'cut-up',
  'cut-down',
  'reset',
  'stop',
  'stop-long',
  'kill',
  'outage',
  'slow',
] as const

export type Trouble = (typeof troubles)[number]

/** One life of elections. */
export interface ElectionPlan {
  readonly seed: number
  readonly candidates: number
  readonly servers: number
  readonly session: Milliseconds
  readonly lease: Milliseconds
  readonly every: Milliseconds
  /** Whether whoever falls silent is deposed while its session lives. */
  readonly silence: Milliseconds | undefined
  readonly troubles: readonly Trouble[]
  /** Between two troubles. */
  readonly pause: Milliseconds
  readonly lasts: Milliseconds
}

/** The plan of a seed. */
export function electionOf(seed: number): ElectionPlan {
  const random = seededRandom(seed, 'plan')
  const known = troubles.filter(() => random.next() < 0.5)
  const session = ms(150 + below(random, 150))
  return {
    seed,
    candidates: 2 + below(random, 2),
    servers: random.next() < 0.25 ? 3 : 1,
    session,
    lease: ms(session * (pick(random, [0.6, 1, 1.5]) ?? 1)),
    every: ms(50),
    silence: random.next() < 0.5 ? ms(110) : undefined,
    troubles: known.length === 0 ? ['stop-long'] : known,
    pause: ms(20 + below(random, 100)),
    lasts: ms(200 + below(random, 300)),
  }
}
