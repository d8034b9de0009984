// The HTTP/2 connections to one server: requests share them, and none is lost when one ends.

import { type ClientHttp2Session, connect } from 'node:http2'
import type { Expiring } from '../edge/deadlines.ts'
import type { Shared } from '../edge/shared.ts'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'
import { AskedStream, type Carrier } from './asked-stream.ts'
import { ConnectionStream } from './connection-stream.ts'

/** Streams at once on a connection, while its server has not said how many it takes. */
const streamsAtFirst = 100
/** What may be on its way to us, of one stream and of all of a connection. */
const streamWindow = 256 * 1024
const sessionWindow = 1024 * 1024
/** A connection without a request is closed after so long. */
const idleMost = 60_000
/** A server that says nothing for so long to a request, nor anything else, may be gone. */
const silentMost = 500
/** So long we wait for its side of a connection to close. */
const goodbye = 2000

const options = {
  settings: { enablePush: false, initialWindowSize: streamWindow },
  maxHeaderListPairs: 264,
  maxSessionMemory: 64,
  // What clients send is theirs to answer for, and was read by a strict parser.
  strictSingleValueFields: false,
}

/** All connections to one server, at one address. */
export class ServerSessions {
  readonly #shared: Shared
  readonly #address: string
  readonly #port: number
  readonly #sessions = new Set<ServerSession>()

  constructor(shared: Shared, address: string, port: number) {
    this.#shared = shared
    this.#address = address
    this.#port = port
  }

  isAt(address: string, port: number): boolean {
    return address === this.#address && port === this.#port
  }

  /** A stream for one request: over a connection with a place left, or a new one. */
  open(owner: ConnectionOwner): Connection {
    for (const session of this.#sessions) {
      if (session.hasPlace) return session.take(owner)
    }
    const session = new ServerSession(this.#shared, this.#address, this.#port, (gone) =>
      this.#sessions.delete(gone),
    )
    this.#sessions.add(session)
    return session.take(owner)
  }

  /** Takes no more requests; what is in flight ends where it is. */
  close(): void {
    for (const session of [...this.#sessions]) session.finish()
  }
}

class ServerSession implements ConnectionOwner, Expiring, Carrier {
  readonly #shared: Shared
  readonly #address: string
  readonly #gone: (session: ServerSession) => void
  readonly #connection: Connection
  readonly #place: number
  readonly #streams = new Map<AskedStream, number>()
  #stream: ConnectionStream | undefined
  #session: ClientHttp2Session | undefined
  #isFinishing = false
  /** Nobody finds it any more; its connection is closed. */
  #isGone = false
  #isOver = false
  #heardAt = 0

  constructor(
    shared: Shared,
    address: string,
    port: number,
    gone: (session: ServerSession) => void,
  ) {
    this.#shared = shared
    this.#address = address
    this.#gone = gone
    this.#place = shared.deadlines.take(this)
    this.#connection = shared.transport.connect(address, port, this)
  }

  get hasPlace(): boolean {
    if (this.#isFinishing || this.#isGone) return false
    const most = this.#session?.remoteSettings?.maxConcurrentStreams ?? streamsAtFirst
    return this.#streams.size < most
  }

  take(owner: ConnectionOwner): AskedStream {
    const stream = new AskedStream(owner, this, this.#address, this.#shared.faulted)
    this.#streams.set(stream, this.#shared.deadlines.now)
    this.#shared.deadlines.clear(this.#place)
    const session = this.#session
    // Never within the call: whoever asks does not have the stream yet.
    if (session !== undefined) queueMicrotask(() => this.#begin(stream, session))
    return stream
  }

  #begin(stream: AskedStream, session: ClientHttp2Session): void {
    if (session.destroyed || session.closed) stream.fail('ECONNRESET')
    else stream.begin(session)
  }

  connected(): void {
    const stream = new ConnectionStream(this.#connection, undefined, () => {
      this.#heardAt = this.#shared.deadlines.now
    })
    this.#stream = stream
    this.#connection.owner = stream
    const session = connect('http://server', { ...options, createConnection: () => stream })
    this.#session = session
    session.on('connect', () => session.setLocalWindowSize(sessionWindow))
    // What went wrong is told to each stream by its own end.
    session.on('error', () => undefined)
    session.on('goaway', () => this.finish())
    session.on('close', () => this.#over('ECONNRESET'))
    for (const waiting of [...this.#streams.keys()]) this.#begin(waiting, session)
  }

  /** Connecting has failed: whoever waits for it hears so. */
  failed(code: string): void {
    this.#over(code)
  }

  received(): void {}
  ended(): void {}
  drained(): void {}
  unwritable(): void {}

  left(stream: AskedStream, unheard: boolean): void {
    const since = this.#streams.get(stream)
    if (since === undefined) return
    this.#streams.delete(stream)
    const { now } = this.#shared.deadlines
    // It may be dead without a word: nobody else is to wait for it.
    if (unheard && this.#heardAt < since && now - since > silentMost) this.#isFinishing = true
    if (this.#streams.size > 0 || this.#isGone) return
    if (this.#isFinishing || this.#session === undefined) this.#end()
    else this.#shared.deadlines.set(this.#place, idleMost)
  }

  expired(): void {
    if (this.#isGone) this.#stream?.destroy()
    else this.finish()
  }

  finish(): void {
    this.#isFinishing = true
    if (this.#streams.size === 0 && !this.#isGone) this.#end()
  }

  /** Nothing is in flight: says goodbye, and waits a moment for the server's. */
  #end(): void {
    const session = this.#session
    if (session === undefined) {
      this.#connection.close()
      return this.#over('ECONNRESET')
    }
    this.#leaveSet()
    session.close()
    if (!this.#isOver) this.#shared.deadlines.set(this.#place, goodbye)
  }

  #leaveSet(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#gone(this)
  }

  /** The connection is closed, or will never be open. */
  #over(code: string): void {
    this.#leaveSet()
    if (this.#isOver) return
    this.#isOver = true
    this.#shared.deadlines.give(this.#place)
    for (const stream of [...this.#streams.keys()]) stream.fail(code)
    this.#streams.clear()
  }
}
