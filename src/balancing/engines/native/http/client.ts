// One client connection that speaks HTTP/1.1: reads its requests, in order, and ends with it.

import type { AnswerHead } from '../../../../wire/http1/answer-head.ts'
import { headIncomplete, headRead, requestLimits } from '../../../../wire/http1/limits.ts'
import { parseRequestHead } from '../../../../wire/http1/request-head.ts'
import { RequestHead } from '../../../../wire/http1/request-line.ts'
import type { Expiring } from '../edge/deadlines.ts'
import type { Door, DoorClient } from '../edge/door.ts'
import type { Shared } from '../edge/shared.ts'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'
import { BodyCourse } from './body.ts'
import { type DirectedClient, direct, ToldOnce } from './direct.ts'
import { Exchange } from './exchange.ts'
import { RequestInput } from './input.ts'
import { Intake } from './intake.ts'
import { type Pace, paceOf } from './pace.ts'
import type { UpstreamLink } from './parts.ts'
import { lingerTime, pipelinedMost } from './patience.ts'
import { busy, closed, lingering, reading, resting, tunnel } from './phases.ts'
import { isPreface } from './preface.ts'
import { methodOf, type Timeline } from './timeline.ts'

const head = new RequestHead()

export class HttpClient implements ConnectionOwner, Expiring, DoorClient, DirectedClient {
  readonly connection: Connection
  readonly door: Door
  readonly shared: Shared
  readonly exchange: Exchange
  readonly #place: number
  #phase = resting
  readonly input = new RequestInput()
  readonly #body: BodyCourse
  #consuming = false
  readonly intake: Intake
  #pace: Pace | undefined
  readonly told = new ToldOnce()
  #breakTunnel: (() => void) | undefined
  /** What the current answer decides: whether another request may follow. */
  #closing = false
  minor = 1
  #keepAlive = true

  /** Of the connections that its door counts: a stream of HTTP/2 is none. */
  readonly #share: number

