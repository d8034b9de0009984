// One stream of HTTP/2 as a connection of HTTP/1.1 that carries a single request: the rest of the
// data path need not know the difference.

import type { ClientHttp2Stream, Http2Stream, ServerHttp2Stream } from 'node:http2'
import { constants } from 'node:http2'
import type { Ends } from '../../../../foundation/addresses.ts'
import { latin1 } from '../../../../wire/latin1.ts'
import { Flow } from '../transport/flow.ts'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'
import { unowned } from '../transport/unowned.ts'
import { trailerLines } from './fields.ts'
import {
  type Announced,
  type Fields,
  type Follow,
  MessageReader,
  type MessageSink,
} from './message-reader.ts'

const { NGHTTP2_NO_ERROR, NGHTTP2_CANCEL } = constants

/** How `failed` says that the other side has provably not begun to execute the request. */
export const declined = 'REFUSED_STREAM'

/** Up to here bytes are passed on as text, which costs one system call less to keep. */
const textMost = 16 * 1024

/** What a stream takes over from the connection that it belongs to. */
export type Underlying = Pick<Connection, 'peer' | 'ends' | 'secure'>

/** See `Connection` for what it promises. */
export abstract class StreamConnection extends Flow implements Connection, MessageSink {
  owner: ConnectionOwner = unowned
  readonly lent = false
  readonly alpnProtocol = 'h2'
  peer: string
  ends: Ends | undefined
  readonly secure: boolean
  readonly #faulted: (thrown: unknown) => void
  protected readonly reader = new MessageReader(this)
  protected stream: Http2Stream | undefined
  /** The trailers that are to be sent, by name. */
  protected readonly trailing: Record<string, string | string[]> = {}
  #paused = false
  protected closed = false
  /** Bytes come and go as they are. */
  #tunnels = false
  /** What comes has no stated length, so that its end has to be told. */
  #chunked = false
  #trailers: Fields = []

  constructor(under: Underlying, faulted: (thrown: unknown) => void) {
    super()
    this.peer = under.peer
    this.ends = under.ends
    this.secure = under.secure
    this.#faulted = faulted
  }

  abstract head(start: string, fields: Fields, announced: Announced): Follow

  /** The answer is complete. */
  protected abstract readonly isComplete: boolean

  /** Why the stream ended before that, as the owner should hear it. */
  protected abstract failure(stream: Http2Stream): string

  /** It is closed, for whichever reason; called at least once. */
  protected gone(): void {}

