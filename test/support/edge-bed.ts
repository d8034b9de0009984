// An edge in this process, servers behind it and clients before it, all on loopback.

import {
  type AddressInfo,
  createServer,
  type Server,
  type Socket,
  connect as socketTo,
} from 'node:net'
import { Edge, type EdgeParts } from '../../src/balancing/engines/native/edge/edge.ts'
import type { EdgeMessage } from '../../src/balancing/engines/native/protocol.ts'
import { RawTransport } from '../../src/balancing/engines/native/transport/raw.ts'
import type { Transport } from '../../src/balancing/engines/native/transport/transport.ts'
import type {
  EdgeReport,
  HoldLimits,
  Pool,
  Table,
  TableFrontend,
  TableServer,
} from '../../src/balancing/model.ts'
import { seededRandom } from '../../src/foundation/random.ts'
import { ms, openClock, sleep } from '../../src/foundation/time.ts'

const clock = openClock()
/** How long a test waits for what must come; only a failure ever takes so long. */
const patience = ms(90_000)

/** Waits until `holds`; rejects with `what` when it never does. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = clock.now() + patience
  while (!holds()) {
    if (clock.now() > deadline) throw new Error(`not within ${patience} ms: ${what}`)
    await sleep(clock, ms(2))
  }
}

/** The far end of one connection, as bytes in a string (latin1). */
export class Peer {
  readonly socket: Socket
  /** All that has come and has not been taken. */
  received = ''
  ended = false
  closed = false
  error: Error | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      this.received += chunk
    })
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('error', (error) => {
      this.error = error
    })
    socket.on('close', () => {
      this.closed = true
    })
  }

  send(text: string): void {
    this.socket.write(Buffer.from(text, 'latin1'))
  }

  /** Takes what has come up to and with `mark`, waiting for it. */
  async take(mark: string | RegExp): Promise<string> {
    const end = (): number => {
      if (typeof mark === 'string') {
        const at = this.received.indexOf(mark)
        return at < 0 ? -1 : at + mark.length
      }
      const found = mark.exec(this.received)
      return found === null ? -1 : found.index + found[0].length
    }
    const failed = (): boolean => this.closed && end() < 0
    await until(`${mark} in ${JSON.stringify(this.received.slice(0, 400))}`, () => {
      if (failed()) throw new Error(`closed before ${mark}: ${JSON.stringify(this.received)}`)
      return end() >= 0
    })
    const taken = this.received.slice(0, end())
    this.received = this.received.slice(taken.length)
    return taken
  }

  /** Takes one whole message: a head, and the body that its Content-Length or chunks announce. */
  async takeMessage(bodiless = false): Promise<{ readonly head: string; readonly body: string }> {
    const head = await this.take('\r\n\r\n')
    const length = /^content-length: (\d+)\r$/im.exec(head)?.[1]
    if (bodiless) return { head, body: '' }
    if (/^transfer-encoding: chunked\r$/im.test(head)) {
      return { head, body: await this.take(/(^|\r\n)0\r\n(?:[^\r]+\r\n)*\r\n/) }
    }
    const count = Number(length ?? 0)
    await until(`${count} bytes of body`, () => this.received.length >= count || this.closed)
    const body = this.received.slice(0, count)
    this.received = this.received.slice(count)
    return { head, body }
  }

  async takeEnd(): Promise<string> {
    await until('the end of the connection', () => this.ended || this.closed)
    const rest = this.received
    this.received = ''
    return rest
  }

  close(): void {
    this.socket.destroy()
  }
}

/** A server that does with each connection what the test says. */
export class Origin implements AsyncDisposable {
  readonly id: string
  readonly #server: Server
  readonly peers: Peer[] = []
  readonly port: number

