// What goes out over a TLS engine: one write at a time, whatever comes meanwhile follows in one.

import type { RawTransport } from './raw.ts'
import type { TcpHandle, TlsHandle, WriteRequest } from './raw-bindings.ts'

/** Texts that wait are joined up to here. */
const joinedMost = 64 * 1024

/**
 * The runtime's engine bears one write at a time (a second one aborts the process), and says that
 * it is over only when the loop comes round, even if the system took it at once. So a write is
 * `busy` until then, but `pending` only while the system, or our queue, still holds some of it.
 */
export class TlsOutput {
  /** Writes that the system has not taken yet. */
  pending = 0
  readonly #transport: RawTransport
  readonly #tcp: TcpHandle
  readonly #tls: TlsHandle
  #queue: (string | Uint8Array)[] | undefined
  #request: WriteRequest | undefined
  #taken = true
  #ending = false

  constructor(transport: RawTransport, tcp: TcpHandle, tls: TlsHandle) {
    this.#transport = transport
    this.#tcp = tcp
    this.#tls = tls
  }

  /** The engine has not said yet that its last write is over. */
  get isBusy(): boolean {
    return this.#request !== undefined
  }

  /** The system has all that was written. */
  get isTaken(): boolean {
    return this.pending === 0
  }

  /** Zero, or the error of the system. */
  write(item: string | Uint8Array): number {
    if (this.#request === undefined) return this.#send(item)
    this.#queue ??= []
    this.#queue.push(item)
    this.#count()
    return 0
  }

  #count(): void {
    this.pending = (this.#queue?.length ?? 0) + (this.#taken ? 0 : 1)
  }

  #send(item: string | Uint8Array): number {
    // Not used again: within its own `oncomplete` it still belongs to the write that is over.
    const request = this.#transport.newWriteRequest()
    request.connection = this.#tcp.connection
    this.#request = request
    const isText = typeof item === 'string'
    const code = isText
      ? this.#tls.writeLatin1String(request, item)
      : this.#tls.writeBuffer(request, item)
    if (code !== 0) return this.#lose(code)
    // A write that fails at once is over before the call returns: see `wrote`.
    if (this.#request !== request) return 0
    this.#taken = this.#tcp.writeQueueSize === 0
    this.#count()
    return 0
  }

  #lose(code: number): number {
    this.#request = undefined
    this.#queue = undefined
    this.#taken = true
    this.#count()
    return code
  }

  /** The write that was under way is over; the next one begins. Zero, or an error. */
  wrote(status: number, request: WriteRequest): number {
    if (this.#request !== request) return 0
    if (status !== 0) return this.#lose(status)
    this.#request = undefined
    this.#taken = true
    const next = this.#next()
    const code = next === undefined ? 0 : this.#send(next)
    this.#count()
    if (this.#ending && this.#request === undefined) this.#shut()
    return code
  }

  #next(): string | Uint8Array | undefined {
    const queue = this.#queue
    const first = queue?.shift()
    if (queue === undefined || typeof first !== 'string') return first
    let text = first
    while (typeof queue[0] === 'string' && text.length + queue[0].length <= joinedMost) {
      text += queue.shift()
    }
    return text
  }

  /** Says, after all that was written, that nothing more follows (close_notify, FIN). */
  end(): void {
    if (this.#request !== undefined) this.#ending = true
    else this.#shut()
  }

  #shut(): void {
    this.#ending = false
    this.#tls.shutdown(new this.#transport.bindings.ShutdownWrap())
  }
}