  /** Reads and writes this stream from now on. */
  protected attach(stream: Http2Stream): void {
    this.stream = stream
    stream.on('trailers', (_headers, _flags, raw) => {
      this.#trailers = raw ?? []
    })
    // The runtime says so too of what was cut off: only its code tells (RFC 9113 8.1).
    stream.on('end', () => {
      if (stream.rstCode === NGHTTP2_NO_ERROR) this.guarded(() => this.#ended())
    })
    stream.on('drain', () => this.#drained())
    stream.on('finish', () => this.#drained())
    // What went wrong is told by the end of the stream.
    stream.on('error', () => undefined)
    stream.on('close', () => this.guarded(() => this.#over(stream)))
  }

  /** Begins to read the body; `chunked` when its length is not stated. */
  protected readBody(chunked: boolean): void {
    this.#chunked = chunked
    this.stream?.on('data', (bytes: Buffer) => this.guarded(() => this.#data(bytes)))
    if (!this.#mayRead) this.stream?.pause()
  }

  protected becomeTunnel(): void {
    this.#tunnels = true
    this.#chunked = false
  }

  /** A mistake of ours ends the stream it was made on, and leaves the others alone. */
  protected guarded(run: () => void): void {
    try {
      run()
    } catch (thrown) {
      const { owner } = this
      this.owner = unowned
      this.reset()
      this.#faulted(thrown)
      owner.failed('FAULT')
    }
  }

  /** Gives text of HTTP/1.1 to the owner. */
  protected tell(text: string): void {
    if (this.closed) return
    const bytes = Buffer.from(text, 'latin1')
    this.owner.received(bytes, bytes.length)
  }

  #data(bytes: Buffer): void {
    if (this.closed) return
    if (!this.#chunked) return this.owner.received(bytes, bytes.length)
    const size = Buffer.from(`${bytes.length.toString(16)}\r\n`, 'latin1')
    const chunk = Buffer.concat([size, bytes, chunkEnd])
    this.owner.received(chunk, chunk.length)
  }

  #ended(): void {
    if (this.closed) return
    if (this.#tunnels) this.owner.ended()
    else if (this.#chunked) this.tell(`0\r\n${trailerLines(this.#trailers)}\r\n`)
  }

  #over(stream: Http2Stream): void {
    this.pending = 0
    this.release()
    this.gone()
    if (this.closed) return
    this.closed = true
    if (this.isComplete) this.owner.ended()
    else this.owner.failed(this.failure(stream))
  }

  claim(ends: Ends): void {
    this.ends = ends
    this.peer = ends.from.host
  }

  write(text: string): void {
    if (!this.closed) this.reader.takeText(text)
  }

  flush(): number {
    return this.pending
  }

  writeBytes(bytes: Uint8Array): void {
    if (!this.closed) this.reader.take(bufferOf(bytes))
  }

  data(bytes: Buffer, isLast: boolean): void {
    const { stream } = this
    if (stream === undefined || stream.destroyed || stream.writableEnded) return
    if (isLast) {
      stream.end(bytes)
      this.pending = 1
    } else if (!stream.write(bytes)) this.pending = 1
  }

  bodyEnd(trailers: Fields): void {
    const { stream } = this
    if (stream === undefined || stream.destroyed || stream.writableEnded) return
    for (let at = 0; at < trailers.length; at += 2) {
      const [name, value] = [trailers[at] as string, trailers[at + 1] as string]
      const before = this.trailing[name]
      this.trailing[name] = before === undefined ? value : [before, value].flat()
    }
    stream.end()
    this.pending = 1
  }

  /**
   * A body that has not come whole is sent as if trailers followed: the runtime says that a stream
   * is complete before it says that it was broken off, unless it waits for these.
   */
  protected endWithTrailers(stream: ServerHttp2Stream | ClientHttp2Stream, takes: boolean): void {
    stream.once('wantTrailers', () => stream.sendTrailers(takes ? this.trailing : {}))
  }

  end(): void {
    const { stream } = this
    if (this.closed || stream === undefined || stream.destroyed) return
    if (this.#tunnels) stream.end()
    else this.hangUp(stream)
  }

  /** The owner has said all, and hears what still comes only to drop it. */
  protected abstract hangUp(stream: Http2Stream): void

  #drained(): void {
    if (this.pending === 0) return
    this.pending = 0
    this.release()
    if (!this.closed) this.guarded(() => this.owner.drained())
  }

  passOn(to: Connection, bytes: Buffer, start: number, end: number): void {
    if (end - start <= textMost) to.write(latin1(bytes, start, end))
    else to.writeBytes(bytes.subarray(start, end))
    if (to.pending > 0) this.waitFor(to)
  }

  waitFor(to: Connection): void {
    if (this.follow(to)) this.stream?.pause()
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
    this.stream?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#readOn()
  }

  get #mayRead(): boolean {
    return !this.#paused && this.feeds === undefined
  }

  #readOn(): void {
    if (this.#mayRead) this.stream?.resume()
  }

  close(): void {
    this.#leave(this.isComplete && this.pending === 0 ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL)
  }

  reset(): void {
    this.#leave(NGHTTP2_CANCEL)
  }

  #leave(code: number): void {
    if (this.closed) return
    this.closed = true
    const { stream } = this
    if (stream === undefined || stream.destroyed) return this.gone()
    const isDone = this.isComplete && stream.writableEnded
    if (!isDone || code !== NGHTTP2_NO_ERROR) stream.close(code)
    // Nobody reads what still comes; the stream ends only when it has been read.
    stream.resume()
  }
}

const chunkEnd = Buffer.from('\r\n', 'latin1')

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
