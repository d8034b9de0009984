// The transport on the runtime's own socket handles: a third less work a request than node:net.

import { getSystemErrorName } from 'node:util'
import type { Ends } from '../../../../foundation/addresses.ts'
import { latin1 } from '../../../../wire/latin1.ts'
import type { Bind } from '../../../model.ts'
import { Flow } from './flow.ts'
import {
  endsOfHandle,
  type HandleOwner,
  type ListenHandle,
  openBindings,
  type RawBindings,
  type TcpHandle,
  type WriteRequest,
} from './raw-bindings.ts'
import { BufferStore, stringBytesMost } from './raw-buffers.ts'
import { dialTo, refused } from './raw-system.ts'
import { RawTlsConnection } from './raw-tls.ts'
import { dialSecure } from './raw-tls-dial.ts'
import { TlsTurns } from './tls-output.ts'
import type {
  Connection,
  ConnectionOwner,
  Listener,
  SecureListener,
  Security,
  Transport,
  Trust,
} from './transport.ts'
import { unowned } from './unowned.ts'

/** UV_EOF: the other side will send nothing more. */
const endOfFile = -4095
const backlog = 1024

/** A listener whose handle can be given to another process. */
export interface RawListener extends Listener {
  readonly handle: ListenHandle
}

type Accept = (connection: Connection) => ConnectionOwner

/** Told of a mistake of ours while a connection was served; that connection has been closed. */
type Faulted = (thrown: unknown) => void

/** The handles of the runtime as a `Transport`, with what a hand-over needs beside it. */
export class RawTransport implements Transport {
  readonly name = 'raw'
  readonly can = { sharePort: true, handOver: true } as const
  readonly bindings: RawBindings
  readonly buffers = new BufferStore()
  readonly turns: TlsTurns
  readonly faulted: Faulted
  /** Reused for every write that the system takes at once, which is nearly every one. */
  writeRequest: WriteRequest

  constructor(faulted: Faulted) {
    this.bindings = openBindings()
    this.turns = new TlsTurns(this.bindings)
    this.faulted = faulted
    this.writeRequest = this.newWriteRequest()
  }

  newWriteRequest(): WriteRequest {
    const request = new this.bindings.WriteWrap()
    request.connection = undefined
    request.held = undefined
    request.oncomplete = written
    return request
  }

  secure(connection: Connection, security: Security, listener: SecureListener): Connection {
    if (!(connection instanceof RawConnection)) throw new Error('broken invariant: not our socket')
    const handle = connection.detach()
    const secured = new RawTlsConnection(this, handle, connection, security, listener)
    connection.guarded(() => secured.begin(security.first))
    return secured
  }

  connect(address: string, port: number, owner: ConnectionOwner): Connection {
    const handle = new this.bindings.TCP(this.bindings.tcp.socket)
    const connection = new RawConnection(this, handle, owner, address)
    dialTo(this.bindings, handle, address, port, (status) =>
      connection.guarded(() => connection.opened(status)),
    )
    return connection
  }

  connectSecure(address: string, port: number, owner: ConnectionOwner, trust: Trust): Connection {
    const handle = new this.bindings.TCP(this.bindings.tcp.socket)
    const plain = new RawConnection(this, handle, unowned, address)
    plain.detach()
    const { connection, opened } = dialSecure(this, handle, plain, owner, trust)
    dialTo(this.bindings, handle, address, port, opened)
    return connection
  }

  async listen(bind: Bind, accept: Accept): Promise<RawListener> {
    const { TCP, tcp } = this.bindings
    const handle = new TCP(tcp.server)
    const code = bind.host.includes(':')
      ? handle.bind6(bind.host, bind.port, tcp.reusePort)
      : handle.bind(bind.host, bind.port, tcp.reusePort)
    if (code !== 0) throw refused(handle, code, bind)
    return this.adopt(bind, handle, accept)
  }

