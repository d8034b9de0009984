// Which server does a key belong to? Always the same one, while it is there and not overloaded.

import type { Candidate } from './candidate.ts'

/** FNV-1a over the characters, then mixed: 32 bits that differ everywhere when one letter does. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  return mix(hash)
}

/** The finalizer of MurmurHash3: every bit of the input changes half of the output. */
function mix(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** A server with fewer requests than this is never called overloaded. */
export const quietMost = 10

/**
 * The server that `key` (a `hash32`) belongs to, by weighted rendezvous hashing: of n servers, one
 * that comes or goes moves the keys of one n-th and no others, a weight that changes moves only
 * what the change is worth, and no table has to agree between edges.
 *
 * With `bound` (1 or more; Infinity for none) no server takes more than `bound` times its share of
 * all requests in flight: what is beyond goes to the key's next server ("consistent hashing with
 * bounded loads"). A quiet server is never full: parallel requests of one client stay together.
 */
export function consistent<C extends Candidate>(
  candidates: readonly C[],
  key: number,
  bound: number,
): C | undefined {
  let weights = 0
  let active = 1
  for (let i = 0; i < candidates.length; i += 1) {
    weights += (candidates[i] as C).weight
    active += (candidates[i] as C).active
  }
  const each = (bound * active) / weights
  let best: C | undefined
  let least = Infinity
  for (let i = 0; i < candidates.length; i += 1) {
    const candidate = candidates[i] as C
    if (candidate.active >= quietMost && candidate.active >= Math.ceil(each * candidate.weight)) {
      continue
    }
    const distance = -Math.log((mix(key ^ candidate.seed) + 0.5) / 2 ** 32) / candidate.weight
    if (distance >= least) continue
    least = distance
    best = candidate
  }
  return best
}
