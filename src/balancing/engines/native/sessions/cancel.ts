// Asks PostgreSQL to cancel what a session does: over a connection of its own, which says nothing
// and is closed by the server once the signal is sent (55.2.8 of its manual).

import { cancelMessage } from '../../../../wire/postgresql/startup.ts'
import type { Pool } from '../edge/pool.ts'
import type { Server } from '../edge/server.ts'
import type { ConnectionOwner } from '../transport/transport.ts'
import { askFirst } from './pg-talk.ts'
import { Upstream } from './upstream.ts'

/** A client waits for it no longer than so. */
const patience = 5000

/** Sends it to each of these servers of a pool; a key that is not theirs does nothing. */
export function cancelAt(
  pool: Pool,
  servers: readonly Server[],
  key: string,
  done: () => void,
): void {
  const open = new Set(servers.filter(({ address }) => address !== undefined))
  if (open.size === 0) return done()
  for (const server of [...open]) {
    ask(pool, server, key, () => {
      open.delete(server)
      if (open.size === 0) done()
    })
  }
}

function ask(pool: Pool, server: Server, key: string, over: () => void): void {
  const { shared } = pool
  const nothing = (): void => undefined
  const finish = (): void => {
    shared.deadlines.give(place)
    upstream.close()
    over()
  }
  const owner: ConnectionOwner = {
    connected: () => upstream.say(cancelMessage(key)),
    received: nothing,
    ended: finish,
    drained: nothing,
    unwritable: finish,
    failed: finish,
  }
  const place = shared.deadlines.take({ expired: finish })
  shared.deadlines.set(place, patience)
  const upstream = new Upstream(shared, pool, server, askFirst(nothing), owner)
}
