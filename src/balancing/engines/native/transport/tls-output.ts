// What goes out over a TLS engine: one write at a time, whatever comes meanwhile follows in one.

import type { RawBindings, TcpHandle, TlsHandle, WriteRequest } from './raw-bindings.ts'

/** Texts that wait are joined up to here. */
const joinedMost = 64 * 1024
/** Requests of finished writes that are kept for the next ones. */
const requestsKept = 4096
/** For an engine whose own words the other side does not take. */
const lookAgain = 20

/** Whose output it is. */
export interface TlsWriter {
  /**
   * A write is over; zero, or the error of the system. `undefined` stands for the last one, which
   * the system took at once.
   */
  wrote(status: number, request: WriteRequest | undefined): void
}

/**
 * The engine says that a write is over only when the loop comes round, even if the system took it
 * at once, and to be told costs a call each. So nobody asks to be told: once in a turn of the loop
 * all outputs that wrote in it are looked at, which is when their engines are done.
 */
export class TlsTurns {
  readonly bindings: RawBindings
  readonly #requests: WriteRequest[] = []
  #busy: TlsOutput[] = []

  constructor(bindings: RawBindings) {
    this.bindings = bindings
  }

  take(): WriteRequest {
    return this.#requests.pop() ?? new this.bindings.WriteWrap()
  }

  give(request: WriteRequest): void {
    if (this.#requests.length < requestsKept) this.#requests.push(request)
  }

  add(output: TlsOutput): void {
    this.#busy.push(output)
    if (this.#busy.length === 1) setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    const outputs = this.#busy
    this.#busy = []
    for (const output of outputs) output.turned()
  }
}

/** Told of a write that the system did not take at once. */
function waited(this: WriteRequest, status: number): void {
  this.held = undefined
  this.connection?.wrote(status, this)
}

/**
 * The output of one engine, which bears one write at a time: a second one aborts the process. A
 * write is `busy` until the engine is done with it, but `pending` only while the system, or our
 * queue, still holds some of it.
 */
export class TlsOutput {
  /** Writes that the system has not taken yet. */
  pending = 0
  readonly #turns: TlsTurns
  readonly #tcp: TcpHandle
  readonly #tls: TlsHandle
  readonly #writer: TlsWriter
  #queue: (string | Uint8Array)[] | undefined
  #request: WriteRequest | undefined
  #taken = true
  #ending = false
  /** The writer wants to hear of the end of this write, although the system has all of it. */
  #tell = false

  constructor(turns: TlsTurns, tcp: TcpHandle, tls: TlsHandle, writer: TlsWriter) {
    this.#turns = turns
    this.#tcp = tcp
    this.#tls = tls
    this.#writer = writer
  }

  /** The system has all that was written. */
  get isTaken(): boolean {
    return this.pending === 0
  }

  /** Whether the engine is not done with the last write; if so, the writer hears of its end. */
  awaitEnd(): boolean {
    if (this.#request === undefined) return false
    this.#tell = true
    return true
  }

  /** Zero, or the error of the system. */
  write(item: string | Uint8Array): number {
    if (this.#request === undefined) return this.#send(item)
    if (this.#queue === undefined) this.#queue = [item]
    else this.#queue.push(item)
    this.#count()
    return 0
  }

  #count(): void {
    this.pending = (this.#queue?.length ?? 0) + (this.#taken ? 0 : 1)
  }

  #send(item: string | Uint8Array): number {
    const request = this.#turns.take()
    this.#request = request
    // A write that fails at once is over before the call returns: it is told like one that waited.
    request.connection = this.#tcp.connection
    request.oncomplete = waited
    const code =
      typeof item === 'string'
        ? this.#tls.writeLatin1String(request, item)
        : this.#tls.writeBuffer(request, item)
    if (code !== 0) return this.#lose(code)
    if (this.#request !== request) return 0
    this.#taken = this.#tcp.writeQueueSize === 0
    if (this.#taken) {
      request.oncomplete = undefined
      this.#turns.add(this)
    }
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

  /** The loop has come round since the last write. */
  turned(): void {
    const request = this.#request
    if (request === undefined || !this.#taken) return
    if (this.#tls.writeQueueSize > 0) return this.#wait()
    this.#request = undefined
    request.connection = undefined
    this.#turns.give(request)
    if (this.#queue === undefined && !this.#ending && !this.#tell) return
    this.#tell = false
    this.#writer.wrote(0, undefined)
  }

  /** What the engine had to say itself takes another turn, or as long as the other side likes. */
  #wait(): void {
    if (this.#tcp.writeQueueSize === 0) this.#turns.add(this)
    else setTimeout(() => this.turned(), lookAgain)
  }

  /** The write that was under way is over; the next one begins. Zero, or an error. */
  wrote(status: number, request: WriteRequest | undefined): number {
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
    if (queue === undefined || typeof first !== 'string') {
      if (queue?.length === 0) this.#queue = undefined
      return first
    }
    let text = first
    while (typeof queue[0] === 'string' && text.length + queue[0].length <= joinedMost) {
      text += queue.shift()
    }
    if (queue.length === 0) this.#queue = undefined
    return text
  }

  /** Says, after all that was written, that nothing more follows (close_notify, FIN). */
  end(): void {
    if (this.#request !== undefined) this.#ending = true
    else this.#shut()
  }

  #shut(): void {
    this.#ending = false
    this.#tls.shutdown(new this.#turns.bindings.ShutdownWrap())
  }
}
