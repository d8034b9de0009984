// The transport on the runtime's own socket handles: a fraction of the work of node:net. They are
// not a public interface, so `handlesWork` tries them first, and `transport-net.ts` stands in.

import { getSystemErrorName } from 'node:util'
import type { Listen, Wire, WireListener } from './transport.ts'
import { cannotListen } from './transport-net.ts'

/** A socket handle, as far as it is used here (src/tcp_wrap.cc, src/stream_base.cc of Node.js). */
interface Handle {
  onread: (() => Buffer | undefined) | undefined
  onconnection: ((status: number, client: Handle | undefined) => void) | undefined
  bind(host: string, port: number): number
  bind6(host: string, port: number, flags: number): number
  listen(backlog: number): number
  getsockname(to: Name): number
  getpeername(to: Name): number
  setNoDelay(on: boolean): number
  useUserBuffer(bytes: Buffer): void
  readStart(): number
  readStop(): number
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number
  shutdown(request: object): number
  close(done?: () => void): void
}

interface Name {
  address: string
  port: number
}

interface WriteRequest {
  oncomplete: ((status: number) => void) | undefined
  /** Keeps the bytes alive. */
  held: Uint8Array | undefined
}

interface Bindings {
  readonly TCP: new (kind: number) => Handle
  readonly constants: { readonly SERVER: number }
  readonly WriteWrap: new () => WriteRequest
  readonly ShutdownWrap: new () => { oncomplete: (() => void) | undefined }
  /** What the last read or write came to, in the places below. */
  readonly state: Int32Array
  readonly kReadBytesOrError: number
  readonly kLastWriteWasAsync: number
}

type Binding = (name: string) => Record<string, unknown>

function loadBindings(): Bindings {
  const binding = (process as unknown as { binding: Binding }).binding
  const tcp = binding('tcp_wrap')
  const stream = binding('stream_wrap')
  return {
    TCP: tcp.TCP,
    constants: tcp.constants,
    WriteWrap: stream.WriteWrap,
    ShutdownWrap: stream.ShutdownWrap,
    state: stream.streamBaseState,
    kReadBytesOrError: stream.kReadBytesOrError,
    kLastWriteWasAsync: stream.kLastWriteWasAsync,
  } as unknown as Bindings
}

const readBytes = 64 * 1024

class HandleWire implements Wire {
  readonly address: string
  readonly port: number
  unsent = 0
  listener: WireListener | undefined
  readonly #transport: HandleTransport
  readonly #handle: Handle
  #isPaused = false
  #isEnding = false
  #isClosed = false

  constructor(transport: HandleTransport, handle: Handle) {
    this.#transport = transport
    this.#handle = handle
    const name: Name = { address: '', port: 0 }
    handle.getpeername(name)
    this.address = name.address ?? ''
    this.port = name.port ?? 0
  }

  start(listener: WireListener): void {
    this.listener = listener
    this.#handle.setNoDelay(true)
    this.#handle.useUserBuffer(this.#transport.buffer)
    this.#handle.onread = () => this.#read()
    if (!this.#isPaused) this.#handle.readStart()
  }

  #read(): undefined {
    if (this.#isClosed) return
    const count = this.#transport.bindings.state[this.#transport.bindings.kReadBytesOrError] ?? 0
    if (count > 0) this.listener?.received(this.#transport.buffer, count)
    else if (count < 0) this.destroy()
  }

  send(bytes: Buffer, length: number): boolean {
    if (this.#isClosed || this.#isEnding) return true
    const { bindings } = this.#transport
    const request = this.#transport.spareRequest()
    const code = this.#handle.writeBuffer(request, bytes.subarray(0, length))
    if (code !== 0) {
      this.destroy()
      return true
    }
    if (bindings.state[bindings.kLastWriteWasAsync] === 0) return true
    this.#transport.spare = undefined
    this.unsent += length
    request.held = bytes
    request.oncomplete = (status) => this.#written(request, length, status)
    return false
  }

  #written(request: WriteRequest, length: number, status: number): void {
    request.held = undefined
    this.unsent -= length
    if (this.#isClosed) return
    if (status !== 0) this.destroy()
    else if (this.unsent === 0) this.listener?.drained()
  }

  pause(): void {
    if (this.#isPaused || this.#isClosed) return
    this.#isPaused = true
    this.#handle.readStop()
  }

  resume(): void {
    if (!this.#isPaused || this.#isClosed || this.#isEnding) return
    this.#isPaused = false
    if (this.listener !== undefined) this.#handle.readStart()
  }

  end(): void {
    if (this.#isClosed || this.#isEnding) return
    this.#isEnding = true
    this.#handle.readStop()
    const request = new this.#transport.bindings.ShutdownWrap()
    request.oncomplete = () => this.destroy()
    if (this.#handle.shutdown(request) !== 0) this.destroy()
  }

  destroy(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const { listener } = this
    this.#handle.close(() => listener?.closed())
  }
}

class HandleTransport {
  readonly bindings = loadBindings()
  /** Where every read goes: its bytes are gone with the call that hands them on. */
  readonly buffer: Buffer = Buffer.allocUnsafeSlow(readBytes)
  /** Used for every write that the system takes at once, which is nearly every one. */
  spare: WriteRequest | undefined

  spareRequest(): WriteRequest {
    this.spare ??= new this.bindings.WriteWrap()
    return this.spare
  }
}

/** Whether this runtime has the handles as they are used here. */
export function handlesWork(): boolean {
  try {
    const { TCP, constants, WriteWrap, ShutdownWrap, state } = loadBindings()
    const handle = new TCP(constants.SERVER)
    const known = ['bind', 'bind6', 'listen', 'useUserBuffer', 'writeBuffer', 'shutdown'] as const
    const isWhole = known.every((name) => typeof handle[name] === 'function')
    handle.close()
    return isWhole && state instanceof Int32Array && WriteWrap !== undefined && !!ShutdownWrap
  } catch {
    // No such handles: that is the answer, and node:net does without.
    return false
  }
}

export const listenOnHandles: Listen = async (host, port, accept) => {
  const transport = new HandleTransport()
  const { TCP, constants } = transport.bindings
  const server = new TCP(constants.SERVER)
  const refuse = (code: number): never => {
    server.close()
    const name = getSystemErrorName(code)
    throw cannotListen(host, port, Object.assign(new Error(name), { code: name }))
  }
  const bound = host.includes(':') ? server.bind6(host, port, 0) : server.bind(host, port)
  if (bound !== 0) refuse(bound)
  server.onconnection = (status, client) => {
    if (status !== 0 || client === undefined) return
    const wire = new HandleWire(transport, client)
    const listener = accept(wire)
    if (listener === undefined) wire.destroy()
    else wire.start(listener)
  }
  const heard = server.listen(1024)
  if (heard !== 0) refuse(heard)
  const name: Name = { address: '', port }
  server.getsockname(name)
  return { host, port: name.port, [Symbol.dispose]: () => server.close() }
}
