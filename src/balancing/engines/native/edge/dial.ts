// Opens a connection to a server of a pool, under TLS where the pool says so.

import { trustOf } from '../tls/trust.ts'
import type { Connection, ConnectionOwner, Transport } from '../transport/transport.ts'
import type { Pool } from './pool.ts'
import type { Server } from './server.ts'

/** Begins to connect; the owner is told. Only a server whose address is known is ever picked. */
export function dial(
  transport: Transport,
  { row: { tls } }: Pool,
  server: Server,
  owner: ConnectionOwner,
): Connection {
  const { host, port } = server.row
  const address = server.address as string
  if (tls === undefined) return transport.connect(address, port, owner)
  return transport.connectSecure(address, port, owner, trustOf(tls, host))
}
