// A connection of the raw transport under TLS: the runtime's own engine, without its streams.

import { getSystemErrorName } from 'node:util'
import type { Ends } from '../../../../foundation/addresses.ts'
import { latin1 } from '../../../../wire/latin1.ts'
import { Flow } from './flow.ts'
import type { Outgoing } from './outbox.ts'
import type { RawTransport } from './raw.ts'
import type { HandleOwner, TcpHandle, TlsHandle, WriteRequest } from './raw-bindings.ts'
import { stringBytesMost } from './raw-buffers.ts'
import { TlsOutput } from './tls-output.ts'
import type {
  Connection,
  ConnectionOwner,
  SecuredConnection,
  SecureListener,
  Security,
} from './transport.ts'
import { unowned } from './unowned.ts'

/** UV_EOF: the other side will send nothing more. */
const endOfFile = -4095

type Unread = Buffer | number

function onread(this: { connection: HandleOwner | undefined }): Buffer | undefined {
  return this.connection?.took()
}

function onhandshakedone(this: TlsHandle): void {
  ;(this.connection as RawTlsConnection).established()
}

function onerror(this: TlsHandle, error: { readonly code?: string }): void {
  ;(this.connection as RawTlsConnection).broke(error.code ?? 'EPROTO')
}

/**
 * One TLS engine over one socket handle; see `Connection` for what it promises. What is read is
 * deciphered from memory that the engine owns, so nothing is ever `lent`. A read may bring several
 * pieces although nobody wants to read any more: they are kept until somebody does (64 KiB at most,
 * what one read can bring).
 */
export class RawTlsConnection extends Flow implements SecuredConnection, HandleOwner, Outgoing {
  owner: ConnectionOwner = unowned
  readonly secure = true
  readonly lent = false
  /** What it was before: it knows who is at the other side. */
  readonly #plain: Connection
  readonly #transport: RawTransport
  readonly #tcp: TcpHandle
  readonly #tls: TlsHandle
  readonly #out: TlsOutput
  #listener: SecureListener | undefined
  #alpn: string | undefined
  readonly #unread: Unread[] = []
  #paused = false
  #reading = true
  #telling = false
  #broken = false
  #closed = false
  #closing = false
  /** What was written in this turn of the loop. */
  #kept = ''

  constructor(
    transport: RawTransport,
    tcp: TcpHandle,
    plain: Connection,
    security: Security,
    listener: SecureListener,
  ) {
    super()
    this.#transport = transport
    this.#tcp = tcp
    this.#plain = plain
    this.#listener = listener
    const { tls } = transport.bindings
    const isServer = security.side === 'server'
    this.#tls = tls.wrap(tcp, security.context.context, isServer, false)
    this.#out = new TlsOutput(transport.turns, tcp, this.#tls, this)
    // The engine lives as long as somebody holds it: the socket does, and is held by the system.
    tcp.connection = this
    this.#tls.connection = this
    this.#tls.onread = onread
    this.#tls.onhandshakedone = onhandshakedone
    this.#tls.onerror = onerror
    this.#tls.useUserBuffer(transport.buffers.shared)
    if (security.alpn !== undefined) this.#tls.setALPNProtocols(security.alpn)
    if (isServer) return
    this.#tls.setVerifyMode(true, false)
    if (security.serverName !== undefined) this.#tls.setServername(security.serverName)
  }

  /** Begins the handshake; a server with what has been read of it. */
  begin(first: Uint8Array | undefined): void {
    if (this.#closed) return
    if (first === undefined) this.#tls.start()
    else this.#tls.receive(first)
    if (!this.#closed) this.#tls.readStart()
  }

  get peer(): string {
    return this.#plain.peer
  }

  get ends(): Ends | undefined {
    return this.#plain.ends
  }

  claim(ends: Ends): void {
    this.#plain.claim(ends)
  }

  get alpnProtocol(): string {
    return this.#alpn ?? ''
  }

  get resumed(): boolean {
    return !this.#closed && this.#tls.isSessionReused()
  }

  /** Why the other side is not to be believed to be `name`; `undefined` when it is. */
  distrust(name: string): string | undefined {
    const failure = this.#tls.verifyError()
    if (failure !== null) return failure.code ?? 'UNTRUSTED'
    const certificate = this.#tls.getPeerCertificate(true)
    if (certificate === undefined) return 'NO_CERTIFICATE'
    const { checkServerIdentity } = process.getBuiltinModule('node:tls')
    return checkServerIdentity(name, certificate)?.message.split(':')[0] && 'OTHER_NAME'
  }

  established(): void {
    const listener = this.#listener
    if (listener === undefined || this.#closed) return
    this.#listener = undefined
    this.#guarded(() => {
      this.#alpn = this.#tls.getALPNNegotiatedProtocol() || ''
      this.owner = listener.secured(this)
    })
  }

  #guarded(run: () => void): void {
    try {
      run()
    } catch (thrown) {
      const { owner } = this
      this.owner = unowned
      this.#abandon()
      this.#transport.faulted(thrown)
      owner.failed('FAULT')
    }
  }

