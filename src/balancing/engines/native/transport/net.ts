// The transport on node:net: for a runtime whose own socket handles are not those we know.

import { createServer, type Server, type Socket, connect as socketTo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Ends, endsOf } from '../../../../foundation/addresses.ts'
import { systemCode } from '../../../../foundation/fault.ts'
import { latin1 } from '../../../../wire/latin1.ts'
import type { Bind } from '../../../model.ts'
import { Flow } from './flow.ts'
import {
  backlog,
  type Connection,
  type ConnectionOwner,
  keepAliveAfter,
  type Listener,
  type SecuredConnection,
  type SecureListener,
  type Security,
  type Transport,
  type Trust,
} from './transport.ts'
import { unowned } from './unowned.ts'

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

  connectSecure(address: string, port: number, owner: ConnectionOwner, trust: Trust): Connection {
    const below = socketTo({ host: address, port, allowHalfOpen: true, noDelay: true })
    const { context, serverName, verify } = trust
    const security = {
      side: 'client',
      context,
      serverName,
      first: undefined,
      alpn: undefined,
    } as const
    const socket = underTls(below, security)
    const connection = new NetConnection(socket, address, owner, this.#faulted, below)
    below.once('error', (error) => socket.destroy(error))
    socket.once('secureConnect', () => {
      const code = verify === undefined ? undefined : connection.distrust(verify)
      if (code) socket.destroy(Object.assign(new Error(code), { code }))
      else connection.guarded(() => connection.owner.connected())
    })
    return connection
  }

  listen(bind: Bind, accept: (connection: Connection) => ConnectionOwner): Promise<Listener> {
    const kept = { keepAlive: true, keepAliveInitialDelay: keepAliveAfter * 1000 }
    const server = createServer({ allowHalfOpen: true, noDelay: true, ...kept }, (socket) => {
      const peer = socket.remoteAddress ?? ''
      const connection = new NetConnection(socket, peer, unowned, this.#faulted)
      connection.guarded(() => {
        connection.owner = accept(connection)
      })
    })
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: bind.host, port: bind.port, reusePort: true, backlog }, () =>
        resolve({ bind, port: portOf(server, bind), close: () => void server.close() }),
      )
    })
  }

  secure(connection: Connection, security: Security, listener: SecureListener): Connection {
    if (!(connection instanceof NetConnection)) throw new Error('broken invariant: not our socket')
    const below = connection.detach()
    const socket = underTls(below, security)
    const secured = new NetConnection(socket, connection.peer, unowned, this.#faulted, below)
    if (connection.ends !== undefined) secured.claim(connection.ends)
    secured.owner = { ...unowned, ended: () => fail('ECONNRESET'), failed: (code) => fail(code) }
    const fail = (code: string): void => {
      secured.close()
      listener.failed(code)
    }
    socket.once(security.side === 'server' ? 'secure' : 'secureConnect', () =>
      secured.guarded(() => {
        secured.owner = listener.secured(secured)
      }),
    )
    return secured
  }
}

/** Loaded with the first connection that needs it: most edges start faster without. */
const tls = () => process.getBuiltinModule('node:tls')

function underTls(socket: Socket, { side, context, first, alpn, serverName }: Security): TLSSocket {
  const ALPN = alpn === undefined ? {} : { ALPNProtocols: alpn }
  if (side === 'client') {
    const servername = serverName === undefined ? {} : { servername: serverName }
    const asked = { socket, secureContext: context, rejectUnauthorized: false }
    return tls().connect({ ...asked, ...servername, ...ALPN })
  }
  if (first !== undefined) socket.unshift(first)
  return new (tls().TLSSocket)(socket, { isServer: true, secureContext: context, ...ALPN })
}

function portOf(server: Server, bind: Bind): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : bind.port
}

function endsOfSocket(socket: Socket): Ends | undefined {
  const { remoteAddress, remotePort = 0, localAddress = '', localPort = 0 } = socket
  if (remoteAddress === undefined) return undefined
  return endsOf(remoteAddress, remotePort, localAddress, localPort)
}

/** One node:net socket; see `Connection` for what it promises. */
class NetConnection extends Flow implements SecuredConnection {
  owner: ConnectionOwner
  readonly lent = false
  peer: string
  ends: Ends | undefined
  readonly #socket: Socket
  /** The socket that the system knows: under TLS it is not the one that is written to. */
  readonly #below: Socket
  readonly #faulted: Faulted
  #paused = false
  #closed = false

  constructor(
    socket: Socket,
    peer: string,
    owner: ConnectionOwner,
    faulted: Faulted,
    below: Socket = socket,
  ) {
    super()
    this.#socket = socket
    this.#below = below
    this.peer = peer
    this.ends = endsOfSocket(socket)
    this.owner = owner
    this.#faulted = faulted
    socket.on('data', (chunk: Buffer) => {
      this.guarded(() => this.owner.received(chunk, chunk.length))
    })
    socket.on('end', () => this.guarded(() => this.owner.ended()))
    socket.on('error', (error) => this.guarded(() => this.#fail(systemCode(error) ?? 'UNKNOWN')))
    socket.on('close', () => this.release())
  }

  get #secured(): TLSSocket | undefined {
    return 'alpnProtocol' in this.#socket ? (this.#socket as TLSSocket) : undefined
  }

  get secure(): boolean {
    return this.#secured !== undefined
  }

  get alpnProtocol(): string {
    return this.#secured?.alpnProtocol || ''
  }

  get resumed(): boolean {
    return this.#secured?.isSessionReused() ?? false
  }

  distrust(name: string): string | undefined {
    const socket = this.#secured as TLSSocket
    if (socket.authorizationError) return 'UNTRUSTED'
    return tls().checkServerIdentity(name, socket.getPeerCertificate(true)) && 'UNTRUSTED'
  }

  /** Gives the socket away: nothing is called back any more, and nothing is closed. */
  detach(): Socket {
    this.#closed = true
    this.#socket.removeAllListeners('data')
    this.#socket.pause()
    return this.#socket
  }

  claim(ends: Ends): void {
    this.ends = ends
    this.peer = ends.from.host
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

  flush(): number {
    return this.pending
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
      this.release()
      if (!error) this.guarded(() => this.owner.drained())
    })
  }

  override goOn(): void {
    this.feeds = undefined
    if (!this.#paused && !this.#closed) this.#socket.resume()
  }

  passOn(to: Connection, bytes: Buffer, start: number, end: number): void {
    to.write(latin1(bytes, start, end))
    this.waitFor(to)
  }

  waitFor(to: Connection): void {
    if (this.follow(to)) this.#socket.pause()
  }

  settle(): void {
    if (this.feeds === undefined) return
    this.unfollow()
    if (!this.#paused) this.#socket.resume()
  }

  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#paused = false
    if (this.feeds === undefined) this.#socket.resume()
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
    this.#below.resetAndDestroy()
    if (this.#below !== this.#socket) this.#socket.destroy()
  }
}
