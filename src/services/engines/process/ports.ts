// Which port does a replica get? One that nobody listens on, and that no other replica was given.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { systemCode } from '../../../foundation/fault.ts'
import { below, type Random } from '../../../foundation/random.ts'

/** The ports that the system hands out by itself, both ends included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/** The system's range (ip(7), `ip_local_port_range`), or the usual one where it is not told. */
export function localPortRange(): PortRange {
  try {
    const text = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
    const [first, last] = text.trim().split(/\s+/).map(Number)
    if (first !== undefined && last !== undefined && first < last) return { first, last }
  } catch (thrown) {
    if (systemCode(thrown) !== 'ENOENT') throw thrown
  }
  return { first: 32768, last: 60999 }
}

/**
 * Draws a port that is not `taken`. Only every other one is drawn: the system gives the even ones
 * (counted from the first) to outgoing connections first, and a replica that restarts must find
 * its port free again.
 */
export function drawPort(random: Random, range: PortRange, taken: ReadonlySet<number>): number {
  const count = Math.floor((range.last - range.first + 1) / 2)
  const start = below(random, count)
  for (let turn = 0; turn < count; turn += 1) {
    const port = range.first + 1 + 2 * ((start + turn) % count)
    if (!taken.has(port)) return port
  }
  return range.first
}

/** Whether a server could listen there now: tried by listening for an instant. */
export function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
