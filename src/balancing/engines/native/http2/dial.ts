// How is a server reached, by what it speaks?

import type { Pool } from '../edge/pool.ts'
import type { Server } from '../edge/server.ts'
import { trustOf } from '../tls/trust.ts'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'
import { ServerSessions } from './server-sessions.ts'

/** A connection of its own for each request in HTTP/1.1, a stream of a shared one in HTTP/2. */
export function dial(
  pool: Pool,
  server: Server,
  address: string,
  owner: ConnectionOwner,
): Connection {
  const { shared, row } = pool
  const { port } = server.row
  const { tls } = row
  if (tls !== undefined) {
    return shared.transport.connectSecure(address, port, owner, trustOf(tls, server.row.host))
  }
  if (row.protocol !== 'http2') return shared.transport.connect(address, port, owner)
  if (server.sessions?.isAt(address, port) !== true) {
    server.sessions?.close()
    server.sessions = new ServerSessions(shared, address, port)
  }
  return server.sessions.open(owner)
}
