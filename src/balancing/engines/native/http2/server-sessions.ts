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
    const stream = new AskedStream(owner, this.#address, this.#shared.faulted)
    this.#give(stream)
    return stream
  }

  #give(stream: AskedStream): void {
    for (const session of this.#sessions) {
      if (session.hasPlace) return session.take(stream)
    }
    const session = new ServerSession(this.#shared, this.#address, this.#port, {
      gone: () => this.#sessions.delete(session),
      oneTooMany: (other) => this.#give(other),
    })
    this.#sessions.add(session)
    session.take(stream)
  }

  /** Takes no more requests; what is in flight ends where it is. */
  close(): void {
    for (const session of [...this.#sessions]) session.finish()
  }
}

/** What a connection tells those that keep it. */
interface Home {
  /** It takes no more requests. */
  gone(): void
  /** It takes fewer requests than had been thought. */
  oneTooMany(stream: AskedStream): void
}

class ServerSession implements ConnectionOwner, Expiring, Carrier {
  readonly #shared: Shared
  readonly #home: Home
  readonly #connection: Connection
  readonly #place: number
  readonly #streams = new Map<AskedStream, number>()
  #stream: ConnectionStream | undefined
  #session: ClientHttp2Session | undefined
  /** Its server has said how much it takes: requests may be sent. */
  #isReady = false
  #isFinishing = false
  /** Nobody finds it any more; its connection is closed. */
  #isGone = false
  #isOver = false
  #heardAt = 0

  constructor(shared: Shared, address: string, port: number, home: Home) {
    this.#shared = shared
    this.#home = home
    this.#place = shared.deadlines.take(this)
    this.#connection = shared.transport.connect(address, port, this)
  }

  get hasPlace(): boolean {
    if (this.#isFinishing || this.#isGone) return false
    return this.#streams.size < this.#streamsMost
  }

  get #streamsMost(): number {
    const most = this.#session?.remoteSettings?.maxConcurrentStreams
    return this.#isReady && most !== undefined ? most : streamsAtFirst
  }

  take(stream: AskedStream): void {
    stream.carrier = this
    this.#streams.set(stream, this.#shared.deadlines.now)
    this.#shared.deadlines.clear(this.#place)
    const session = this.#session
    if (!this.#isReady || session === undefined) return
    // Never within the call: whoever asks does not have the stream yet.
    queueMicrotask(() => this.#begin(stream, session))
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
    // Only its settings show that it speaks HTTP/2, and how many requests it takes at once.
    session.once('remoteSettings', () => this.#ready(session))
    // What went wrong is told to each stream by its own end.
    session.on('error', () => undefined)
    session.on('goaway', () => {
      if (this.#isReady) this.finish()
      else this.#over('ECONNRESET')
    })
    session.on('close', () => this.#over('ECONNRESET'))
  }

  #ready(session: ClientHttp2Session): void {
    this.#isReady = true
    let count = 0
    for (const waiting of [...this.#streams.keys()]) {
      count += 1
      if (count <= this.#streamsMost) this.#begin(waiting, session)
      else if (this.#streams.delete(waiting)) this.#home.oneTooMany(waiting)
    }
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
    if (this.#isFinishing || !this.#isReady) this.#end()
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
    this.#home.gone()
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
