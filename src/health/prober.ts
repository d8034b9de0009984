// The port: asks one server once.

import type { Sighting, Target } from './model.ts'

/**
 * Asks servers. The answer is always a sighting: a server that cannot be reached, answers wrongly
 * or too late is seen as failed, with the reason; nothing is thrown.
 */
export interface Prober {
  probe(target: Target, seen: (sighting: Sighting) => void): void
}