  took(): undefined {
    const { state, readBytesOrError } = this.#transport.bindings
    const count = state[readBytesOrError] as number
    if (this.#closed || count === 0) return
    const { shared } = this.#transport.buffers
    if (this.#mayTell && this.#unread.length === 0) this.#tell(shared, count)
    else this.#unread.push(count < 0 ? count : Buffer.from(shared.subarray(0, count)))
  }

  get #mayTell(): boolean {
    return !this.#paused && this.feeds === undefined
  }

  #tell(bytes: Buffer, count: number): void {
    if (count < 0) return this.#over(count)
    this.#guarded(() => this.owner.received(bytes, count))
  }

  #over(code: number): void {
    this.#stop()
    if (this.#listener !== undefined) return this.broke('ECONNRESET')
    if (code === endOfFile) return this.#guarded(() => this.owner.ended())
    this.broke(getSystemErrorName(code))
  }

  /** The connection, or the engine, cannot go on. */
  broke(code: string): void {
    if (this.#closed) return
    const listener = this.#listener
    this.#listener = undefined
    this.#abandon()
    this.#guarded(() => {
      if (listener === undefined) this.owner.failed(code)
      else listener.failed(code)
    })
  }

  write(text: string): void {
    if (this.#broken || this.#closed) return
    if (this.#kept.length + text.length > stringBytesMost) this.flush()
    if (this.pending > 0 || text.length > stringBytesMost) return this.#write(text)
    if (this.#kept === '') this.#transport.outbox.add(this)
    this.#kept += text
  }

  flush(): number {
    const text = this.#kept
    this.#kept = ''
    if (text !== '') this.#write(text)
    return this.pending
  }

  turned(): void {
    if (this.#kept !== '' && this.flush() > 0) this.#guarded(() => this.owner.waits?.())
  }

  writeBytes(bytes: Uint8Array): void {
    this.flush()
    this.#write(bytes)
  }

  #write(item: string | Uint8Array): void {
    if (this.#broken || this.#closed) return
    const code = this.#out.write(item)
    this.pending = this.#out.pending
    if (code !== 0) this.#breakOff(code)
  }

  /** The engine has given a write to the system, or failed to. */
  wrote(status: number, request: WriteRequest | undefined): void {
    const code = this.#out.wrote(status, request)
    const before = this.pending
    this.pending = this.#out.pending
    if (this.#closed) {
      if (this.#closing) this.#finish()
      return
    }
    if (code !== 0) this.#breakOff(code)
    if (this.pending > 0 || (before === 0 && this.fedBy === undefined)) return
    this.release()
    if (!this.#closed && code === 0) this.#guarded(() => this.owner.drained())
  }

  passOn(to: Connection, bytes: Buffer, start: number, end: number): void {
    to.write(latin1(bytes, start, end))
    if (to.pending > 0) this.waitFor(to)
  }

  waitFor(to: Connection): void {
    if (this.follow(to)) this.#stop()
  }

  settle(): void {
    if (this.feeds === undefined) return
    this.unfollow()
    this.#readOn()
  }

  override goOn(): void {
    this.feeds = undefined
    this.#readOn()
  }

  pause(): void {
    this.#paused = true
    this.#stop()
  }

  resume(): void {
    this.#paused = false
    this.#readOn()
  }

  #stop(): void {
    if (!this.#reading || this.#closed) return
    this.#reading = false
    this.#tls.readStop()
  }

  /** First what was read before, and not from within a method. */
  #readOn(): void {
    if (this.#closed || !this.#mayTell || this.#telling) return
    if (this.#unread.length > 0) {
      this.#telling = true
      process.nextTick(() => this.#tellUnread())
    } else if (!this.#reading) {
      this.#reading = true
      this.#tls.readStart()
    }
  }

  #tellUnread(): void {
    this.#telling = false
    while (!this.#closed && this.#mayTell) {
      const next = this.#unread.shift()
      if (next === undefined) return this.#readOn()
      if (typeof next === 'number') this.#over(next)
      else this.#tell(next, next.length)
    }
  }

  #breakOff(status: number): void {
    if (this.#broken) return
    this.#broken = true
    process.nextTick(() => {
      if (this.#closed) return
      this.resume()
      this.#guarded(() => this.owner.unwritable(getSystemErrorName(status)))
    })
  }

  end(): void {
    this.flush()
    if (!this.#closed && !this.#broken) this.#out.end()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#out.isTaken) {
      this.#closing = true
      if (this.#out.awaitEnd()) this.#tls.readStop()
      else this.#finish()
    } else this.#destroy()
  }

  /** Says that nothing more follows, and closes. */
  #finish(): void {
    this.#closing = false
    if (!this.#broken) this.#out.end()
    this.#destroy()
  }

  #abandon(): void {
    if (this.#closed) return
    this.#closed = true
    this.#destroy()
  }

  /** Never at once: we may be within a call of the engine that is to be destroyed. */
  #destroy(): void {
    this.#tcp.close(() => this.#tls.destroySSL())
  }

  reset(): void {
    this.flush()
    if (this.#closed) return
    this.#closed = true
    const over = (): void => this.#tls.destroySSL()
    // libuv refuses this while an end is on its way.
    if (this.#tcp.reset(over) !== 0) this.#tcp.close(over)
  }
}
