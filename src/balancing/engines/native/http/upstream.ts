// One connection to a server that speaks HTTP/1.1: reads its answers and passes them to the client.

import { AnswerHead, parseAnswerHead } from '../../../../wire/http1/answer-head.ts'
import { ChunkScanner } from '../../../../wire/http1/chunked.ts'
import { answerLimits, headIncomplete, headRead } from '../../../../wire/http1/limits.ts'
import { proxyHeader } from '../../../../wire/proxy/proxy-header.ts'
import { mayImprove } from '../../../repeat.ts'
import type { Deadlines, Expiring } from '../edge/deadlines.ts'
import type { Pool } from '../edge/pool.ts'
import type { Server, ServerLink } from '../edge/server.ts'
import { splice } from '../edge/splice.ts'
import { dial } from '../http2/dial.ts'
import { declined } from '../http2/stream-connection.ts'
import { isOurLack } from '../transport/lacks.ts'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'
import type { AnswerSink, DoorCounts, Failure, UpstreamLink } from './parts.ts'
import { answerText, upgradeLines } from './text.ts'

/** What an upstream is about. */
const connecting = 0
const idle = 1
const awaiting = 2
const answering = 3
const over = 4

/** How the end of a body is known, and what the client gets of it. */
const sized = 0
const chunked = 1
/** Until the server closes. */
const open = 2

/** An unused connection is closed after so long: before the servers we know of close it. */
const idleMost = 4000
/** Idle connections kept to one server. */
const idleKept = 256
/** Interim answers to one request: a server that sends them without end never answers. */
const interimsMost = 64
/** Up to here an answer is one text with its head. */
const textMost = 4 * 1024

const head = new AnswerHead()

export class HttpUpstream implements ConnectionOwner, Expiring, UpstreamLink, ServerLink {
  readonly connection: Connection
  readonly server: Server
  readonly pool: Pool
  readonly #deadlines: Deadlines
  readonly #place: number
  client: AnswerSink | undefined
  idleSince = 0
  only: Connection | undefined
  /** It has carried a request before: the server may have closed it in the meantime. */
  reused = false
  #phase = connecting
  #interims = 0
  #breakTunnel: (() => void) | undefined
  /** What the system had taken of this connection before the present request. */
  #writtenBefore: number | undefined
  #framing = sized
  #left = 0
  readonly #scanner = new ChunkScanner()
  #keep = true
  /** A part of a head that is not complete yet. */
  #stash: Buffer | undefined

  constructor(pool: Pool, server: Server, address: string, client: AnswerSink) {
    this.pool = pool
    this.server = server
    this.client = client
    this.#deadlines = pool.shared.deadlines
    this.#place = this.#deadlines.take(this)
    this.#deadlines.set(this.#place, pool.row.connectTimeout)
    server.links.add(this)
    this.connection = dial(pool, server, address, this)
  }

  connected(): void {
    this.pool.shared.tick()
    this.pool.reached(this.server)
    const { sendProxy } = this.pool.row
    if (sendProxy !== undefined && this.client !== undefined) {
      this.only = this.client.connection
      this.connection.write(proxyHeader(sendProxy, this.only.ends))
    }
    if (this.client !== undefined) this.#begin(this.client)
    else this.#retire()
  }

  /** Sends the client's request over this connection, which is idle. */
  send(client: AnswerSink): void {
    this.client = client
    this.reused = true
    this.#begin(client)
  }

