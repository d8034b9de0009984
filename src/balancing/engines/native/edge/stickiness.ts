// Can a client go on with the server that it had before?

import type { Chooser } from '../../../policies/choose.ts'
import type { Server } from './server.ts'

/** What becomes of the wish for one server: it is had, is worth waiting for, or is no more. */
export type Wish = Server | 'wait' | undefined

/**
 * The server that the chooser had before. It may drain, if it keeps its clients meanwhile; one that
 * is down, is passed over or has failed this request is not had. `wait`: it has no place just now.
 */
export function wishOf(
  servers: Iterable<Server>,
  pool: string,
  { stuck }: Chooser,
  hasPlace: (server: Server) => boolean,
  avoid: readonly Server[] | undefined,
  now: number,
): Wish {
  if (stuck === undefined) return undefined
  for (const server of servers) {
    if (server.tokenIn(pool) !== stuck.token) continue
    if (!keeps(server) || avoid?.includes(server) === true) return undefined
    if (hasPlace(server)) return server
    return now < stuck.until ? 'wait' : undefined
  }
  return undefined
}

function keeps({ row, removed, address, standing }: Server): boolean {
  const isIn = row.state === 'up' || (row.state === 'draining' && row.keepsSticky === true)
  return isIn && !removed && address !== undefined && standing.kind === 'well'
}