  private constructor(id: string, server: Server) {
    this.id = id
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  static open(id: string, serve: (peer: Peer, origin: Origin) => void, port = 0): Promise<Origin> {
    return new Promise((resolve, reject) => {
      let origin: Origin
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        const peer = new Peer(socket)
        origin.peers.push(peer)
        serve(peer, origin)
      })
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        origin = new Origin(id, server)
        resolve(origin)
      })
    })
  }

  row(differs: Partial<TableServer> = {}): TableServer {
    const { id, port } = this
    return { ...serverRow(id, port), ...differs }
  }

  /** As if the process had been killed: nobody listens, and connections break. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.peers) socket.resetAndDestroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

export const serverRow = (id: string, port: number): TableServer => ({
  ...{ id, host: '127.0.0.1', port, weight: 1 },
  ...{ state: 'up', backup: false, maxConnections: undefined },
})

/** An origin that answers each request with `answer`, given its head and body. */
export const answering = (
  id: string,
  answer: (head: string, body: string) => string,
  port = 0,
): Promise<Origin & { readonly seen: string[] }> => {
  const seen: string[] = []
  const opened = Origin.open(
    id,
    async (peer) => {
      try {
        for (;;) {
          const { head, body } = await peer.takeMessage()
          seen.push(head + body)
          const text = answer(head, body)
          if (text !== '') peer.send(text)
        }
      } catch {
        // The connection ended between two requests.
      }
    },
    port,
  )
  return opened.then((origin) => Object.assign(origin, { seen }))
}

/** A plain answer. */
export const ok = (body: string, lines = ''): string =>
  `HTTP/1.1 200 OK\r\nDate: x\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`

const hold: HoldLimits = { wait: ms(5000), requests: 100, bytes: 1_000_000 }

/** What a test says of its table; the rest is usual. */
export interface TableWish {
  readonly frontend?: Partial<TableFrontend>
  readonly pool?: Partial<Pool>
  readonly more?: readonly Pool[]
}

/** A table with one frontend `public` and one pool `web`. */
export function tableOf(version: number, servers: readonly TableServer[], wish: TableWish): Table {
  const frontend: TableFrontend = {
    ...{ name: 'public', mode: 'http', binds: [{ host: '127.0.0.1', port: 0 }] },
    routes: [{ host: undefined, path: undefined, pool: 'web', policy: 'roundrobin' }],
    ...{ idleTimeout: ms(30_000), headTimeout: ms(10_000), maxConnections: 1000 },
    errorPages: {},
    ...wish.frontend,
  }
  const pool: Pool = {
    ...{ name: 'web', servers, hold },
    ...{ connectTimeout: ms(1000), responseTimeout: ms(10_000) },
    keptBodies: { each: 65_536, bytes: 1_000_000 },
    ...wish.pool,
  }
  return { version, frontends: [frontend], pools: [pool, ...(wish.more ?? [])] }
}

/** An edge with a table, and all that is told. */
export class EdgeBed implements AsyncDisposable {
  readonly edge: Edge
  readonly told: EdgeMessage[] = []
  readonly faults: unknown[] = []
  readonly #peers: Peer[] = []
  #version = 0

  constructor(
    open: (faulted: (thrown: unknown) => void) => Transport = (f) => new RawTransport(f),
    more: Partial<EdgeParts> = {},
  ) {
    const transport = open((thrown) => this.faults.push(thrown))
    const random = seededRandom(7)
    const tell = (message: EdgeMessage): void => void this.told.push(message)
    this.edge = new Edge({ edge: 1, transport, clock, random, tell, ...more })
  }

  /** Applies the next table. */
  apply(servers: readonly TableServer[], wish: TableWish = {}): Promise<void> {
    this.#version += 1
    return this.edge.apply(tableOf(this.#version, servers, wish))
  }

  get port(): number {
    return this.edge.listening[0]!.port
  }

  async client(): Promise<Peer> {
    const { port } = this
    const socket = socketTo({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const peer = new Peer(socket)
    this.#peers.push(peer)
    await until('a connection', () => !socket.connecting)
    return peer
  }

  /** One request on a connection of its own. */
  async ask(request: string, bodiless = false): Promise<{ head: string; body: string }> {
    const peer = await this.client()
    peer.send(request)
    const answer = await peer.takeMessage(bodiless)
    peer.close()
    return answer
  }

  get report(): EdgeReport {
    return this.edge.report()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer.close()
    this.edge[Symbol.dispose]()
    await sleep(clock, ms(1))
    if (this.faults.length > 0) throw new AggregateError(this.faults, 'the edge had faults')
  }
}

/** A GET as a client sends it. */
export const get = (path = '/', lines = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: shop.example\r\n${lines}\r\n`

/** A request with a body. */
export const post = (body: string, path = '/', lines = '', method = 'POST'): string =>
  `${method} ${path} HTTP/1.1\r\nHost: shop.example\r\n${lines}` +
  `Content-Length: ${body.length}\r\n\r\n${body}`