  #begin(client: AnswerSink): void {
    this.#phase = awaiting
    this.#interims = 0
    this.awaitAnswer()
    this.#writtenBefore = this.connection.written
    client.exchange.send()
  }

  /** Not a byte of the request could be written: the connection had ended before. */
  get #untouched(): boolean {
    return this.#writtenBefore !== undefined && this.#writtenBefore === this.connection.written
  }

  get written(): number | undefined {
    return this.connection.written
  }

  /** The request may be written to it. */
  get isOpen(): boolean {
    return this.#phase === awaiting || this.#phase === answering
  }

  /** From now on the server has `responseTimeout` for its next byte. */
  awaitAnswer(): void {
    this.#deadlines.set(this.#place, this.pool.row.responseTimeout)
  }

  received(bytes: Buffer, end: number): void {
    this.pool.shared.tick()
    this.server.heardAt = this.#deadlines.now
    const { client } = this
    if (client === undefined || this.#phase === idle) return this.close()
    // What comes before the request has gone out, at the end of this turn, is no answer to it.
    if (this.#phase === awaiting && this.#untouched) return this.#fail('reset', 'it spoke unasked')
    this.awaitAnswer()
    if (this.#phase === answering) return this.#body(client, bytes, 0, end)
    if (this.#stash === undefined) {
      client.exchange.answerBegins()
      return this.#head(client, bytes, end)
    }
    const whole = Buffer.concat([this.#stash, bytes.subarray(0, end)])
    this.#stash = undefined
    this.#head(client, whole, whole.length)
  }

  #head(client: AnswerSink, bytes: Buffer, end: number): void {
    let at = 0
    for (;;) {
      const code = parseAnswerHead(bytes, at, end, answerLimits, head)
      if (code === headIncomplete) {
        if (at < end) this.#stash = Buffer.from(bytes.subarray(at, end))
        return
      }
      if (code !== headRead) return this.#fail('reset', `a bad answer: ${head.reason}`)
      if (head.status >= 200) return this.#final(client, bytes, end)
      if (head.status === 101) return this.#upgrade(client, bytes, end)
      this.#interims += 1
      if (this.#interims > interimsMost) return this.#fail('reset', 'interim answers without end')
      client.interim(answerText(bytes, head, '', head.end))
      at = head.end
    }
  }

  /** A final answer's head has come, and with it perhaps all of the answer. */
  #final(client: AnswerSink, bytes: Buffer, end: number): void {
    const { exchange } = client
    if (mayImprove(head.status)) {
      if (exchange.serverError(`it answered ${head.status}`)) return
    } else {
      if (head.status >= 500) this.server.errors += 1
      this.pool.succeeded(this.server)
    }
    this.#phase = answering
    this.#keep = head.keepAlive
    const bodiless = exchange.headOnly || head.status === 204 || head.status === 304
    this.#framing = bodiless || head.contentLength >= 0 ? sized : head.chunked ? chunked : open
    this.#left = bodiless ? 0 : Math.max(0, head.contentLength)
    if (this.#framing === open) this.#keep = false
    if (this.#framing === chunked) this.#scanner.reset()
    let lines = client.answerLines(head, this.#framing !== sized && !bodiless)
    lines = exchange.answerRules.apply(bytes, head, lines, this.server)
    if (head.status === 426) lines += upgradeLines(bytes, head)
    if (this.#framing === sized) return this.#sizedAnswer(client, bytes, end, lines)
    client.write(answerText(bytes, head, lines, head.end))
    if (head.end < end) this.#body(client, bytes, head.end, end)
  }

  #sizedAnswer(client: AnswerSink, bytes: Buffer, end: number, lines: string): void {
    const stop = Math.min(end, head.end + this.#left)
    this.#left -= stop - head.end
    if (stop - head.start <= textMost) client.write(answerText(bytes, head, lines, stop))
    else {
      client.write(answerText(bytes, head, lines, head.end))
      client.passAnswer(this.connection, bytes, head.end, stop)
    }
    if (this.#left === 0) this.#finish(client, stop < end)
    else this.connection.waitFor(client.connection)
  }

  #body(client: AnswerSink, bytes: Buffer, at: number, end: number): void {
    if (this.#framing === chunked) return this.#chunkedBody(client, bytes, at, end)
    if (this.#framing === open) return client.passOpen(this.connection, bytes, at, end)
    const stop = Math.min(end, at + this.#left)
    this.#left -= stop - at
    client.passAnswer(this.connection, bytes, at, stop)
    if (this.#left === 0) this.#finish(client, stop < end)
  }

  #chunkedBody(client: AnswerSink, bytes: Buffer, from: number, end: number): void {
    const scanner = this.#scanner
    let at = from
    if (client.minor === 1) {
      at = scanner.scan(bytes, from, end)
      if (!scanner.bad) client.passAnswer(this.connection, bytes, from, at)
    } else {
      // A client of HTTP/1.0 does not know chunks: it gets the data, and the end of the connection.
      while (at < end && !scanner.done && !scanner.bad) {
        at = scanner.scan(bytes, at, end, true)
        if (scanner.dataEnd > scanner.dataStart) {
          client.passAnswer(this.connection, bytes, scanner.dataStart, scanner.dataEnd)
        }
      }
    }
    if (scanner.bad) return this.#fail('reset', 'a bad chunk in its answer')
    if (scanner.done) this.#finish(client, at < end)
  }

  #upgrade(client: AnswerSink, bytes: Buffer, end: number): void {
    if (!client.exchange.asksUpgrade)
      return this.#fail('reset', 'a switch of protocol that nobody asked for')
    client.write(answerText(bytes, head, upgradeLines(bytes, head), head.end))
    this.pool.succeeded(this.server)
    this.#phase = over
    const rest = head.end < end ? Buffer.from(bytes.subarray(head.end, end)) : undefined
    this.client = undefined
    const early = client.becomeTunnel(this.#join(client, client.door))
    if (rest !== undefined) client.connection.writeBytes(rest)
    if (early !== undefined) this.connection.writeBytes(early)
    client.door.bytesOut += rest?.length ?? 0
  }

  /** Joins both connections, as long as bytes pass; returns what breaks them off. */
  #join(client: AnswerSink, door: DoorCounts): () => void {
    const { timeline } = client
    const passes = (): void => {
      this.#deadlines.set(this.#place, door.row.tunnelTimeout ?? Infinity)
    }
    passes()
    this.#breakTunnel = splice(client.connection, this.connection, {
      up: (count) => {
        passes()
        door.bytesIn += count
        timeline.bytesIn += count
        this.server.meter.carried(count, 0)
      },
      down: (count) => {
        passes()
        door.bytesOut += count
        timeline.bytesOut += count
        this.server.meter.carried(0, count)
        this.server.heardAt = this.#deadlines.now
      },
      over: () => {
        this.#retire()
        client.tunnelOver()
        this.pool.end(this.server)
      },
    })
    return this.#breakTunnel
  }

  /** The answer is complete; a connection with `excess` bytes after it cannot be trusted. */
  #finish(client: AnswerSink, excess: boolean): void {
    this.connection.settle()
    this.client = undefined
    const { server } = this
    const reusable = this.#keep && !excess && client.requestDone && !this.connection.lent
    if (reusable && server.isOffered && server.idle.length < idleKept) {
      this.#phase = idle
      this.idleSince = this.#deadlines.now
      this.#deadlines.set(this.#place, idleMost)
      server.idle.push(this)
    } else {
      this.close()
    }
    this.pool.end(server)
    client.answerDone()
  }

  ended(): void {
    const { client } = this
    if (client === undefined) return this.close()
    if (this.#phase !== answering || this.#framing !== open) return this.#fail('reset', 'it closed')
    client.passOpenEnd()
    this.#finish(client, false)
  }

  drained(): void {}

  /** The server no longer reads; perhaps it has answered already: the read side will tell. */
  unwritable(): void {
    this.#keep = false
    this.client?.stopBody()
  }

  failed(code: string): void {
    const { client } = this
    if (client === undefined) return this.close()
    const isConnecting = this.#phase === connecting
    if (code === declined && !isConnecting) {
      return client.exchange.attemptFailed('declined', 'it declined the request')
    }
    if (isConnecting && isOurLack(code)) return client.exchange.attemptFailed('unable', code)
    this.#fail(
      isConnecting ? 'refused' : 'reset',
      isConnecting ? `connecting failed: ${code}` : code,
    )
  }

  expired(): void {
    const { client } = this
    if (this.#breakTunnel !== undefined) return this.#breakTunnel()
    if (client === undefined) return this.close()
    if (this.#phase === connecting) {
      return this.#fail('refused', `connecting took longer than ${this.pool.row.connectTimeout} ms`)
    }
    // While the client is what all wait for, the server is not late.
    if (!client.requestDone || client.connection.pending > 0) return this.awaitAnswer()
    this.#fail('silent', `nothing came for ${this.pool.row.responseTimeout} ms`)
  }

  serverDown(): void {
    if (this.#phase !== awaiting && this.#phase !== connecting) return
    this.client?.exchange.serverDown()
  }

  #fail(outcome: Failure, why: string): void {
    const { client } = this
    if (client === undefined) return this.close()
    if (this.#phase === answering) return client.exchange.answerBroken(outcome, why)
    client.exchange.attemptFailed(this.#untouched ? 'declined' : outcome, why)
  }

  /** Its protocol lets it say that it has not begun with a request. */
  get mayDecline(): boolean {
    return this.pool.row.protocol === 'http2'
  }

  /** Whether the answer's first byte has not come over a connection that served before. */
  get isStale(): boolean {
    return this.reused && this.#phase === awaiting && this.#stash === undefined
  }

  /** Lets go of the client, and of the connection with it. */
  close(): void {
    if (this.#phase === idle) {
      const place = this.server.idle.indexOf(this)
      if (place >= 0) this.server.idle.splice(place, 1)
    }
    this.#phase = over
    this.client = undefined
    this.connection.close()
    this.#retire()
  }

  #retire(): void {
    if (!this.server.links.delete(this)) return
    this.#deadlines.give(this.#place)
  }
}
