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

/** Ports of 127.0.0.1 that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const opened = Array.from({ length: count }, async () => {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    return server
  })
  const servers = await Promise.all(opened)
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map(close))
  return ports
}

const close = (server: Server): Promise<unknown> => new Promise((done) => server.close(done))
