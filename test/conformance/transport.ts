// What every Transport promises: the raw one and the public one pass the same suite.

import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { suite, test } from 'node:test'
import { createServer as createTlsServer, connect as tlsTo } from 'node:tls'
import type {
  Connection,
  ConnectionOwner,
  Listener,
  Transport,
} from '../../src/balancing/engines/native/transport/transport.ts'
import { sharedPair } from '../support/certificates.ts'
import { Peer, until } from '../support/edge-bed.ts'

/** One owner that remembers what it was told. */
class Recorder implements ConnectionOwner {
  readonly chunks: Buffer[] = []
  readonly told: string[] = []
  /** What to do with bytes besides remembering them. */
  onBytes: ((bytes: Buffer, end: number) => void) | undefined

  connected(): void {
    this.told.push('connected')
  }
  received(bytes: Buffer, end: number): void {
    this.chunks.push(Buffer.from(bytes.subarray(0, end)))
    this.onBytes?.(bytes, end)
  }
  ended(): void {
    this.told.push('ended')
  }
  waits(): void {
    this.told.push('waits')
  }
  drained(): void {
    this.told.push('drained')
  }
  unwritable(): void {
    this.told.push('unwritable')
  }
  failed(code: string): void {
    this.told.push(`failed ${code}`)
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }
}

/** A transport with a listener of its own, and connections to it. */
class Bed implements AsyncDisposable {
  readonly faults: unknown[] = []
  readonly transport: Transport
  readonly #listeners: Listener[] = []
  readonly #peers: Peer[] = []
  readonly #servers: Server[] = []
  readonly #connections: Connection[] = []

  readonly #secure: boolean
  readonly #below = new Map<Peer, Socket>()

  constructor(open: (faulted: (thrown: unknown) => void) => Transport) {
    this.transport = open((thrown) => this.faults.push(thrown))
    this.#secure = this.transport.name.endsWith('under TLS')
  }

  /** A connection accepted by the transport, and the client at its other end. */
  async accepted(): Promise<{ connection: Connection; owner: Recorder; peer: Peer }> {
    const owner = new Recorder()
    let connection: Connection | undefined
    const listener = await this.transport.listen({ host: '127.0.0.1', port: 0 }, (accepted) => {
      connection = accepted
      this.#connections.push(accepted)
      return owner
    })
    this.#listeners.push(listener)
    const peer = this.peer(listener.port)
    await until('an accepted connection', () => connection !== undefined)
    return { connection: connection as Connection, owner, peer }
  }

