// Which policy picks, and what does it get to see? The one switch over all of them.

import type { Random } from '../../foundation/random.ts'
import type { PolicyName } from '../model.ts'
import type { Candidate } from './candidate.ts'
import { first } from './first.ts'
import { consistent } from './hash.ts'
import { keyless } from './hash-key.ts'
import { leastconn } from './leastconn.ts'
import { randomOfTwo } from './random.ts'
import { roundrobin } from './roundrobin.ts'

/** Who asks for a server: how it wants it picked. */
export interface Chooser {
  readonly policy: PolicyName
  /** The key of the policy `hash`, or `keyless`: then the server is drawn. */
  readonly key: number
  /** How much more than its share a server may take of the policy `hash`. */
  readonly bound: number
  /** The server that it had before, by its token, and until when it waits for a place there. */
  readonly stuck?: { readonly token: string; readonly until: number }
}

/** Who wants nothing in particular. */
export const anyServer: Chooser = { policy: 'random', key: keyless, bound: Infinity }

/** The server that the chooser's policy picks; `undefined` among none. */
export function choose<C extends Candidate>(
  candidates: readonly C[],
  { policy, key, bound }: Chooser,
  random: Random,
): C | undefined {
  switch (policy) {
    case 'roundrobin':
      return roundrobin(candidates)
    case 'leastconn':
      return leastconn(candidates)
    case 'first':
      return first(candidates)
    case 'hash':
      if (key !== keyless) return consistent(candidates, key, bound)
      return randomOfTwo(candidates, random)
    case 'random':
      return randomOfTwo(candidates, random)
  }
}
