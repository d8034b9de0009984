// A client's request that came over a stream of HTTP/2: read as HTTP/1.1, answered as HTTP/2.

import { constants, type Http2Stream, type ServerHttp2Stream } from 'node:http2'
import type { Deadlines, Expiring } from '../edge/deadlines.ts'
import { carriedFields, requestText } from './fields.ts'
import { deadlineExceeded, insteadOf, isGrpc, readGrpcTimeout, trailersOnly } from './grpc.ts'
import { type Announced, type Fields, type Follow, fieldOf } from './message-reader.ts'
import { StreamConnection, type Underlying } from './stream-connection.ts'

const { NGHTTP2_NO_ERROR } = constants

/** Of an answer to an upgrade: HTTP/2 knows them in another way, or not at all. */
const ofUpgrade = ['sec-websocket-accept', 'content-length']

/** What a stream needs of its session. */
export interface StreamParts {
  readonly connection: Underlying
  readonly deadlines: Deadlines
  readonly faulted: (thrown: unknown) => void
  /** A key for an upgrade that stands for an extended CONNECT: 16 random bytes, in base64. */
  readonly key: () => string
}

export class ServedStream extends StreamConnection implements Expiring {
  readonly #stream: ServerHttp2Stream
  readonly #parts: StreamParts
  readonly #raw: Fields
  readonly #isGrpc: boolean
  readonly #takesTrailers: boolean
  #tunnel: string | undefined
  #answered = false
  /** The server's answer is not for this client: it has been told something else. */
  #replaced = false
  #place: number | undefined

  constructor(stream: ServerHttp2Stream, raw: Fields, parts: StreamParts) {
    super(parts.connection, parts.faulted)
    this.#stream = stream
    this.#parts = parts
    this.#raw = raw
    this.#isGrpc = isGrpc(fieldOf(raw, 'content-type'))
    this.#takesTrailers = fieldOf(raw, 'te') === 'trailers'
    this.attach(stream)
  }

  /** Tells its owner the request; before that, nothing has been told. */
  begin(): void {
    this.guarded(() => {
      const head = requestText(this.#raw, this.#stream.endAfterHeaders, this.#parts.key)
      if (head.kind === 'refused') return this.#refuse(head.status)
      this.#tunnel = head.tunnel
      this.#awaitDeadline()
      this.tell(head.text)
      if (this.closed) return
      if (this.#stream.endAfterHeaders) this.#stream.resume()
      else this.readBody(head.chunked)
    })
  }

  /** Lets the reader of HTTP/1.1 answer: it counts what it refuses. */
  #refuse(status: number): void {
    this.tell(status === 501 ? 'CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n' : 'malformed\r\n\r\n')
    this.#stream.resume()
  }

  /** A call of gRPC is answered when its client's own patience ends, held or not. */
  #awaitDeadline(): void {
    if (!this.#isGrpc) return
    const patience = readGrpcTimeout(fieldOf(this.#raw, 'grpc-timeout'))
    if (patience === undefined) return
    const { deadlines } = this.#parts
    const place = deadlines.take(this)
    this.#place = place
    deadlines.set(place, patience)
    this.#stream.once('close', () => deadlines.give(place))
  }

  expired(): void {
    if (this.#answered || this.closed) return
    this.guarded(() => {
      this.#respond([...trailersOnly(deadlineExceeded, 'the deadline has passed')], true)
      this.closed = true
      this.hangUp(this.#stream)
      this.owner.failed('DEADLINE')
    })
  }

  head(start: string, fields: Fields, announced: Announced): Follow {
    const status = Number(start.slice(9, 12))
    if (this.#stream.destroyed || this.#stream.closed) return 'nothing'
    if (status === 101) return this.#switch(fields)
    if (status < 200) {
      const interim: Record<string, string> = {}
      const carried = carriedFields(fields)
      for (let at = 0; at < carried.length; at += 2) {
        interim[carried[at] as string] = carried[at + 1] as string
      }
      this.#stream.additionalHeaders({ ...interim, ':status': status })
      return 'head'
    }
    if (this.#place !== undefined) this.#parts.deadlines.clear(this.#place)
    if (this.#isGrpc && status !== 200) {
      this.#replaced = true
      this.#respond([...insteadOf(status)], true)
      return announced === 'nothing' ? 'nothing' : 'body'
    }
    const hasBody = this.#hasBody(status) && announced !== 'nothing'
    const headers = [':status', String(status), ...carriedFields(fields)]
    this.#respond(headers, !hasBody, hasBody && announced !== 'whole-body')
    return hasBody ? 'body' : 'nothing'
  }

  #hasBody(status: number): boolean {
    return fieldOf(this.#raw, ':method') !== 'HEAD' && status !== 204 && status !== 304
  }

  #respond(headers: string[], endStream: boolean, waitForTrailers = false): void {
    this.#answered = true
    if (waitForTrailers) this.endWithTrailers(this.#stream, this.#takesTrailers)
    const plain = headers as unknown as Record<string, string>
    this.#stream.respond(plain, { endStream, waitForTrailers })
  }

  /** The server has switched: the client asked for that by an extended CONNECT. */
  #switch(fields: Fields): Follow {
    if (this.#tunnel === undefined) throw new Error('broken invariant: nobody asked for a tunnel')
    this.#respond([':status', '200', ...carriedFields(fields, ofUpgrade)], false, true)
    this.becomeTunnel()
    return 'bytes'
  }

  override data(bytes: Buffer, isLast: boolean): void {
    if (!this.#replaced) super.data(bytes, isLast)
  }

  protected override get isComplete(): boolean {
    return this.reader.isOver
  }

  protected override failure(): string {
    return 'ECONNRESET'
  }

  /** The answer is out: the rest of the request is of no use to anybody (RFC 9113 8.1). */
  protected override hangUp(stream: Http2Stream): void {
    if (!stream.readableEnded) stream.close(NGHTTP2_NO_ERROR)
    stream.resume()
  }
}
