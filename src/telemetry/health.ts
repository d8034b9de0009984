// Is it well, all in all? In the words of a health answer, for whoever watches the watcher. Pure.

import { routingOf } from '../balancing/engine.ts'
import type { Scene } from './model.ts'

/** `pass`: everything is up. `warn`: something is not, but is answered for. `fail`: it is not. */
export interface HealthAnswer {
  readonly status: 'pass' | 'warn' | 'fail'
  readonly version: string
  /** What is not well, one sentence each. */
  readonly notes: readonly string[]
}

/** How the whole of it is. */
export function healthOf({ version, edges, frontends, services }: Scene): HealthAnswer {
  const { routing } = routingOf(edges)
  const dark = services.filter(({ up, wanted }) => up === 0 && wanted > 0)
  const lacking = services.filter(({ up, wanted }) => up > 0 && up < wanted)
  const unrouted = frontends.length > 0 && routing === 0
  return {
    status: unrouted || dark.length > 0 ? 'fail' : lacking.length > 0 ? 'warn' : 'pass',
    version,
    notes: [
      ...(unrouted ? ['no edge routes'] : []),
      ...dark.map(({ name }) => `nothing of ${name} is up`),
      ...lacking.map(({ name, up, wanted }) => `${up} of ${wanted} of ${name} are up`),
    ],
  }
}
