// The runtime's own socket handles: what they offer, and whether this runtime still offers it.

import type { PeerCertificate } from 'node:tls'
import { type Ends, endsOf } from '../../../../foundation/addresses.ts'

/** A libuv handle (node:internal/stream_base_commons uses the same calls). */
export interface Handle {
  readonly fd: number
  /** `closed` is called once the system has let go of it. */
  close(closed?: () => void): void
}

/** Who a handle works for. */
export interface HandleOwner {
  /** Something was read; returns the buffer for the next read, if it is another. */
  took(): Buffer | undefined
  /** A write that had to wait is over. */
  wrote(status: number, request: WriteRequest | undefined): void
}

/** What `getsockname` and `getpeername` fill in. */
export interface SocketName {
  address: string
  port: number
  family: string
}

export interface StreamHandle extends Handle {
  connection: HandleOwner | undefined
  /** Called with the handle as `this`; may return the buffer that the next read goes to. */
  onread: ((this: { connection: HandleOwner | undefined }) => Buffer | undefined) | undefined
  useUserBuffer(buffer: Uint8Array): void
  readStart(): number
  readStop(): number
  /** Both try to write at once; they return 0 or a negative error number. */
  writeLatin1String(request: WriteRequest, text: string): number
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number
  shutdown(request: object): number
}

export interface TcpHandle extends StreamHandle {
  getpeername(name: SocketName): number
  getsockname(name: SocketName): number
  setNoDelay(on: boolean): number
  connect(request: ConnectRequest, address: string, port: number): number
  connect6(request: ConnectRequest, address: string, port: number): number
  reset(closed?: () => void): number
  /** Bytes that wait for the system to take them. */
  readonly writeQueueSize: number
}

/** A TLS engine between a socket handle and us (src/crypto/crypto_tls.cc of node). */
export interface TlsHandle extends Omit<StreamHandle, keyof Handle> {
  onhandshakedone: (() => void) | undefined
  onerror: ((error: { readonly code?: string }) => void) | undefined
  /** Begins as a client. */
  start(): void
  /** Takes bytes as if they had just been read from the socket. */
  receive(bytes: Uint8Array): void
  setALPNProtocols(list: Buffer): void
  getALPNNegotiatedProtocol(): string | false
  setServername(name: string): void
  setVerifyMode(requestCertificate: boolean, rejectUnauthorized: boolean): void
  /** Bytes that it has enciphered and the socket below has not taken. */
  readonly writeQueueSize: number
  verifyError(): (Error & { readonly code?: string }) | null
  isSessionReused(): boolean
  getSession(): Buffer | undefined
  setSession(session: Buffer): void
  getPeerCertificate(detailed: boolean): PeerCertificate | undefined
  getProtocol(): string | null
  destroySSL(): void
}

/** Both ends of a connection; `undefined` when it is gone. */
export function endsOfHandle(handle: TcpHandle): Ends | undefined {
  const from = { address: '', port: 0, family: '' }
  const to = { ...from }
  if (handle.getpeername(from) !== 0 || handle.getsockname(to) !== 0) return undefined
  return endsOf(from.address, from.port, to.address, to.port)
}

export interface ListenHandle extends Handle {
  onconnection: ((status: number, client: TcpHandle | undefined) => void) | undefined
  bind(host: string, port: number, flags: number): number
  bind6(host: string, port: number, flags: number): number
  listen(backlog: number): number
  setNoDelay(on: boolean): number
  setKeepAlive(on: boolean, seconds: number): number
  getsockname(name: SocketName): number
}

export interface ConnectRequest {
  oncomplete: ((status: number) => void) | undefined
}

export interface WriteRequest {
  oncomplete: ((this: WriteRequest, status: number) => void) | undefined
  connection: HandleOwner | undefined
  /** Keeps the bytes of a write that has to wait alive. */
  held: Uint8Array | undefined
}

/** A unix socket over which handles can be sent; it reads into memory of its own. */
export interface PipeHandle extends Handle {
  onread: ((chunk: ArrayBuffer | undefined) => void) | undefined
  readStart(): number
  writeUtf8String(request: WriteRequest, text: string, handle?: Handle): number
  onconnection: ((status: number, client: PipeHandle) => void) | undefined
  pendingHandle: ListenHandle | null | undefined
  bind(path: string): number
  listen(backlog: number): number
  open(fd: number): number
  connect(request: ConnectRequest, path: string): number
}

