// One client connection that speaks HTTP/1.1: reads its requests, in order, and ends with it.

import type { AnswerHead } from '../../../wire/http1/answer-head.ts'
import { ChunkScanner } from '../../../wire/http1/chunked.ts'
import { headIncomplete, headRead, requestLimits } from '../../../wire/http1/limits.ts'
import { parseRequestHead } from '../../../wire/http1/request-head.ts'
import { RequestHead } from '../../../wire/http1/request-line.ts'
import { latin1 as text } from '../../../wire/latin1.ts'
import type { Expiring } from './deadlines.ts'
import type { Door, DoorClient } from './door.ts'
import { Exchange } from './http-exchange.ts'
import { requestText } from './http-text.ts'
import type { HttpUpstream } from './http-upstream.ts'
import type { Shared } from './shared.ts'
import type { Connection, ConnectionOwner } from './transport.ts'

/** Waits for the first byte of a request. */
const resting = 0
/** Has a part of a head. */
const reading = 1
/** Has a request in flight; more of them may lie in the input. */
const busy = 2
/** Has had its last answer: reads on for a moment, so that no RST takes the answer away. */
const lingering = 3
const tunnel = 4
const closed = 5

/** Bytes of further requests taken in while one is in flight. */
const pipelinedMost = 64 * 1024
const lingerTime = 2000
const oneWrite = 16 * 1024
/** Bytes of a body kept so that the request can be sent again. */
const keptMost = 64 * 1024

const head = new RequestHead()

export class HttpClient implements ConnectionOwner, Expiring, DoorClient {
  readonly connection: Connection
  readonly door: Door
  readonly shared: Shared
  readonly exchange: Exchange
  readonly #place: number
  #phase = resting
  /** Bytes that have come and are not consumed yet: `#input` from `#at` to `#end`. */
  #input: Buffer | undefined
  #at = 0
  #end = 0
  #paused = false
  #forwarded = ''
  #bodyLeft = 0
  #chunked = false
  #scanner: ChunkScanner | undefined
  #breakTunnel: (() => void) | undefined
  /** What the current answer decides: whether another request may follow. */
  #closing = false
  minor = 1
  #keepAlive = true
  /** The request has been read to its end. */
  requestDone = true

