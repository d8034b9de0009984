// Who serves a connection that has been let in, by what it speaks?

import type { DatabaseProtocol } from '../../../model.ts'
import { HttpClient } from '../http/client.ts'
import { ClientSession } from '../http2/client-session.ts'
import { Doorstep } from '../sessions/doorstep.ts'
import { MyTalk } from '../sessions/my-talk.ts'
import { PgTalk } from '../sessions/pg-talk.ts'
import { Session } from '../sessions/session.ts'
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
  const { speaks } = door.row
  if (speaks !== undefined) return beginSession(speaks, connection, door, shared)
  const client = new TcpClient(connection, door, shared)
  client.begin()
  return client
}

/** A client of a database, whose session may go on at another server than the one it began at. */
function beginSession(
  speaks: DatabaseProtocol,
  connection: Connection,
  door: Door,
  shared: Shared,
): ConnectionOwner {
  const { name, tls } = door.row
  const password = (user: string): string | undefined => shared.sessions.password(name, user)
  if (speaks === 'postgresql') {
    const talk = new PgTalk({ password, offersTls: tls !== undefined && !connection.secure })
    return new Doorstep(connection, door, shared, talk)
  }
  const session = new Session(connection, door, shared, new MyTalk(password), Buffer.alloc(0))
  session.begin()
  return session
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