  peer(port: number): Peer {
    const below = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const terms = { socket: below, allowHalfOpen: true, rejectUnauthorized: false }
    const peer = new Peer(this.#secure ? tlsTo(terms) : below)
    this.#peers.push(peer)
    this.#below.set(peer, below)
    return peer
  }

  /** Breaks a connection as seen from its peer. */
  breakOff(peer: Peer): void {
    this.#below.get(peer)?.resetAndDestroy()
  }

  /** A server of somebody else's: its port, and the connections it has taken. */
  async server(): Promise<{ port: number; sockets: Socket[] }> {
    const sockets: Socket[] = []
    const take = (socket: Socket): void => {
      sockets.push(socket)
      this.#peers.push(new Peer(socket))
    }
    const { certificate: cert, key } = sharedPair()
    const server = this.#secure
      ? createTlsServer({ allowHalfOpen: true, cert, key } as object, take)
      : createServer({ allowHalfOpen: true }, take)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.#servers.push(server)
    return { port: (server.address() as AddressInfo).port, sockets }
  }

  connect(port: number): { connection: Connection; owner: Recorder } {
    const owner = new Recorder()
    const connection = this.transport.connect('127.0.0.1', port, owner)
    this.#connections.push(connection)
    return { connection, owner }
  }

  async listen(host: string, port: number): Promise<Listener> {
    const listener = await this.transport.listen({ host, port }, () => new Recorder())
    this.#listeners.push(listener)
    return listener
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close()
    for (const listener of this.#listeners) listener.close()
    for (const peer of this.#peers) peer.close()
    await Promise.all(
      this.#servers.map((server) => new Promise((resolve) => server.close(resolve))),
    )
  }
}

const pattern = (length: number): string => {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at += 1) bytes[at] = (at * 7 + (at >> 8) * 13) & 0xff
  return bytes.toString('latin1')
}

/** The promises of a Transport. `cannot` names one that an adapter does not make, and why. */
export function transportConformance(
  name: string,
  open: (faulted: (thrown: unknown) => void) => Transport,
  cannot: Readonly<Record<string, string>> = {},
): void {
  const promise = (title: string, run: (bed: Bed) => Promise<void>): void => {
    if (cannot[title] !== undefined) return
    test(title, async () => {
      await using bed = new Bed(open)
      await run(bed)
    })
  }

  suite(`${name} is a Transport`, () => {
    promise('accepts a connection and knows who it is', async (bed) => {
      const { connection, owner, peer } = await bed.accepted()
      assert.equal(connection.peer, '127.0.0.1')
      peer.send('hello')
      await until('the bytes', () => owner.text === 'hello')
    })

    promise('writes every byte as it is', async (bed) => {
      const { connection, peer } = await bed.accepted()
      const all = pattern(256)
      connection.write(all)
      connection.writeBytes(Buffer.from(all, 'latin1'))
      assert.equal(await peer.take(all + all), all + all)
    })

    promise('connects, and tells when it has', async (bed) => {
      const { port, sockets } = await bed.server()
      const { connection, owner } = bed.connect(port)
      await until('connected', () => owner.told.includes('connected'))
      connection.write('x')
      await until('a socket', () => sockets.length === 1)
    })

    promise('tells why it could not connect, and nothing after that', async (bed) => {
      const listener = await bed.listen('127.0.0.1', 0)
      listener.close()
      const { owner } = bed.connect(listener.port)
      await until('a failure', () => owner.told.length > 0)
      assert.deepEqual(owner.told, ['failed ECONNREFUSED'])
    })

    promise('rejects an address that is taken, with the code of the system', async (bed) => {
      const { port } = await bed.server()
      await assert.rejects(bed.listen('127.0.0.1', port), { code: 'EADDRINUSE' })
    })

    promise('rejects an address that is not ours', async (bed) => {
      await assert.rejects(bed.listen('203.0.113.1', 0), { code: 'EADDRNOTAVAIL' })
    })

    promise('shares a port with another listener of ours', async (bed) => {
      const first = await bed.listen('127.0.0.1', 0)
      const second = await bed.listen('127.0.0.1', first.port)
      assert.equal(second.port, first.port)
    })

    promise('tells the end of the other side, and can still write', async (bed) => {
      const { connection, owner, peer } = await bed.accepted()
      peer.socket.end('last')
      await until('the end', () => owner.told.includes('ended'))
      assert.equal(owner.text, 'last')
      connection.write('answer')
      connection.end()
      assert.equal(await peer.takeEnd(), 'answer')
    })

    promise('delivers what was written before its end', async (bed) => {
      const { connection, peer } = await bed.accepted()
      const text = pattern(2_000_000)
      connection.write(text)
      connection.end()
      assert.equal((await peer.takeEnd()) === text, true)
    })

    promise('counts what the system has not taken, and tells when it has', async (bed) => {
      const { connection, owner, peer } = await bed.accepted()
      peer.socket.pause()
      while (connection.pending === 0) connection.write(pattern(200_000))
      assert.equal(owner.told.includes('drained'), false)
      peer.socket.resume()
      await until('drained', () => owner.told.includes('drained'))
      assert.equal(connection.pending, 0)
    })

    promise('delivers short and long pieces in the order they were written in', async (bed) => {
      const { connection, peer } = await bed.accepted()
      const pieces = [10, 4000, 20_000, 30, 15_000, 15_000, 100_000, 5].map(pattern)
      for (const [at, piece] of pieces.entries()) {
        if (at % 3 === 0) connection.writeBytes(Buffer.from(piece, 'latin1'))
        else connection.write(piece)
      }
      connection.end()
      assert.equal((await peer.takeEnd()) === pieces.join(''), true)
    })

    promise('closes behind what was flushed', async (bed) => {
      const { connection, peer } = await bed.accepted()
      connection.write('bye')
      if (connection.flush() > 0) await until('it is taken', () => connection.pending === 0)
      connection.close()
      assert.equal(await peer.takeEnd(), 'bye')
    })

    promise('tells that a short text waits, at once or at the end of the turn', async (bed) => {
      const { connection, owner, peer } = await bed.accepted()
      peer.socket.pause()
      let isTold = false
      while (connection.pending === 0) {
        connection.write(pattern(4000))
        isTold = connection.pending > 0
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.ok(isTold || owner.told.includes('waits'))
    })

    promise('reads nothing while paused', async (bed) => {
      const { connection, owner, peer } = await bed.accepted()
      connection.pause()
      peer.send('wait for it')
      await until('it is sent', () => peer.socket.bytesWritten > 0 && !peer.socket.writableLength)
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
      assert.equal(owner.text, '')
      connection.resume()
      await until('the bytes', () => owner.text === 'wait for it')
    })

    promise('passes large bodies on byte for byte, whoever is slow', async (bed) => {
      const source = await bed.accepted()
      const sink = await bed.accepted()
      source.owner.onBytes = (bytes, end) =>
        source.connection.passOn(sink.connection, bytes, 0, end)
      const text = pattern(5_000_000)
      sink.peer.socket.pause()
      source.peer.send(text)
      await until('the sink is full', () => sink.connection.pending > 0)
      sink.peer.socket.resume()
      await until('all of it', () => sink.peer.received.length === text.length)
      assert.equal(sink.peer.received === text, true)
    })

    promise('reads no more than the sink takes', async (bed) => {
      const source = await bed.accepted()
      const sink = await bed.accepted()
      source.owner.onBytes = (bytes, end) =>
        source.connection.passOn(sink.connection, bytes, 0, end)
      sink.peer.socket.pause()
      const chunk = pattern(1_000_000)
      // More than all socket buffers between them can hold (net.ipv4.tcp_rmem, tcp_wmem).
      for (let sent = 0; sent < 40; sent += 1) source.peer.send(chunk)
      await until('the sink is full', () => sink.connection.pending > 0)
      await new Promise((resolve) => setTimeout(resolve, 50))
      const read = source.owner.chunks.reduce((sum, { length }) => sum + length, 0)
      assert.ok(read < 39_000_000, `read ${read} bytes that nobody takes`)
    })

    promise('reads on at once when what was passed on is settled', async (bed) => {
      const source = await bed.accepted()
      const sink = await bed.accepted()
      sink.peer.socket.pause()
      while (sink.connection.pending === 0) sink.connection.write(pattern(200_000))
      source.connection.waitFor(sink.connection)
      source.peer.send('next')
      source.connection.settle()
      await until('the bytes', () => source.owner.text === 'next')
    })

    promise('tells a broken connection', async (bed) => {
      const { owner, peer } = await bed.accepted()
      bed.breakOff(peer)
      await until('a failure', () => owner.told.length > 0)
      assert.deepEqual(owner.told, ['failed ECONNRESET'])
    })

    promise('reads what was said before a write broke', async (bed) => {
      const { port, sockets } = await bed.server()
      const { connection, owner } = bed.connect(port)
      await until('connected', () => sockets.length === 1)
      connection.pause()
      // It answers and closes without having read: the next writes meet a reset.
      sockets[0]?.on('error', () => undefined)
      connection.write('request')
      await until('the request', () => (sockets[0]?.bytesRead ?? 0) > 0)
      sockets[0]?.end('answer')
      sockets[0]?.destroySoon()
      await until('it is closed', () => sockets[0]?.destroyed === true)
      const deadline = Date.now() + 10_000
      while (!owner.told.includes('unwritable') && Date.now() < deadline) {
        connection.write('more')
        await new Promise((resolve) => setImmediate(resolve))
      }
      await until('the answer', () => owner.text === 'answer')
    })

    promise('breaks a connection so that the other side sees it', async (bed) => {
      const { connection, peer } = await bed.accepted()
      connection.reset()
      await until('an error', () => peer.closed)
      assert.equal((peer.error as NodeJS.ErrnoException | undefined)?.code, 'ECONNRESET')
    })

    promise('says nothing more once it is closed', async (bed) => {
      const { connection, owner, peer } = await bed.accepted()
      connection.close()
      await peer.takeEnd()
      peer.send('into the void')
      await until(
        'the other side to close',
        () => peer.closed || peer.error !== undefined || peer.ended,
      )
      assert.deepEqual(owner.told, [])
      assert.equal(owner.text, '')
    })

    promise('keeps a mistake of an owner to its connection', async (bed) => {
      const bad = await bed.accepted()
      const good = await bed.accepted()
      bad.owner.onBytes = () => {
        throw new Error('a mistake')
      }
      bad.peer.send('x')
      await until('the fault', () => bed.faults.length === 1)
      await bad.peer.takeEnd()
      assert.deepEqual(bad.owner.told, ['failed FAULT'])
      good.peer.send('y')
      await until('the other', () => good.owner.text === 'y')
    })
  })
}
