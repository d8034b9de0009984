// Are the data that a server has those of this database? Whose they were is remembered: a position
// in another history says nothing, however far it is. Pure.

import { blank } from './blank-sight.ts'
import type { ServerSight } from './engine.ts'
import type { KeeperMemory } from './memory.ts'

/** What is seen of a server, as far as that is this database's. */
export function ofOrigin(sight: ServerSight, { origin }: KeeperMemory): ServerSight {
  if (origin === undefined || sight.origin === undefined || sight.origin === origin) return sight
  return {
    ...{ ...blank, server: 'broken' as const },
    why: `its data are those of another database (${sight.origin}, not ${origin})`,
    remedy: 'move its folder elsewhere, and it is copied anew; or put back the one it had',
  }
}

/** Whose data it takes part with, once it does and that is not known yet. */
export const newOrigin = (
  { origin, server }: ServerSight,
  memory: KeeperMemory,
): Partial<KeeperMemory> =>
  memory.origin === undefined && memory.epoch > 0 && (server === 'primary' || server === 'replica')
    ? { origin }
    : {}
