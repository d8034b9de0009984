// One client connection that speaks HTTP/2: its streams are clients of their own, and it ends when
// nobody needs it any more.

import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Expiring } from '../edge/deadlines.ts'
import type { Door, DoorClient } from '../edge/door.ts'
import type { Shared } from '../edge/shared.ts'
import { HttpClient } from '../http/client.ts'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'
import { ConnectionStream } from './connection-stream.ts'
import { ServedStream, type StreamParts } from './served-stream.ts'

/** Requests at once on one connection. */
const streamsMost = 128
/** What may be on its way to us, of one stream and of all of a connection. */
const streamWindow = 256 * 1024
const sessionWindow = 1024 * 1024
/** The client hears that we leave, and then has so long until the last stream is named. */
const goodbye = 1000
/** The highest number of a stream: whatever has been sent already is still answered. */
const anyStream = 2 ** 31 - 1

/** Bounds on what a client may make us do; beyond them the connection ends (RFC 9113 10.5). */
const bounds = {
  maxHeaderListPairs: 136,
  maxOutstandingPings: 8,
  maxSettings: 32,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  maxSessionMemory: 8,
  // Requests that are taken back as soon as they are made (CVE-2023-44487).
  streamResetBurst: 500,
  streamResetRate: 50,
  // Our fields were read from servers, and mean what they meant there.
  strictSingleValueFields: false,
} as const

export class ClientSession implements DoorClient, Expiring {
  readonly isShared = true
  readonly #door: Door
  readonly #shared: Shared
  readonly #stream: ConnectionStream
  readonly #session: ServerHttp2Session
  readonly #place: number
  readonly #parts: StreamParts
  #streams = 0
  #isLeaving = false
  #isClosing = false

  /** Takes the connection over; `first` is what has been read of it. */
  constructor(connection: Connection, door: Door, shared: Shared, first: Buffer | undefined) {
    this.#door = door
    this.#shared = shared
    this.#place = shared.deadlines.take(this)
    this.#parts = {
      connection: { peer: connection.peer, ends: connection.ends, secure: connection.secure },
      deadlines: shared.deadlines,
      faulted: shared.faulted,
      key: () => keyFrom(shared),
    }
    const stream = new ConnectionStream(connection, first, () => undefined)
    this.#stream = stream
    this.#session = performServerHandshake(stream, {
      settings: {
        maxConcurrentStreams: streamsMost,
        initialWindowSize: streamWindow,
        maxHeaderListSize: 32 * 1024,
        enableConnectProtocol: true,
      },
      ...bounds,
    })
    door.connections += 1
    door.clients.add(this)
    this.#session.setLocalWindowSize(sessionWindow)
    this.#session.on('stream', (one: ServerHttp2Stream, _headers, _flags, raw) => {
      this.#serve(one, raw)
    })
    // What went wrong with a connection of a client is its own affair: its end tells.
    this.#session.on('error', () => undefined)
    this.#session.on('close', () => this.#retire())
    this.#rest()
    // Whoever asked all clients to go asked when this one had not said yet what it speaks.
    if (shared.leaving || door.former) this.leave(false)
  }

  /** Whom the connection belongs to. */
  get owner(): ConnectionOwner {
    return this.#stream
  }

  get isBusy(): boolean {
    return this.#streams > 0
  }

  #serve(stream: ServerHttp2Stream, raw: readonly string[]): void {
    this.#streams += 1
    this.#shared.deadlines.clear(this.#place)
    stream.once('close', () => {
      this.#streams -= 1
      if (this.#streams === 0 && !this.#session.destroyed) this.#rest()
    })
    const served = new ServedStream(stream, raw, this.#parts)
    served.owner = new HttpClient(served, this.#door, this.#shared, 0)
    served.begin()
  }

  /** No request: it is closed when it stays so. */
  #rest(): void {
    if (this.#isClosing) return
    const wait = this.#isLeaving ? goodbye : this.#door.row.idleTimeout
    this.#shared.deadlines.set(this.#place, wait)
  }

  expired(): void {
    if (this.#isClosing) return void this.#stream.destroy()
    this.#isClosing = true
    this.#session.close()
    this.#shared.deadlines.set(this.#place, goodbye)
  }

  leave(now: boolean): void {
    if (now) return this.#session.destroy()
    if (this.#isLeaving || this.#session.destroyed) return
    this.#isLeaving = true
    this.#session.goaway(constants.NGHTTP2_NO_ERROR, anyStream)
    if (this.#streams === 0) this.#rest()
  }

  #retire(): void {
    if (!this.#door.clients.delete(this)) return
    this.#shared.deadlines.give(this.#place)
    this.#door.connections -= 1
  }
}

/** 16 bytes by chance, in base64 (RFC 6455 4.1). */
const keyFrom = ({ random }: Shared): string =>
  Buffer.from(Array.from({ length: 16 }, () => Math.floor(random.next() * 256))).toString('base64')
