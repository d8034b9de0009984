// A second try of a request while the first goes on: whichever server answers first is heard, the
// other one is left.

import { type Instant, instant } from '../../../../foundation/time.ts'
import type { AnswerHead } from '../../../../wire/http1/answer-head.ts'
import type { Pool } from '../edge/pool.ts'
import type { Server } from '../edge/server.ts'
import type { Connection } from '../transport/transport.ts'
import type { AnswerRules } from './answer-rules.ts'
import {
  type AnswerSink,
  type CarriedRequest,
  type DoorCounts,
  type Failure,
  isNobodysFault,
  type UpstreamLink,
} from './parts.ts'

/** The request that is tried twice, as its second try sees it. */
export interface Hedged extends CarriedRequest {
  /** Writes the whole request once more. */
  sendHedge(hedge: Hedge): void
  /** The second try has an answer: from now on it is the only one. */
  hedgeWins(): void
  /** The second try came to nothing; the first goes on. `struck`: its server broke with it. */
  hedgeLost(struck: boolean): void
}

/**
 * Stands between the client and the second server. Until it is the only try it says nothing to
 * the client; from then on it is the client, for the server, and the request does the rest.
 */
export class Hedge implements AnswerSink, CarriedRequest {
  readonly server: Server
  readonly #pool: Pool
  readonly #client: AnswerSink
  readonly #request: Hedged
  link: UpstreamLink | undefined
  /** The first try is over, or this one has answered. */
  alone = false
  readonly assigned: Instant
  sent: Instant = instant(-1)
  firstByte: Instant = instant(-1)

  constructor(pool: Pool, server: Server, client: AnswerSink, request: Hedged) {
    this.#pool = pool
    this.server = server
    this.#client = client
    this.#request = request
    this.assigned = pool.shared.exact
    pool.begin(server)
  }

  /** Ends it: nobody waits for its answer. */
  leave(): void {
    this.link?.close()
    this.#pool.end(this.server)
  }

  get exchange(): CarriedRequest {
    return this
  }

  get headOnly(): boolean {
    return this.#request.headOnly
  }

  get asksUpgrade(): boolean {
    return this.#request.asksUpgrade
  }

  send(): void {
    this.sent = this.#pool.shared.exact
    this.#request.sendHedge(this)
  }

  answerBegins(): void {
    if (this.alone) this.#request.answerBegins()
    else if (this.firstByte < 0) this.firstByte = this.#pool.shared.exact
  }

  serverError(why: string): boolean {
    if (this.alone) return this.#request.serverError(why)
    this.#pool.failed(this.server, 'server-error', why)
    this.#request.hedgeLost(false)
    return true
  }

  attemptFailed(failure: Failure, why: string): void {
    if (this.alone) return this.#request.attemptFailed(failure, why)
    // A kept connection that was closed meanwhile says nothing against its server.
    const isForgiven = isNobodysFault(failure) || this.link?.isStale === true
    if (!isForgiven) this.#pool.failed(this.server, failure, why)
    this.#request.hedgeLost(!isForgiven && failure !== 'refused')
  }

  answerBroken(failure: Failure, why: string): void {
    this.#request.answerBroken(failure, why)
  }

  serverDown(): void {
    if (this.alone) this.#request.serverDown()
    else this.#request.hedgeLost(false)
  }

  get answerRules(): AnswerRules {
    return this.#request.answerRules
  }

  get connection(): Connection {
    return this.#client.connection
  }

  get door(): DoorCounts {
    return this.#client.door
  }

  get timeline(): AnswerSink['timeline'] {
    return this.#client.timeline
  }

  get minor(): number {
    return this.#client.minor
  }

  get requestDone(): boolean {
    return this.#client.requestDone
  }

  answerLines(answer: AnswerHead, streamed: boolean): string {
    if (!this.alone) this.#request.hedgeWins()
    return this.#client.answerLines(answer, streamed)
  }

  write(out: string): void {
    this.#client.write(out)
  }

  interim(out: string): void {
    if (this.alone) this.#client.interim(out)
  }

  passAnswer(from: Connection, bytes: Buffer, start: number, end: number): void {
    this.#client.passAnswer(from, bytes, start, end)
  }

  passOpen(from: Connection, bytes: Buffer, start: number, end: number): void {
    this.#client.passOpen(from, bytes, start, end)
  }

  passOpenEnd(): void {
    this.#client.passOpenEnd()
  }

  answerDone(): void {
    this.#client.answerDone()
  }

  stopBody(): void {
    this.#client.stopBody()
  }

  becomeTunnel(breakOff: () => void): Buffer | undefined {
    return this.#client.becomeTunnel(breakOff)
  }

  tunnelOver(): void {
    this.#client.tunnelOver()
  }
}
