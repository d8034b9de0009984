// Who serves a connection that has been let in, by what it speaks?

import { HttpClient } from '../http/client.ts'
import { ClientSession } from '../http2/client-session.ts'
import { Doorstep } from '../sessions/doorstep.ts'
import { PgTalk } from '../sessions/pg-talk.ts'
import type { Talk } from '../sessions/talk.ts'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'
import type { Door } from './door.ts'
import type { Shared } from './shared.ts'
import { TcpClient } from './tcp-client.ts'

/** Returns whom the connection belongs to from now on. */
export function admit(door: Door, connection: Connection, shared: Shared): ConnectionOwner {
  if (door.row.mode === 'http') {
    if (connection.alpnProtocol !== 'h2') return new HttpClient(connection, door, shared)
    return toHttp2(connection, door, shared, undefined)
  }
  if (door.row.speaks === 'postgresql') {
    return new Doorstep(connection, door, shared, talkOf(door, connection, shared))
  }
  const client = new TcpClient(connection, door, shared)
  client.begin()
  return client
}

function talkOf({ row }: Door, connection: Connection, shared: Shared): Talk {
  return new PgTalk({
    password: (user) => shared.sessions.password(row.name, user),
    offersTls: row.tls !== undefined && !connection.secure,
  })
}

/** Serves a connection that speaks HTTP/2; `first` is what has been read of it. */
export function toHttp2(
  connection: Connection,
  door: Door,
  shared: Shared,
  first: Buffer | undefined,
): ConnectionOwner {
  return new ClientSession(connection, door, shared, first).owner
}
