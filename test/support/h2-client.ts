// A client of HTTP/2 for tests: the runtime's own, and frames by hand for what it would not send.

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { type Socket, connect as socketTo } from 'node:net'
import { until } from './edge-bed.ts'

/** What came over one stream, once it is closed. */
export interface H2Answer {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, unknown>>
  readonly trailers: Readonly<Record<string, unknown>>
  readonly body: string
  /** The code of its RST_STREAM, 0 if there was none. */
  readonly code: number
}

/** One connection in HTTP/2, without TLS or with it. */
export class H2Client implements Disposable {
  readonly session: ClientHttp2Session
  readonly errors: Error[] = []
  goaway: number | undefined

  constructor(port: number, scheme: 'http' | 'https' = 'http') {
    this.session = connect(`${scheme}://127.0.0.1:${port}`, {
      servername: 'shop.example',
      rejectUnauthorized: false,
    })
    this.session.on('error', (error) => this.errors.push(error))
    this.session.on('goaway', (code) => {
      this.goaway = code
    })
  }

  open(headers: OutgoingHttpHeaders, endStream = true): ClientHttp2Stream {
    const stream = this.session.request(headers, { endStream })
    stream.on('error', () => undefined)
    return stream
  }

  ask(headers: OutgoingHttpHeaders, body?: string | Buffer): Promise<H2Answer> {
    const stream = this.open(headers, body === undefined)
    if (body !== undefined) stream.end(body)
    return answerOf(stream)
  }

  [Symbol.dispose](): void {
    this.session.destroy()
  }
}

/** Reads a stream to its end. */
export async function answerOf(stream: ClientHttp2Stream): Promise<H2Answer> {
  let headers: Record<string, unknown> = {}
  let trailers: Record<string, unknown> = {}
  const chunks: Buffer[] = []
  stream.on('response', (got) => {
    headers = { ...got }
  })
  stream.on('trailers', (got) => {
    trailers = { ...got }
  })
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((resolve) => stream.once('close', resolve))
  const body = Buffer.concat(chunks).toString('latin1')
  const status = headers[':status'] as number | undefined
  return { status, headers, trailers, body, code: stream.rstCode ?? 0 }
}

export const frameTypes = {
  data: 0,
  headers: 1,
  rst: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

/** One frame (RFC 9113 4.1). */
export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** Fields as literals that are never indexed (RFC 7541 6.2.3), each shorter than 127 bytes. */
export const block = (fields: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(
    fields.flatMap(([name, value]) => [
      Buffer.from([0x10, name.length]),
      Buffer.from(name, 'latin1'),
      Buffer.from([value.length]),
      Buffer.from(value, 'latin1'),
    ]),
  )

/** A connection on which a test writes frames of its own. */
export class RawH2 implements Disposable {
  readonly socket: Socket
  #bytes = Buffer.alloc(0)
  closed = false
  /** Frames that came: their types, streams and payloads. */
  readonly frames: { type: number; flags: number; stream: number; payload: Buffer }[] = []

  constructor(port: number) {
    this.socket = socketTo({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.closed = true
    })
    this.socket.on('data', (chunk: Buffer) => this.#take(chunk))
    this.socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    this.socket.write(frame(frameTypes.settings, 0, 0, Buffer.alloc(0)))
  }

  #take(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length >= 9) {
      const length = this.#bytes.readUIntBE(0, 3)
      if (this.#bytes.length < 9 + length) return
      const [type, flags] = [this.#bytes[3]!, this.#bytes[4]!]
      const stream = this.#bytes.readUInt32BE(5) & 0x7fffffff
      const payload = this.#bytes.subarray(9, 9 + length)
      this.frames.push({ type, flags, stream, payload })
      this.#bytes = this.#bytes.subarray(9 + length)
    }
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames))
  }

  /** A request without a body. */
  ask(stream: number, fields: readonly (readonly [string, string])[]): void {
    this.send(frame(frameTypes.headers, 0x5, stream, block(fields)))
  }

  /** The first frame of this type, once it has come. */
  async frame(type: number, stream: number): Promise<{ flags: number; payload: Buffer }> {
    const find = () => this.frames.find((one) => one.type === type && one.stream === stream)
    await until(`frame ${type} of stream ${stream}`, () => find() !== undefined || this.closed)
    const found = find()
    if (found === undefined) throw new Error(`closed before frame ${type} of stream ${stream}`)
    return found
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

/** A GET as its fields. */
export const getFields = (path = '/'): readonly (readonly [string, string])[] => [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'shop.example'],
  [':path', path],
]
