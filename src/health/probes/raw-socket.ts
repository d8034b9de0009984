// One TCP connection over the runtime's own socket handle: thousands of checks a second make and
// drop as many of them, and a handle costs half of what a `net.Socket` does.

import { getSystemErrorName } from 'node:util'
import { type HeldSockets, openHeldSockets } from './held-socket.ts'

/** A libuv socket (`lib/net.js` of node uses the same calls). */
interface Handle {
  socket: RawSocket | undefined
  onread: ((this: Handle) => void) | undefined
  useUserBuffer(buffer: Uint8Array): void
  readStart(): number
  writeLatin1String(request: object, text: string): number
  connect(request: ConnectRequest, address: string, port: number): number
  connect6(request: ConnectRequest, address: string, port: number): number
  open(fd: number): number
  reset(): number
  close(): void
}

interface ConnectRequest {
  socket: RawSocket | undefined
  oncomplete: ((this: ConnectRequest, status: number) => void) | undefined
}

interface Bindings {
  readonly tcp_wrap: {
    readonly TCP: new (kind: number) => Handle
    readonly TCPConnectWrap: new () => ConnectRequest
    readonly constants: { readonly SOCKET: number }
  }
  readonly stream_wrap: {
    readonly WriteWrap: new () => object
    readonly streamBaseState: Int32Array
    readonly kReadBytesOrError: number
    readonly kLastWriteWasAsync: number
  }
}

/** Who is told; each is called later than the call that led to it, and nothing after `drop`. */
export interface SocketListener {
  connected(): void
  /** What has come, a character a byte. */
  received(text: string): void
  ended(): void
  failed(code: string): void
}

/** UV_EOF: the other side will send nothing more. */
const endOfFile = -4095

/** Where to connect: an address, not a name. */
export interface Address {
  readonly address: string
  readonly family: 4 | 6
  readonly port: number
  /** The server need not hear of it before something is said. */
  readonly isHeld: boolean
}

/** Opens sockets; they all read into one buffer, and use what they have read at once. */
export class RawSockets {
  readonly tcp: Bindings['tcp_wrap']
  readonly stream: Bindings['stream_wrap']
  readonly buffer = Buffer.allocUnsafeSlow(16 * 1024)
  /** Loaded with the first check that has use for it. */
  #held: { readonly make: HeldSockets | undefined } | undefined
  /** All writes that the system takes at once share it: the runtime keeps only the others. */
  #writing: object

  /** Throws when this runtime has no such door any more (it is deprecated: DEP0111). */
  constructor() {
    const { binding } = process as unknown as {
      binding<Name extends keyof Bindings>(name: Name): Bindings[Name]
    }
    this.tcp = binding('tcp_wrap')
    this.stream = binding('stream_wrap')
    this.#writing = new this.stream.WriteWrap()
    const handle = new this.tcp.TCP(this.tcp.constants.SOCKET) as unknown as Record<string, unknown>
    const missing = calls.filter((name) => typeof handle[name] !== 'function')
    if (missing.length > 0) throw new Error(`sockets of this runtime lack ${missing.join(', ')}`)
    ;(handle as unknown as Handle).close()
  }

  /** Begins to connect. */
  connect(to: Address, listener: SocketListener): RawSocket {
    return new RawSocket(this, to, listener)
  }

  /** A handle for it, with a socket that holds back what it can where that is wanted and known. */
  handleFor({ family, isHeld }: Address): Handle {
    const handle = new this.tcp.TCP(this.tcp.constants.SOCKET)
    if (isHeld) this.#held ??= { make: openHeldSockets() }
    // Without one the runtime makes its own as it connects.
    const fd = isHeld ? (this.#held?.make?.(family) ?? -1) : -1
    if (fd >= 0 && handle.open(fd) !== 0) throw new Error('broken invariant: a socket is one')
    return handle
  }

  /** Writes text whose characters are bytes. */
  write(handle: Handle, text: string): void {
    handle.writeLatin1String(this.#writing, text)
    const { streamBaseState, kLastWriteWasAsync } = this.stream
    if (streamBaseState[kLastWriteWasAsync] !== 0) this.#writing = new this.stream.WriteWrap()
  }
}

/** What is called on a handle: one that is missing must be found out before a server is asked. */
const calls = [
  ...['useUserBuffer', 'readStart', 'writeLatin1String', 'connect', 'connect6', 'open', 'reset'],
  'close',
]

function onread(this: Handle): void {
  this.socket?.took()
}

function onconnect(this: ConnectRequest, status: number): void {
  this.socket?.opened(status)
}

/** One connection. */
export class RawSocket {
  readonly #sockets: RawSockets
  readonly #handle: Handle
  readonly #listener: SocketListener
  #isDropped = false

  constructor(sockets: RawSockets, to: Address, listener: SocketListener) {
    this.#sockets = sockets
    this.#listener = listener
    const handle = sockets.handleFor(to)
    this.#handle = handle
    const { address, family, port } = to
    const request = new sockets.tcp.TCPConnectWrap()
    request.socket = this
    request.oncomplete = onconnect
    const code =
      family === 6
        ? handle.connect6(request, address, port)
        : handle.connect(request, address, port)
    if (code !== 0) process.nextTick(() => this.opened(code))
  }

  /** For the runtime: connecting is over. */
  opened(status: number): void {
    if (this.#isDropped) return
    if (status === 0) return this.#listener.connected()
    this.drop()
    this.#listener.failed(getSystemErrorName(status))
  }

  /** Reads from now on. */
  read(): void {
    this.#handle.socket = this
    this.#handle.onread = onread
    this.#handle.useUserBuffer(this.#sockets.buffer)
    this.#handle.readStart()
  }

  /** For the runtime: something was read. */
  took(): void {
    if (this.#isDropped) return
    const { streamBaseState, kReadBytesOrError } = this.#sockets.stream
    const count = streamBaseState[kReadBytesOrError] as number
    if (count > 0) this.#listener.received(this.#sockets.buffer.toString('latin1', 0, count))
    else if (count === endOfFile) this.#listener.ended()
    else if (count < 0) this.#listener.failed(getSystemErrorName(count))
  }

  /** Writes text whose characters are bytes; a failure shows when it is read. */
  write(text: string): void {
    this.#sockets.write(this.#handle, text)
  }

  /** Lets go with a reset: a goodbye would leave the port in TIME_WAIT for a minute. */
  drop(): void {
    if (this.#isDropped) return
    this.#isDropped = true
    // What is not connected cannot be reset.
    if (this.#handle.reset() !== 0) this.#handle.close()
  }
}