  constructor(connection: Connection, door: Door, shared: Shared, share = 1) {
    this.#share = share
    this.connection = connection
    this.door = door
    this.shared = shared
    this.intake = new Intake(connection)
    this.exchange = new Exchange(this, shared)
    this.#body = new BodyCourse(connection, this.input, this.exchange)
    this.#place = shared.deadlines.take(this)
    shared.deadlines.set(this.#place, door.row.idleTimeout)
    door.connections += share
    door.clients.add(this)
  }

  get isBusy(): boolean {
    return this.#phase === busy || this.#phase === tunnel
  }

  get isReading(): boolean {
    return this.#phase === reading
  }

  get requestDone(): boolean {
    return this.input.done
  }

  get timeline(): Timeline {
    return this.exchange.timeline
  }

  get unsentBytes(): number {
    return this.input.size
  }

  connected(): void {}

  received(bytes: Buffer, end: number): void {
    this.shared.tick()
    this.door.bytesIn += end
    if (this.#phase === lingering) return
    if (this.input.take(bytes, end) || this.#phase !== reading) this.#consume()
    this.input.own(bytes)
  }

  #consume(): void {
    this.#consuming = true
    while (this.input.at < this.input.end && this.#consumeOne());
    this.#consuming = false
  }

  /** One head, or what has come of a body; false when there is something to wait for. */
  #consumeOne(): boolean {
    if (this.#phase > busy) return false
    if (this.#phase === busy && !this.input.done) return this.#forwardBody()
    if (this.#phase === busy || this.connection.pending > 0) {
      this.#holdBack(pipelinedMost)
      return false
    }
    return this.#readHead()
  }

  #holdBack(most: number): void {
    if (this.input.size >= most) this.intake.stop()
  }

  #readHead(): boolean {
    if (this.#phase === resting) this.#pace = paceOf(this, this.#pace)
    const input = this.input.bytes as Buffer
    const code = parseRequestHead(input, this.input.at, this.input.end, requestLimits, head)
    if (code === headIncomplete) {
      if (this.#phase === resting) {
        this.#phase = reading
        this.shared.deadlines.set(this.#place, this.door.row.headTimeout)
        this.#pace?.mind()
      }
      this.intake.goOn()
      return false
    }
    if (code !== headRead && this.#turnsToHttp2(input)) return false
    this.#phase = busy
    this.door.requests += 1
    this.told.answerLine = ''
    const timeline = this.timeline.begin(this.shared.exact)
    if (code !== headRead) {
      this.input.done = false
      this.exchange.begin('', true, false, false)
      this.input.at = this.input.end
      timeline.ending = 'bad-request'
      this.answerOurselves(code, '')
      return false
    }
    timeline.method = methodOf(input, head.start, head.methodEnd)
    timeline.bytesIn = head.end - head.start
    this.input.at = head.end
    this.minor = head.minor
    this.#keepAlive = head.keepAlive
    this.input.begin(head)
    this.#expectBody()
    direct(this, input, head)
    return true
  }

  /** Its first bytes are those of HTTP/2: that is not for this reader. */
  #turnsToHttp2(input: Buffer): boolean {
    const { at, end } = this.input
    if (this.#share === 0 || this.timeline.begun >= 0 || !isPreface(input, at, end)) return false
    const first = Buffer.from(input.subarray(at, end))
    this.#retire()
    this.intake.goOn()
    this.connection.owner = this.shared.toHttp2(this.connection, this.door, first)
    return true
  }

  /** Sends the request over `upstream`, with as much of its body as is at hand. */
  sendRequest(upstream: UpstreamLink, start: string): void {
    let out: string | undefined = start
    if (!this.input.done) {
      out = this.#body.withStart(upstream, start)
      this.#expectBody()
    }
    if (out === undefined) return this.#badBody()
    if (out !== '') upstream.connection.write(out)
    if (this.input.at < this.input.end) return
    this.input.bytes = undefined
    this.intake.goOn()
  }

  /** Passes on what has come of the body; false when it has to wait or cannot be believed. */
  #forwardBody(): boolean {
    const { upstream } = this.exchange
    if (upstream === undefined || !upstream.isOpen) {
      this.#holdBack(0)
      return false
    }
    const isGood = this.#body.forward(upstream)
    this.#expectBody()
    if (!isGood) this.#badBody()
    return isGood
  }

  /** While some of the body is missing, the client has to go on sending. */
  #expectBody(): void {
    const { deadlines } = this.shared
    if (!this.input.done) this.#mind()
    else if (!this.exchange.hasEnded) deadlines.clear(this.#place)
    else deadlines.set(this.#place, this.door.row.halfClosedTimeout ?? Infinity)
  }

  #badBody(): void {
    this.input.at = this.input.end
    this.exchange.giveUp()
    this.exchange.timeline.ending = 'bad-request'
    if (this.exchange.answered) this.abort()
    else this.answerOurselves(this.input.tooLarge ? 413 : 400, '')
  }

  stopBody(): void {
    if (!this.input.done) this.#holdBack(0)
  }

  write(out: string): void {
    this.door.bytesOut += out.length
    this.exchange.timeline.bytesOut += out.length
    this.connection.write(out)
    if (this.connection.pending > 0) this.#mind()
  }

  interim(out: string): void {
    if (this.minor === 1) this.write(out)
  }

  passAnswer(from: Connection, bytes: Buffer, start: number, end: number): void {
    this.door.bytesOut += end - start
    this.exchange.timeline.bytesOut += end - start
    from.passOn(this.connection, bytes, start, end)
    if (this.connection.pending > 0) this.#mind()
  }

  #mind(): void {
    this.shared.deadlines.set(this.#place, this.door.row.idleTimeout)
    this.#pace?.mind()
  }

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

  answerLines(answer: AnswerHead, streamed: boolean): string {
    this.exchange.answers(answer.status)
    this.door.count(answer.status)
    let lines = streamed && this.minor === 1 ? 'Transfer-Encoding: chunked\r\n' : ''
    if (!answer.hasDate) lines += this.shared.date.line
    return lines + this.#connectionLine(streamed && this.minor === 0)
  }

  get #isLast(): boolean {
    return this.exchange.hasEnded && this.input.size === 0
  }

  #connectionLine(mustClose: boolean): string {
    const leaving = this.shared.leaving || this.door.former
    this.#closing = mustClose || !this.#keepAlive || !this.input.done || this.#isLast || leaving
    const { answerLine } = this.told
    if (this.#closing) return `${answerLine}Connection: close\r\n`
    return this.minor === 0 ? `${answerLine}Connection: keep-alive\r\n` : answerLine
  }

  answerOurselves(status: number, lines: string, body?: string): void {
    this.exchange.answers(status)
    this.door.count(status)
    const all = lines + this.#connectionLine(false)
    const answer = { status, lines: all, headOnly: this.exchange.headOnly, body }
    this.write(this.door.answers.text(answer, this.shared.date.line))
    this.answerDone()
  }

  /** The answer is out: the next request, or the end. */
  answerDone(): void {
    this.exchange.end()
    if (this.#closing || this.#isLast) return this.#linger()
    this.#phase = resting
    this.shared.deadlines.set(this.#place, this.door.row.idleTimeout)
    if (this.input.bytes !== undefined && !this.#consuming) this.#next()
  }

  #next(): void {
    this.#consume()
    if (this.exchange.hasEnded && this.#phase < busy) return this.close()
    if (this.input.at < this.input.end) return
    this.input.bytes = undefined
    this.intake.goOn()
  }

  /** Closes so that the client reads the last answer first (RFC 9112 9.6). */
  #linger(): void {
    const isUnread = this.connection.flush() > 0
    if (this.input.done && this.input.at >= this.input.end && !isUnread) return this.close()
    this.#phase = lingering
    this.input.at = this.input.end
    this.shared.deadlines.set(this.#place, isUnread ? this.door.row.idleTimeout : lingerTime)
    this.connection.end()
    this.intake.goOn()
  }

  waits(): void {
    if (this.#phase === busy) this.#mind()
  }

  drained(): void {
    if (this.#phase === lingering) return this.shared.deadlines.set(this.#place, lingerTime)
    if (this.#phase !== busy && this.input.bytes !== undefined) return this.#next()
    if (this.#phase === busy && this.input.done) this.shared.deadlines.clear(this.#place)
  }

  /** Who ends after a whole request may still wait for its answer (RFC 9112 9.6). */
  ended(): void {
    if (this.#phase === busy && this.input.done) {
      this.exchange.clientEnded()
      return this.#expectBody()
    }
    if (this.#phase === busy) return this.abort()
    if (this.connection.flush() === 0) return this.close()
    this.input.done = false
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
    if (this.#phase === busy) this.exchange.broken('client-gone')
    this.exchange.giveUp()
    this.connection.reset()
    this.#retire()
  }

  close(): void {
    this.connection.flush()
    this.connection.close()
    this.#retire()
  }

  #retire(): void {
    if (this.#phase === closed) return
    this.#phase = closed
    this.input.drop()
    this.shared.deadlines.give(this.#place)
    this.#pace?.end()
    this.door.connections -= this.#share
    this.door.clients.delete(this)
  }

  expired(): void {
    const isDue = this.connection.pending > 0 || !(this.intake.isStopped || this.exchange.hasEnded)
    if (this.#phase !== busy || isDue) this.tooSlow()
    else if (this.exchange.hasEnded && !this.exchange.answered) this.abort()
    else this.#mind()
  }

  tooSlow(): void {
    if (this.#phase === reading) {
      this.input.done = false
      this.exchange.timeline.begin(this.shared.exact)
      this.exchange.timeline.ending = 'client-slow'
      this.exchange.begin('', true, false, false)
      this.answerOurselves(408, '')
    } else if (this.#phase !== busy) this.close()
    else if (this.exchange.answered || this.connection.pending > 0) this.abort()
    else {
      this.exchange.giveUp()
      this.exchange.timeline.ending = 'client-slow'
      this.answerOurselves(408, '')
    }
  }

  leave(now: boolean): void {
    if (this.#phase === resting) this.close()
    else if (now && this.#breakTunnel !== undefined) this.#breakTunnel()
    else if (now) this.abort()
  }

  becomeTunnel(breakOff: () => void): Buffer | undefined {
    this.#phase = tunnel
    this.#breakTunnel = breakOff
    this.exchange.becomeTunnel()
    this.shared.deadlines.clear(this.#place)
    this.#pace = this.#pace?.end()
    const rest = this.input.bytes?.subarray(this.input.at, this.input.end)
    this.input.drop()
    return rest
  }

  tunnelOver(): void {
    this.shared.tick()
    this.exchange.tunnelOver()
    this.#retire()
  }
}
