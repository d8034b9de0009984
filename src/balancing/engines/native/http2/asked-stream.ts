// A request to a server that speaks HTTP/2: written as HTTP/1.1, sent over a stream, and its answer
// told as HTTP/1.1.

import { createHash } from 'node:crypto'
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2'
import type { ConnectionOwner } from '../transport/transport.ts'
import { carriedFields } from './fields.ts'
import { type Announced, type Fields, type Follow, fieldOf } from './message-reader.ts'
import { declined, StreamConnection } from './stream-connection.ts'

const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_FLAG_END_STREAM } = constants

/** Asked for when it is needed: to import the module brings the runtime's whole `fetch` along. */
const reasonOf = (status: number): string =>
  process.getBuiltinModule('node:http').STATUS_CODES[status] ?? ''

/** What a stream needs of those that carry it. */
export interface Carrier {
  /** It will not need a place any more; `unheard` when the server has said nothing to it. */
  left(stream: AskedStream, unheard: boolean): void
}

/** Until it has a session it waits for one; then its owner hears that it is connected. */
export class AskedStream extends StreamConnection {
  /** Who carries it, or is about to. */
  carrier: Carrier | undefined
  #session: ClientHttp2Session | undefined
  #method = ''
  /** The key of a client that wants to switch to WebSocket, if it does. */
  #switches: string | undefined
  #left = false
  #heard = false
  #ended = false

  constructor(owner: ConnectionOwner, address: string, faulted: (thrown: unknown) => void) {
    super({ peer: address, ends: undefined, secure: false }, faulted)
    this.owner = owner
  }

  /** It is sent over this session. */
  begin(session: ClientHttp2Session): void {
    this.#session = session
    if (!this.closed) this.guarded(() => this.owner.connected())
  }

  /** There will be no session. */
  fail(code: string): void {
    if (this.closed) return
    this.closed = true
    this.guarded(() => this.owner.failed(code))
  }

  head(start: string, fields: Fields, announced: Announced): Follow {
    const session = this.#session as ClientHttp2Session
    const [method = '', path = ''] = start.split(' ')
    this.#method = method
    const asksUpgrade = fieldOf(fields, 'upgrade')?.toLowerCase() === 'websocket'
    if (asksUpgrade && session.remoteSettings?.enableConnectProtocol === true) {
      this.#switches = fieldOf(fields, 'sec-websocket-key') ?? ''
    }
    const isTunnel = this.#switches !== undefined
    const headers = [
      ...[':method', isTunnel ? 'CONNECT' : method, ':scheme', 'http'],
      ...[':authority', fieldOf(fields, 'host') ?? '', ':path', path],
      ...(isTunnel ? [':protocol', 'websocket'] : []),
      ...carriedFields(fields, ['host', 'te', 'sec-websocket-key']),
      ...['te', 'trailers'],
    ]
    const endStream = announced === 'nothing' && !isTunnel
    this.#send(session, headers, endStream, isTunnel || announced === 'body')
    if (isTunnel) return 'bytes'
    return announced === 'nothing' ? 'nothing' : 'body'
  }

  #send(
    session: ClientHttp2Session,
    headers: string[],
    endStream: boolean,
    waitForTrailers: boolean,
  ): void {
    const plain = headers as unknown as Record<string, string>
    const stream = session.request(plain, { endStream, waitForTrailers })
    if (waitForTrailers) this.endWithTrailers(stream, true)
    stream.on('headers', (fields, _flags, raw) => {
      this.guarded(() => this.#interim(Number(fields[':status']), raw ?? []))
    })
    stream.once('response', (fields, flags, raw) => {
      this.guarded(() => this.#answer(Number(fields[':status']), flags, raw ?? []))
    })
    this.attach(stream)
    stream.once('end', () => {
      this.#ended = stream.rstCode === NGHTTP2_NO_ERROR
    })
  }

  #interim(status: number, raw: Fields): void {
    this.#heard = true
    this.tell(`HTTP/1.1 ${status} ${reasonOf(status)}\r\n${linesOf(raw)}\r\n`)
  }

  #answer(status: number, flags: number, raw: Fields): void {
    this.#heard = true
    if (this.#switches !== undefined && status === 200) return this.#switched(this.#switches, raw)
    const isEnd = (flags & NGHTTP2_FLAG_END_STREAM) !== 0
    const length = fieldOf(raw, 'content-length')
    const isBodiless = this.#method === 'HEAD' || status === 204 || status === 304
    const isChunked = !isEnd && !isBodiless && length === undefined
    const framing = isChunked
      ? 'transfer-encoding: chunked\r\n'
      : isEnd && !isBodiless && length === undefined
        ? 'content-length: 0\r\n'
        : ''
    const start = `HTTP/1.1 ${status} ${reasonOf(status)}\r\n`
    this.readBody(isChunked)
    this.tell(`${start}${linesOf(raw)}${framing}connection: close\r\n\r\n`)
  }

  /** RFC 8441 5: the CONNECT is answered; RFC 6455 4.2.2 says what the client waits for. */
  #switched(key: string, raw: Fields): void {
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    const lines =
      `connection: Upgrade\r\nupgrade: websocket\r\n` +
      `sec-websocket-accept: ${accept.digest('base64')}\r\n`
    this.becomeTunnel()
    this.tell(`HTTP/1.1 101 Switching Protocols\r\n${linesOf(raw)}${lines}\r\n`)
    this.readBody(false)
  }

  protected override get isComplete(): boolean {
    return this.#ended
  }

  /** What the server provably has not begun may go elsewhere (RFC 9113 8.7). */
  protected override failure(stream: ClientHttp2Stream): string {
    const isUnread = stream.id === undefined || stream.rstCode === NGHTTP2_REFUSED_STREAM
    if (isUnread && !this.#heard) return declined
    return stream.rstCode === 0 ? 'ECONNRESET' : `reset with HTTP/2 error ${stream.rstCode}`
  }

  protected override hangUp(): void {}

  protected override gone(): void {
    if (this.#left) return
    this.#left = true
    this.carrier?.left(this, !this.#heard && this.stream !== undefined)
  }
}

function linesOf(raw: Fields): string {
  const fields = carriedFields(raw)
  let lines = ''
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string
    if (!name.startsWith(':')) lines += `${name}: ${fields[at + 1]}\r\n`
  }
  return lines
}