/** All that the raw transport takes from the runtime. */
export interface RawBindings {
  readonly TCP: new (kind: number) => TcpHandle & ListenHandle
  readonly TCPConnectWrap: new () => ConnectRequest
  readonly Pipe: new (kind: number) => PipeHandle
  readonly PipeConnectWrap: new () => ConnectRequest
  readonly WriteWrap: new () => WriteRequest
  readonly ShutdownWrap: new () => object
  readonly tls: {
    /** Puts an engine over a handle. `context` is what `node:tls` calls a SecureContext's. */
    wrap(handle: TcpHandle, context: unknown, isServer: boolean, hasWrites: boolean): TlsHandle
  }
  /** Filled by each read and write: indexed by the two below. */
  readonly state: Int32Array
  readonly readBytesOrError: number
  readonly lastWriteWasAsync: number
  readonly tcp: { readonly socket: number; readonly server: number; readonly reusePort: number }
  readonly pipe: { readonly server: number; readonly ipc: number }
}

/** Everything that `openBindings` reads, by the module and the name it has there. */
interface Internals {
  readonly tcp_wrap: {
    readonly TCP: RawBindings['TCP']
    readonly TCPConnectWrap: RawBindings['TCPConnectWrap']
    readonly constants: Readonly<Record<'SOCKET' | 'SERVER' | 'UV_TCP_REUSEPORT', number>>
  }
  readonly pipe_wrap: {
    readonly Pipe: RawBindings['Pipe']
    readonly PipeConnectWrap: RawBindings['PipeConnectWrap']
    readonly constants: Readonly<Record<'SERVER' | 'IPC', number>>
  }
  readonly stream_wrap: {
    readonly WriteWrap: RawBindings['WriteWrap']
    readonly ShutdownWrap: RawBindings['ShutdownWrap']
    readonly streamBaseState: Int32Array
    readonly kReadBytesOrError: number
    readonly kLastWriteWasAsync: number
  }
  readonly tls_wrap: RawBindings['tls'] & {
    readonly TLSWrap: { readonly prototype: Readonly<Record<string, unknown>> }
  }
}

/** What is called on a TLS engine: one that is missing must be found out before a client comes. */
const tlsCalls = [
  ...['start', 'receive', 'readStart', 'readStop', 'useUserBuffer', 'shutdown', 'destroySSL'],
  ...['writeLatin1String', 'writeBuffer', 'setALPNProtocols', 'getALPNNegotiatedProtocol'],
  ...['setServername', 'setVerifyMode', 'verifyError', 'isSessionReused', 'getPeerCertificate'],
  ...['getSession', 'setSession', 'getProtocol', 'writeQueueSize'],
]

/** Throws when this runtime has no such door any more (it is deprecated: DEP0111). */
export function openBindings(): RawBindings {
  const { binding } = process as unknown as {
    binding<Name extends keyof Internals>(name: Name): Internals[Name]
  }
  const tcp = binding('tcp_wrap')
  const pipe = binding('pipe_wrap')
  const stream = binding('stream_wrap')
  const tls = binding('tls_wrap')
  const bindings: RawBindings = {
    TCP: tcp.TCP,
    TCPConnectWrap: tcp.TCPConnectWrap,
    Pipe: pipe.Pipe,
    PipeConnectWrap: pipe.PipeConnectWrap,
    WriteWrap: stream.WriteWrap,
    ShutdownWrap: stream.ShutdownWrap,
    tls,
    state: stream.streamBaseState,
    readBytesOrError: stream.kReadBytesOrError,
    lastWriteWasAsync: stream.kLastWriteWasAsync,
    tcp: {
      socket: tcp.constants.SOCKET,
      server: tcp.constants.SERVER,
      reusePort: tcp.constants.UV_TCP_REUSEPORT,
    },
    pipe: { server: pipe.constants.SERVER, ipc: pipe.constants.IPC },
  }
  const numbers = [
    bindings.readBytesOrError,
    bindings.lastWriteWasAsync,
    ...Object.values(bindings.tcp),
    ...Object.values(bindings.pipe),
  ]
  const isWhole =
    numbers.every(Number.isInteger) &&
    bindings.state instanceof Int32Array &&
    tlsCalls.every((name) => name in tls.TLSWrap.prototype)
  if (!isWhole) {
    throw new Error('the socket handles of this runtime are not those of node 26')
  }
  return bindings
}