  constructor(connection: Connection, door: Door, shared: Shared) {
    this.connection = connection
    this.door = door
    this.shared = shared
    this.exchange = new Exchange(this, shared)
    this.#place = shared.deadlines.take(this)
    shared.deadlines.set(this.#place, door.row.idleTimeout)
    door.connections += 1
    door.clients.add(this)
  }

  get isBusy(): boolean {
    return this.#phase === busy || this.#phase === tunnel
  }

  connected(): void {}

  received(bytes: Buffer, end: number): void {
    this.door.bytesIn += end
    if (this.#phase === lingering) return
    if (this.#input === undefined) {
      this.#input = bytes
      this.#at = 0
      this.#end = end
    } else {
      const rest = this.#input.subarray(this.#at, this.#end)
      this.#input = Buffer.concat([rest, bytes.subarray(0, end)])
      this.#at = 0
      this.#end = this.#input.length
      // Only the end of a line can complete a head: bytes that come one by one are not read anew.
      const isLine = bytes.subarray(0, end).includes(0x0a) || this.#end >= requestLimits.head
      if (this.#phase === reading && !isLine) return
    }
    this.#consume()
    if (this.#at >= this.#end) this.#input = undefined
    else if (this.#input === bytes) this.#own()
  }

  /** Copies what is left over of a read that is valid during its call only. */
  #own(): void {
    this.#input = Buffer.from((this.#input as Buffer).subarray(this.#at, this.#end))
    this.#at = 0
    this.#end = this.#input.length
  }

  #consume(): void {
    while (this.#at < this.#end) {
      if (this.#phase === busy) {
        if (this.requestDone) return this.#holdBack(pipelinedMost)
        if (!this.#forwardBody()) return
      } else if (this.#phase > busy || !this.#readHead()) return
    }
  }

  #holdBack(most: number): void {
    if (this.#end - this.#at < most || this.#paused) return
    this.#paused = true
    this.connection.pause()
  }

  #goOn(): void {
    if (!this.#paused) return
    this.#paused = false
    this.connection.resume()
  }

  #readHead(): boolean {
    const input = this.#input as Buffer
    const code = parseRequestHead(input, this.#at, this.#end, requestLimits, head)
    if (code === headIncomplete) {
      if (this.#phase === resting) {
        this.#phase = reading
        this.shared.deadlines.set(this.#place, this.door.row.headTimeout)
      }
      return false
    }
    this.#phase = busy
    this.door.requests += 1
    if (code !== headRead) {
      this.requestDone = false
      this.exchange.begin('', true, false, false)
      this.#at = this.#end
      this.answerOurselves(code, '')
      return false
    }
    this.#at = head.end
    this.minor = head.minor
    this.#keepAlive = head.keepAlive
    this.#chunked = head.chunked
    this.#bodyLeft = head.contentLength > 0 ? head.contentLength : 0
    this.requestDone = !head.chunked && this.#bodyLeft === 0
    if (this.requestDone) this.shared.deadlines.clear(this.#place)
    else this.#expectBody()
    this.#route(input)
    return true
  }

  #expectBody(): void {
    this.shared.deadlines.set(this.#place, this.door.row.idleTimeout)
    if (!this.#chunked) return
    this.#scanner ??= new ChunkScanner()
    this.#scanner.reset()
  }

  #route(input: Buffer): void {
    const host = head.hostStart < 0 ? '' : text(input, head.hostStart, head.hostEnd)
    const { door } = this
    const route = door.only ?? door.route(host, text(input, head.pathStart, head.targetEnd))
    const asksUpgrade = head.upgradeStart >= 0
    if (route === undefined) {
      this.exchange.begin('', head.idempotent, head.isHead, false)
      return this.answerOurselves(404, '')
    }
    let lines = this.#forwardedLines()
    if (host !== '') lines += `X-Forwarded-Host: ${host}\r\n`
    if (!head.hasHost) lines += `Host: ${host === '' ? route.rule.pool : host}\r\n`
    if (asksUpgrade) {
      const protocol = text(input, head.upgradeStart, head.upgradeEnd)
      lines += `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`
    }
    this.exchange.begin(requestText(input, head, lines), head.idempotent, head.isHead, asksUpgrade)
    this.exchange.dispatch(route.target, route.rule.policy)
  }

  /** The same for all requests of a connection; made when the first one comes. */
  #forwardedLines(): string {
    if (this.#forwarded === '') {
      const peer = this.connection.peer.replace(/^::ffff:(?=\d+\.)/, '')
      this.#forwarded = `X-Forwarded-For: ${peer}\r\nX-Forwarded-Proto: http\r\n`
    }
    return this.#forwarded
  }

  /** Bytes that wait with the request for a server. */
  get inputBytes(): number {
    return this.#end - this.#at
  }

  /** Sends the request over `upstream`, with as much of its body as is at hand. */
  sendRequest(upstream: HttpUpstream, start: string): void {
    let out = start
    const input = this.#input
    if (!this.requestDone && input !== undefined && this.#at < this.#end) {
      const from = this.#at
      const stop = this.#scanBody(input)
      if (stop < 0) return this.#badBody()
      if (out.length + stop - from <= oneWrite) out += this.#keep(text(input, from, stop))
      else {
        upstream.connection.write(out)
        out = ''
        this.#pass(upstream, input, from, stop)
      }
    }
    if (out !== '') upstream.connection.write(out)
    if (this.#at < this.#end) return
    this.#input = undefined
    this.#goOn()
  }

  #keep(part: string): string {
    this.exchange.keep(part, keptMost)
    return part
  }

  #pass(upstream: HttpUpstream, input: Buffer, from: number, stop: number): void {
    if (this.exchange.keeps) {
      const fits = stop - from <= keptMost
      this.exchange.keep(fits ? text(input, from, stop) : '', fits ? keptMost : -1)
    }
    this.connection.passOn(upstream.connection, input, from, stop)
  }

  /** Passes on what has come of the body; false when it has to wait or cannot be believed. */
  #forwardBody(): boolean {
    const { upstream } = this.exchange
    if (upstream === undefined || !upstream.isOpen) {
      this.#holdBack(0)
      return false
    }
    const input = this.#input as Buffer
    const from = this.#at
    const stop = this.#scanBody(input)
    if (stop < 0) {
      this.#badBody()
      return false
    }
    upstream.awaitAnswer()
    this.#pass(upstream, input, from, stop)
    return true
  }

  /** Moves `#at` over what belongs to the body and returns it; -1 when a chunk is malformed. */
  #scanBody(input: Buffer): number {
    if (this.#chunked) {
      const scanner = this.#scanner as ChunkScanner
      this.#at = scanner.scan(input, this.#at, this.#end)
      if (scanner.bad) return -1
      this.requestDone = scanner.done
    } else {
      const taken = Math.min(this.#bodyLeft, this.#end - this.#at)
      this.#at += taken
      this.#bodyLeft -= taken
      this.requestDone = this.#bodyLeft === 0
    }
    if (this.requestDone) this.shared.deadlines.clear(this.#place)
    else this.shared.deadlines.set(this.#place, this.door.row.idleTimeout)
    return this.#at
  }

  #badBody(): void {
    this.#at = this.#end
    this.exchange.giveUp()
    if (this.exchange.answered) this.abort()
    else this.answerOurselves(400, '')
  }

  /** The server takes no more of the body: what it has to say will come, or its end. */
  stopBody(): void {
    if (!this.requestDone) this.#holdBack(0)
  }

  /** Writes to the client and minds how long it takes to read. */
  write(out: string): void {
    this.door.bytesOut += out.length
    this.connection.write(out)
    if (this.connection.pending > 0) this.#mind()
  }

  /** An answer before the answer (RFC 9110 15.2), for those who know them. */
  interim(out: string): void {
    if (this.minor === 1) this.write(out)
  }

  passAnswer(from: Connection, bytes: Buffer, start: number, end: number): void {
    this.door.bytesOut += end - start
    from.passOn(this.connection, bytes, start, end)
    if (this.connection.pending > 0) this.#mind()
  }

  #mind(): void {
    this.shared.deadlines.set(this.#place, this.door.row.idleTimeout)
  }

  /** A body without a length: in chunks to those who know them. */
  passOpen(from: Connection, bytes: Buffer, start: number, end: number): void {
    if (this.minor === 0) return this.passAnswer(from, bytes, start, end)
    this.write(`${(end - start).toString(16)}\r\n`)
    this.passAnswer(from, bytes, start, end)
    this.write('\r\n')
    from.waitFor(this.connection)
  }

  passOpenEnd(): void {
    if (this.minor === 1) this.write('0\r\n\r\n')
  }

  /** The lines that this connection needs in an answer; `streamed`: its length is not stated. */
  answerLines(answer: AnswerHead, streamed: boolean): string {
    this.exchange.answered = true
    this.door.count(answer.status)
    let lines = streamed && this.minor === 1 ? 'Transfer-Encoding: chunked\r\n' : ''
    if (!answer.hasDate) lines += this.shared.date.line
    return lines + this.#connectionLine(streamed && this.minor === 0)
  }

  #connectionLine(mustClose: boolean): string {
    this.#closing = mustClose || !this.#keepAlive || !this.requestDone || this.shared.leaving
    if (this.#closing) return 'Connection: close\r\n'
    return this.minor === 0 ? 'Connection: keep-alive\r\n' : ''
  }

  answerOurselves(status: number, lines: string): void {
    this.exchange.answered = true
    this.door.count(status)
    const all = lines + this.#connectionLine(false)
    const { headOnly } = this.exchange
    this.write(this.door.answers.text({ status, lines: all, headOnly }, this.shared.date.line))
    this.answerDone()
  }

  /** The answer is out: the next request, or the end. */
  answerDone(): void {
    this.exchange.end()
    if (this.#closing) return this.#linger()
    this.#phase = resting
    this.shared.deadlines.set(this.#place, this.door.row.idleTimeout)
    if (this.#input !== undefined && this.connection.pending === 0) this.#next()
  }

  #next(): void {
    this.#consume()
    if (this.#at < this.#end) return
    this.#input = undefined
    this.#goOn()
  }

  /** Closes so that the client reads the last answer first (RFC 9112 9.6). */
  #linger(): void {
    const isClean = this.requestDone && this.#at >= this.#end && this.connection.pending === 0
    if (isClean) return this.close()
    this.#phase = lingering
    this.#at = this.#end
    this.shared.deadlines.set(
      this.#place,
      this.connection.pending > 0 ? this.door.row.idleTimeout : lingerTime,
    )
    this.connection.end()
    this.#goOn()
  }

  drained(): void {
    if (this.#phase === lingering) return this.shared.deadlines.set(this.#place, lingerTime)
    if (this.#phase === busy) {
      if (this.requestDone) this.shared.deadlines.clear(this.#place)
      return
    }
    if (this.#input !== undefined) this.#next()
  }

  /** Who ends while a request is in flight has gone (so say nginx and node too). */
  ended(): void {
    if (this.#phase === busy) return this.abort()
    if (this.connection.pending === 0) return this.close()
    this.requestDone = false
    this.#linger()
  }

  unwritable(): void {
    this.abort()
  }

  failed(): void {
    this.abort()
  }

  /** The client has gone, or has to: what it asked for is of no use any more. */
  abort(): void {
    if (this.#phase === busy && !this.exchange.answered) this.door.count(0)
    this.exchange.giveUp()
    this.connection.reset()
    this.#retire()
  }

  close(): void {
    this.connection.close()
    this.#retire()
  }

  #retire(): void {
    if (this.#phase === closed) return
    this.#phase = closed
    this.#input = undefined
    this.#at = 0
    this.#end = 0
    this.shared.deadlines.give(this.#place)
    this.door.connections -= 1
    this.door.clients.delete(this)
  }

  expired(): void {
    if (this.#phase === reading) {
      this.requestDone = false
      this.exchange.begin('', true, false, false)
      this.answerOurselves(408, '')
    } else if (this.#phase !== busy) this.close()
    else if (this.#paused && this.connection.pending === 0) this.#mind()
    else if (this.exchange.answered || this.connection.pending > 0) this.abort()
    else {
      this.exchange.giveUp()
      this.answerOurselves(408, '')
    }
  }

  leave(now: boolean): void {
    if (now && this.#breakTunnel !== undefined) this.#breakTunnel()
    else if (now) this.abort()
    else if (this.#phase === resting) this.close()
  }

  /** The connection belongs to a tunnel from now on; returns what came of it too early. */
  becomeTunnel(breakOff: () => void): Buffer | undefined {
    this.#phase = tunnel
    this.#breakTunnel = breakOff
    this.exchange.end()
    this.shared.deadlines.clear(this.#place)
    const rest = this.#input?.subarray(this.#at, this.#end)
    this.#input = undefined
    return rest
  }

  tunnelOver(): void {
    this.#retire()
  }
}
