// A TCP proxy between a client and a server under test, that cuts, stalls, delays, and tells what
// passes. Harm is done when asked for, never by chance.

import { connect, createServer, type Server, type Socket } from 'node:net'

/** Which way bytes go. */
export type Direction = 'to-server' | 'to-client'

/** What may be done to the connections that pass. */
export interface TcpProxy extends AsyncDisposable {
  /** Where clients connect instead, on 127.0.0.1. */
  readonly port: number
  /** Connections taken so far. */
  readonly accepted: number
  /** Connections that are open now. */
  readonly open: number
  /** Resets every connection there is. */
  cut(): void
  /** While true, a new connection is reset as soon as it is made. */
  refuse(on: boolean): void
  /** While true, bytes of these directions vanish; connections stay open, and are still taken. */
  blackhole(on: boolean, directions?: readonly Direction[]): void
  /** Everything that passes from now on arrives so many milliseconds later. */
  delay(milliseconds: number): void
  /** Ends the server's side of every connection and keeps the client's side open and silent. */
  halfOpen(): void
  /** Cuts every connection after so many more bytes in this direction: a frame torn in two. */
  cutAfter(bytes: number, direction: Direction): void
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
  orphan: boolean
}

/** Hears every chunk that passes; for recording. */
export type Tap = (connection: number, direction: Direction, chunk: Buffer) => void

/** Opens a proxy before a port of 127.0.0.1. */
export async function openTcpProxy(target: number, tap: Tap = () => {}): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  const timers = new Set<NodeJS.Timeout>()
  const swallowed = new Set<Direction>()
  let accepted = 0
  let refusing = false
  let wait = 0
  let budget: { left: number; readonly direction: Direction } | undefined

  const end = (pair: Pair): void => {
    pairs.delete(pair)
    pair.client.resetAndDestroy()
    pair.server.destroy()
  }
  const cut = (): void => {
    budget = undefined
    for (const pair of pairs) end(pair)
  }
  const forward = (to: Socket, chunk: Buffer): void => {
    if (!to.destroyed) to.write(chunk)
  }
  const pass = (pair: Pair, id: number, direction: Direction, chunk: Buffer): void => {
    if (swallowed.has(direction) || pair.orphan) return
    const to = direction === 'to-server' ? pair.server : pair.client
    tap(id, direction, chunk)
    if (budget?.direction === direction) {
      const fits = chunk.subarray(0, budget.left)
      budget.left -= fits.length
      if (fits.length > 0) forward(to, fits)
      // The kernel must have the last bytes before the reset, or it drops them.
      if (budget.left === 0) setImmediate(cut)
      return
    }
    if (wait === 0) {
      forward(to, chunk)
      return
    }
    const timer = setTimeout(() => {
      timers.delete(timer)
      forward(to, chunk)
    }, wait)
    timers.add(timer)
  }

  const listener: Server = createServer((client) => {
    const id = accepted
    accepted += 1
    client.on('error', () => {})
    if (refusing) {
      client.resetAndDestroy()
      return
    }
    const server = connect(target, '127.0.0.1')
    const pair: Pair = { client, server, orphan: false }
    pairs.add(pair)
    client.setNoDelay(true)
    server.setNoDelay(true)
    server.on('error', () => {})
    client.on('data', (chunk: Buffer) => pass(pair, id, 'to-server', chunk))
    server.on('data', (chunk: Buffer) => pass(pair, id, 'to-client', chunk))
    client.on('close', () => end(pair))
    server.on('close', () => {
      if (!pair.orphan) end(pair)
    })
  })
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(0, '127.0.0.1', resolve)
  })

  return {
    port: (listener.address() as { port: number }).port,
    get accepted() {
      return accepted
    },
    get open() {
      return pairs.size
    },
    cut,
    refuse: (on) => {
      refusing = on
    },
    blackhole: (on, directions = ['to-server', 'to-client']) => {
      for (const direction of directions) {
        if (on) swallowed.add(direction)
        else swallowed.delete(direction)
      }
    },
    delay: (milliseconds) => {
      wait = milliseconds
    },
    halfOpen: () => {
      for (const pair of pairs) {
        pair.orphan = true
        pair.server.destroy()
      }
    },
    cutAfter: (bytes, direction) => {
      budget = { left: bytes, direction }
    },
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearTimeout(timer)
      cut()
      await new Promise((done) => listener.close(done))
    },
  }
}
