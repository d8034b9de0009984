// Asks PostgreSQL to cancel what a session does: over a connection of its own, which says nothing
// and is closed by the server once the signal is sent (55.2.8 of its manual).

import { cancelMessage } from '../../../../wire/postgresql/startup.ts'
import type { Server } from '../edge/server.ts'
import type { Shared } from '../edge/shared.ts'
import type { ConnectionOwner } from '../transport/transport.ts'

/** A client waits for it no longer than so. */
const patience = 5000

/** Sends it to each of these servers; a key that is not theirs does nothing. */
export function cancelAt(
  shared: Shared,
  servers: readonly Server[],
  key: string,
  done: () => void,
): void {
  const open = new Set(servers.filter(({ address }) => address !== undefined))
  if (open.size === 0) return done()
  for (const server of [...open]) {
    ask(shared, server, key, () => {
      open.delete(server)
      if (open.size === 0) done()
    })
  }
}

function ask(shared: Shared, { address, row }: Server, key: string, over: () => void): void {
  const nothing = (): void => undefined
  const finish = (): void => {
    shared.deadlines.give(place)
    connection.close()
    over()
  }
  const owner: ConnectionOwner = {
    connected: () => connection.writeBytes(cancelMessage(key)),
    received: nothing,
    ended: finish,
    drained: nothing,
    unwritable: finish,
    failed: finish,
  }
  const place = shared.deadlines.take({ expired: finish })
  shared.deadlines.set(place, patience)
  const connection = shared.transport.connect(address as string, row.port, owner)
}
