// Whose turn is it, by weight, without bursts to the heavy ones?

import type { Candidate } from './candidate.ts'

/**
 * The next server in a smooth weighted round (the algorithm of nginx): each is owed its weight at
 * every pick, the one owed most is picked and pays the sum. Among weights 5, 1, 1 that gives
 * a a b a c a a, not a a a a a b c; over one sum of weights each gets exactly its share.
 */
export function roundrobin<C extends Candidate>(candidates: readonly C[]): C | undefined {
  let best: C | undefined
  let sum = 0
  for (let i = 0; i < candidates.length; i += 1) {
    const candidate = candidates[i] as C
    sum += candidate.weight
    candidate.turn += candidate.weight
    if (best === undefined || candidate.turn > best.turn) best = candidate
  }
  if (best !== undefined) best.turn -= sum
  return best
}
