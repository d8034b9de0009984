// May these addresses be listened on? Found out before any edge is touched.

import { createServer } from 'node:net'
import { type Listener, listeners, overlaps, ownerOf, socketsOf } from '../../../control/ports.ts'
import { Fault, systemCode } from '../../../foundation/fault.ts'
import type { Bind, Table } from '../../model.ts'

/** The addresses of a table. */
export const bindsOf = (table: Table | undefined): readonly Bind[] =>
  table?.frontends.flatMap(({ binds }) => binds) ?? []

const say = ({ host, port }: Bind): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/**
 * Throws a Fault if an address cannot be had. Edges share their ports by SO_REUSEPORT, so another
 * process of the same user would share them too, and silently take half of the connections: the
 * kernel does not refuse that, so it is looked for. Listeners of the processes `ours` are fine.
 */
export async function checkDoors(binds: readonly Bind[], ours: readonly number[]): Promise<void> {
  const all = listeners()
  const own = new Set(ours.flatMap((pid) => [...socketsOf(pid)]))
  for (const bind of binds) {
    const there = all.filter((listener) => overlaps(listener, bind.host, bind.port))
    const foreign = there.find(({ inode }) => !own.has(inode))
    if (foreign !== undefined) throw inUse(bind, foreign)
    if (there.length === 0) await tryDoor(bind)
  }
}

function inUse(bind: Bind, listener: Listener): Fault {
  const owner = ownerOf(listener.inode)
  const who = owner === undefined ? 'a process of another user' : `${owner.name} (pid ${owner.pid})`
  return new Fault('in-use', `cannot listen on ${say(bind)}: ${who} listens there`, {
    remedy: `end that process, or choose another port for the frontend`,
  })
}

/** Listens for an instant: what the kernel would refuse an edge, it refuses here. */
function tryDoor(bind: Bind): Promise<void> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(refusal(bind, cause)))
    server.listen({ ...bind, reusePort: true, exclusive: true }, () =>
      server.close(() => resolve()),
    )
  })
}

const remedies: Readonly<Record<string, string>> = {
  EACCES:
    'ports below 1024 need a privilege: run as root, or sysctl net.ipv4.ip_unprivileged_port_start',
  EADDRNOTAVAIL: 'the address is not on this machine: ip address lists those that are',
  EADDRINUSE: 'another process listens there: ss -ltnp names it',
  ENOTFOUND: 'the name has no address: write the address itself',
}

function refusal(bind: Bind, cause: unknown): Fault {
  const code = systemCode(cause) ?? ''
  const kind = code === 'EADDRINUSE' ? 'in-use' : 'refused'
  const remedy = remedies[code]
  return new Fault(kind, `cannot listen on ${say(bind)} (${code})`, { cause, remedy })
}
