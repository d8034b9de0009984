// How does a test wait, and where may it listen? For an observed condition, and on a port that was
// free a moment ago; never for luck.

import { createServer, type Server } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Looks every 10 ms until the condition holds; rejects, naming it, after `within` ms. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  within = 120_000,
): Promise<void> {
  const deadline = performance.now() + within
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`)
    await pause(10)
  }
}

/**
 * Ports of 127.0.0.1 that were free a moment ago, all different. They lie below those that the
 * system gives to whoever connects (`ip_local_port_range`), or a connection could take one before
 * its server does.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listenSomewhere))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map(close))
  return ports
}

const drawn = { least: 12_000, below: 32_000 }

/** Listens on a port that nobody has. */
async function listenSomewhere(): Promise<Server> {
  for (;;) {
    const server = createServer()
    const port = drawn.least + Math.floor(Math.random() * (drawn.below - drawn.least))
    const isFree = await new Promise<boolean>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
      )
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (isFree) return server
  }
}

const close = (server: Server): Promise<unknown> => new Promise((done) => server.close(done))
