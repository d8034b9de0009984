// Which server has least to do for its weight?

import type { Candidate } from './candidate.ts'

/**
 * The server with the fewest requests for its weight. Equal ones take turns, so that a quiet
 * balancer does not send everything to the first of the list.
 */
export function leastconn<C extends Candidate>(candidates: readonly C[]): C | undefined {
  let best: C | undefined
  let tied = 0
  for (let i = 0; i < candidates.length; i += 1) {
    const candidate = candidates[i] as C
    const order = best === undefined ? -1 : byLoad(candidate, best)
    if (order > 0) continue
    tied = order < 0 ? candidate.weight : tied + candidate.weight
    if (order < 0 || candidate.turn > (best as C).turn) best = candidate
  }
  if (best === undefined) return undefined
  // Those tied with the best are owed their weight, and the best pays for it: a smooth round.
  for (let i = 0; i < candidates.length; i += 1) {
    const candidate = candidates[i] as C
    if (byLoad(candidate, best) === 0) candidate.turn += candidate.weight
  }
  best.turn -= tied
  return best
}

/** Compares load by weight without dividing; negative when `a` has less to do. */
const byLoad = (a: Candidate, b: Candidate): number => a.active * b.weight - b.active * a.weight
