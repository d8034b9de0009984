// The transport on node:net: for a runtime whose own socket handles are not those we know.

import { createServer, type Server, type Socket, connect as socketTo } from 'node:net'
import { systemCode } from '../../../../foundation/fault.ts'
import { latin1 } from '../../../../wire/latin1.ts'
import type { Bind } from '../../../model.ts'
import type { Connection, ConnectionOwner, Listener, Transport } from './transport.ts'

/** Told of a mistake of ours while a connection was served; that connection has been closed. */
type Faulted = (thrown: unknown) => void

/** The public sockets of the runtime as a `Transport`. */
export class NetTransport implements Transport {
  readonly name = 'net'
  readonly can = { sharePort: true, handOver: false } as const
  readonly #faulted: Faulted

  constructor(faulted: Faulted) {
    this.#faulted = faulted
  }

  connect(address: string, port: number, owner: ConnectionOwner): Connection {
    const socket = socketTo({ host: address, port, allowHalfOpen: true, noDelay: true })
    const connection = new NetConnection(socket, address, owner, this.#faulted)
    socket.once('connect', () => connection.guarded(() => connection.owner.connected()))
    return connection
  }

  listen(bind: Bind, accept: (connection: Connection) => ConnectionOwner): Promise<Listener> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const peer = socket.remoteAddress ?? ''
      const connection = new NetConnection(socket, peer, unowned, this.#faulted)
      connection.guarded(() => {
        connection.owner = accept(connection)
      })
    })
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: bind.host, port: bind.port, reusePort: true, backlog: 1024 }, () =>
        resolve({ bind, port: portOf(server, bind), close: () => void server.close() }),
      )
    })
  }
}

function portOf(server: Server, bind: Bind): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : bind.port
}

const unowned: ConnectionOwner = {
  connected: () => undefined,
  received: () => undefined,
  ended: () => undefined,
  drained: () => undefined,
  unwritable: () => undefined,
  failed: () => undefined,
}

/** One node:net socket; see `Connection` for what it promises. */
class NetConnection implements Connection {
  owner: ConnectionOwner
  pending = 0
  readonly lent = false
  readonly peer: string
  readonly #socket: Socket
  readonly #faulted: Faulted
  #paused = false
  #closed = false
  #feeds: NetConnection | undefined
  #fedBy: NetConnection | undefined

  constructor(socket: Socket, peer: string, owner: ConnectionOwner, faulted: Faulted) {
    this.#socket = socket
    this.peer = peer
    this.owner = owner
    this.#faulted = faulted
    socket.on('data', (chunk: Buffer) => {
      this.guarded(() => this.owner.received(chunk, chunk.length))
    })
    socket.on('end', () => this.guarded(() => this.owner.ended()))
    socket.on('error', (error) => this.guarded(() => this.#fail(systemCode(error) ?? 'UNKNOWN')))
    socket.on('close', () => this.#release())
  }

  guarded(run: () => void): void {
    if (this.#closed) return
    try {
      run()
    } catch (thrown) {
      const { owner } = this
      this.owner = unowned
      this.close()
      this.#faulted(thrown)
      owner.failed('FAULT')
    }
  }

  #fail(code: string): void {
    this.close()
    this.owner.failed(code)
  }

  write(text: string): void {
    this.#write(Buffer.from(text, 'latin1'))
  }

  writeBytes(bytes: Uint8Array): void {
    this.#write(bytes)
  }

  #write(bytes: Uint8Array): void {
    if (this.#closed || !this.#socket.writable) return
    this.pending += 1
    this.#socket.write(bytes, (error) => {
      this.pending -= 1
      if (this.pending > 0) return
      this.#release()
      if (!error) this.guarded(() => this.owner.drained())
    })
  }

  #release(): void {
    const source = this.#fedBy
    this.#fedBy = undefined
    if (source === undefined) return
    source.#feeds = undefined
    if (!source.#paused && !source.#closed) source.#socket.resume()
  }

  passOn(to: Connection, bytes: Buffer, start: number, end: number): void {
    to.write(latin1(bytes, start, end))
    this.waitFor(to)
  }

  waitFor(to: Connection): void {
    if (!(to instanceof NetConnection) || to.pending === 0) return
    this.#feeds = to
    to.#fedBy = this
    this.#socket.pause()
  }

  settle(): void {
    if (this.#feeds === undefined) return
    this.#feeds.#fedBy = undefined
    this.#feeds = undefined
    if (!this.#paused) this.#socket.resume()
  }

  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#paused = false
    if (this.#feeds === undefined) this.#socket.resume()
  }

  end(): void {
    if (!this.#closed) this.#socket.end()
  }

  close(): void {
    this.#closed = true
    this.#socket.destroy()
  }

  reset(): void {
    this.#closed = true
    this.#socket.resetAndDestroy()
  }
}