  /** Listens with a handle that is bound already: by us, or by the edge it came from. */
  adopt(bind: Bind, handle: ListenHandle, accept: Accept): RawListener {
    handle.onconnection = (status, client) => {
      if (status !== 0 || client === undefined) return
      const connection = new RawConnection(this, client, unowned, undefined)
      connection.guarded(() => {
        connection.owner = accept(connection)
        connection.start()
      })
    }
    // What is accepted inherits it (tcp(7)): one system call less for each connection.
    handle.setNoDelay(true)
    const code = handle.listen(backlog)
    if (code !== 0) throw refused(handle, code, bind)
    const name = { address: '', port: bind.port, family: '' }
    handle.getsockname(name)
    return { bind, port: name.port, handle, close: () => handle.close() }
  }
}

function onread(this: { connection: HandleOwner | undefined }): Buffer | undefined {
  return this.connection?.took()
}

function written(this: WriteRequest, status: number): void {
  this.held = undefined
  this.connection?.wrote(status, this)
}

/** One socket handle; see `Connection` for what it promises. */
export class RawConnection extends Flow implements Connection {
  owner: ConnectionOwner
  readonly secure = false
  readonly alpnProtocol = ''
  written = 0
  readonly #transport: RawTransport
  readonly #handle: TcpHandle
  #peer: string | undefined
  #ends: Ends | undefined
  /** Where the next read goes: the shared buffer, or one of our own while a large body passes. */
  #buffer: Buffer
  #wanted: Buffer
  #paused = false
  #reading = false
  #broken = false
  #closed = false
  /** What the one that this feeds has to take lies in our private buffer. */
  #lent = false

  constructor(
    transport: RawTransport,
    handle: TcpHandle,
    owner: ConnectionOwner,
    peer: string | undefined,
  ) {
    super()
    this.#transport = transport
    this.#handle = handle
    this.owner = owner
    this.#peer = peer
    this.#buffer = transport.buffers.shared
    this.#wanted = this.#buffer
    handle.connection = this
    handle.onread = onread
  }

  get peer(): string {
    if (this.#peer === undefined) {
      const name = { address: '', port: 0, family: '' }
      this.#peer = this.#handle.getpeername(name) === 0 ? name.address : ''
    }
    return this.#peer
  }

  get ends(): Ends | undefined {
    this.#ends ??= endsOfHandle(this.#handle)
    return this.#ends
  }

  claim(ends: Ends): void {
    this.#ends = ends
    this.#peer = ends.from.host
  }

  get lent(): boolean {
    return this.#lent
  }

  /** A mistake of ours closes the connection it was made on, and leaves the others alone. */
  guarded(run: () => void): void {
    try {
      run()
    } catch (thrown) {
      this.#fault(thrown)
    }
  }

