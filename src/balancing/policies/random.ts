// Which of two servers drawn by weight has less to do?

import type { Random } from '../../foundation/random.ts'
import type { Candidate } from './candidate.ts'

/**
 * The less loaded of two different servers drawn by weight: nearly as even as `leastconn`, and
 * balancers that know nothing of each other do not all run to the same server.
 */
export function randomOfTwo<C extends Candidate>(
  candidates: readonly C[],
  random: Random,
): C | undefined {
  if (candidates.length < 2) return candidates[0]
  const first = draw(candidates, undefined, random)
  const second = draw(candidates, first, random)
  return second.active * first.weight < first.active * second.weight ? second : first
}

function draw<C extends Candidate>(
  candidates: readonly C[],
  without: C | undefined,
  random: Random,
): C {
  let sum = 0
  for (const candidate of candidates) if (candidate !== without) sum += candidate.weight
  let left = random.next() * sum
  let last = candidates[0] as C
  for (const candidate of candidates) {
    if (candidate === without) continue
    last = candidate
    left -= candidate.weight
    if (left < 0) break
  }
  return last
}