  #fault(thrown: unknown): void {
    const { owner } = this
    this.owner = unowned
    this.close()
    this.#transport.faulted(thrown)
    try {
      owner.failed('FAULT')
    } catch (again) {
      this.#transport.faulted(again)
    }
  }

  start(): void {
    if (this.#closed) return
    this.#handle.useUserBuffer(this.#buffer)
    if (!this.#paused) this.#read()
  }

  opened(status: number): void {
    if (this.#closed) return
    if (status === 0) {
      this.#handle.setNoDelay(true)
      this.start()
      return this.owner.connected()
    }
    this.close()
    this.owner.failed(getSystemErrorName(status))
  }

  /** Called for each read; returns the buffer that the next one goes to, if it is another. */
  took(): Buffer | undefined {
    if (this.#closed) return undefined
    const { state, readBytesOrError } = this.#transport.bindings
    const count = state[readBytesOrError] as number
    try {
      if (count > 0) this.owner.received(this.#buffer, count)
      else if (count < 0) this.#over(count)
    } catch (thrown) {
      this.#fault(thrown)
    }
    return this.#wanted === this.#buffer || this.#closed || this.#lent ? undefined : this.#swap()
  }

  #over(code: number): void {
    this.#stop()
    if (code === endOfFile) return this.owner.ended()
    this.close()
    this.owner.failed(getSystemErrorName(code))
  }

  #swap(): Buffer {
    this.#transport.buffers.give(this.#buffer)
    this.#buffer = this.#wanted
    return this.#buffer
  }

  write(text: string): void {
    if (this.#broken || this.#closed) return
    const { bindings, writeRequest } = this.#transport
    const code = this.#handle.writeLatin1String(writeRequest, text)
    if (code !== 0) return this.#breakOff(code)
    this.written += 1
    if (bindings.state[bindings.lastWriteWasAsync] !== 0) this.#wait(writeRequest, undefined)
  }

  writeBytes(bytes: Uint8Array): void {
    if (this.#broken || this.#closed) return
    const { bindings, writeRequest } = this.#transport
    const code = this.#handle.writeBuffer(writeRequest, bytes)
    if (code !== 0) return this.#breakOff(code)
    this.written += 1
    if (bindings.state[bindings.lastWriteWasAsync] !== 0) this.#wait(writeRequest, bytes)
  }

  passOn(to: Connection, bytes: Buffer, start: number, end: number): void {
    if (end - start <= stringBytesMost) to.write(latin1(bytes, start, end))
    else if (this.#isOurs(bytes) && to instanceof Flow) {
      to.writeBytes(bytes.subarray(start, end))
      this.#lent = to.pending > 0
    } else {
      to.writeBytes(Buffer.from(bytes.subarray(start, end)))
      if (bytes === this.#wanted) this.#wanted = this.#transport.buffers.take()
    }
    if (to.pending > 0) this.waitFor(to)
  }

  #isOurs(bytes: Buffer): boolean {
    return bytes === this.#buffer && bytes !== this.#transport.buffers.shared
  }

  waitFor(to: Connection): void {
    if (this.follow(to)) this.#stop()
  }

  settle(): void {
    this.#wanted = this.#transport.buffers.shared
    if (this.#lent || this.feeds === undefined) return
    this.unfollow()
    if (!this.#paused) this.#read()
  }

  #wait(request: WriteRequest, held: Uint8Array | undefined): void {
    request.connection = this
    request.held = held
    this.pending += 1
    this.#transport.writeRequest = this.#transport.newWriteRequest()
  }

  /** A write that had to wait is over. */
  wrote(status: number): void {
    this.pending -= 1
    if (this.pending > 0) return
    this.release()
    if (this.#closed) return
    if (status !== 0) this.#breakOff(status)
    else this.guarded(() => this.owner.drained())
  }

  override goOn(): void {
    this.feeds = undefined
    this.#lent = false
    if (this.#closed) this.#giveBack()
    else if (!this.#paused) this.#read()
  }

  /** Reading goes on even when paused: only reading shows that the other side has gone. */
  #breakOff(status: number): void {
    if (this.#broken) return
    this.#broken = true
    process.nextTick(() => {
      if (this.#closed) return
      if (!this.#lent) this.resume()
      this.guarded(() => this.owner.unwritable(getSystemErrorName(status)))
    })
  }

  #read(): void {
    if (this.#reading || this.#closed) return
    this.#reading = true
    this.#handle.readStart()
  }

  #stop(): void {
    if (!this.#reading) return
    this.#reading = false
    this.#handle.readStop()
  }

  pause(): void {
    this.#paused = true
    this.#stop()
  }

  resume(): void {
    this.#paused = false
    if (this.feeds === undefined) this.#read()
  }

  end(): void {
    if (this.#closed || this.#broken) return
    this.#handle.shutdown(new this.#transport.bindings.ShutdownWrap())
  }

  /** Gives the socket away: nothing is called back any more, and nothing is closed. */
  detach(): TcpHandle {
    this.#closed = true
    this.#giveBack()
    return this.#handle
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#handle.close()
    if (!this.#lent) this.#giveBack()
  }

  reset(): void {
    if (this.#closed) return
    this.#closed = true
    this.#handle.reset()
    if (!this.#lent) this.#giveBack()
  }

  #giveBack(): void {
    if (this.#wanted !== this.#buffer) this.#transport.buffers.give(this.#wanted)
    this.#transport.buffers.give(this.#buffer)
    this.#buffer = this.#transport.buffers.shared
    this.#wanted = this.#buffer
  }
}
