// What the parts of an HTTP exchange see of each other: types, so that none needs another.

import type { AnswerHead } from '../../../../wire/http1/answer-head.ts'
import type { Door } from '../edge/door.ts'
import type { Connection } from '../transport/transport.ts'
import type { AnswerRules } from './answer-rules.ts'

/**
 * What an attempt can come to, besides an answer. `refused`: nobody could be connected to;
 * `declined`: the server is there, and provably has not begun to carry the request out;
 * `unable`: we lack what a connection needs (files, ports).
 */
export type Failure = 'refused' | 'declined' | 'unable' | 'reset' | 'silent'

/** Failures that are not held against a server. */
export const isNobodysFault = (failure: Failure): failure is 'declined' | 'unable' =>
  failure === 'declined' || failure === 'unable'

/** A connection to a server, as the request that it carries sees it. */
export interface UpstreamLink {
  readonly connection: Connection
  /** Milliseconds lived when it became idle. */
  readonly idleSince: number
  /** The server has been told that this is the client: it carries nobody else's requests. */
  readonly only: Connection | undefined
  /** The request may be written to it. */
  readonly isOpen: boolean
  /** It has served before, and no byte of this answer has come. */
  readonly isStale: boolean
  /** It can say long after it took a request that it has not begun with it (RFC 9113 8.7). */
  readonly mayDecline?: boolean
  /** Writes taken by the system; `undefined` where that is not known. */
  readonly written: number | undefined
  /** From now on the server has `responseTimeout` for its next byte. */
  awaitAnswer(): void
  /** Sends the client's request over it; it is idle. */
  send(client: AnswerSink): void
  close(): void
}

/** A request, as the connection that carries it sees it. */
export interface CarriedRequest {
  readonly headOnly: boolean
  readonly asksUpgrade: boolean
  /** Writes it: head, and what is at hand of the body. */
  send(): void
  /** The first byte of an answer to it has come, be it an interim one. */
  answerBegins(): void
  /** A server answered with an error: true if another one gets the request instead. */
  serverError(why: string): boolean
  /** No byte of a final answer has come, and none will. */
  attemptFailed(failure: Failure, why: string): void
  answerBroken(failure: Failure, why: string): void
  /** What rules do to the answer. */
  readonly answerRules: AnswerRules
  serverDown(): void
}

/** Bytes through a door. */
export interface DoorCounts {
  bytesIn: number
  bytesOut: number
  readonly row: { readonly tunnelTimeout?: number }
}

/** A client, as the connection that brings its answer sees it. */
export interface AnswerSink {
  readonly connection: Connection
  readonly exchange: CarriedRequest
  readonly door: DoorCounts
  /** Where the bytes of a tunnel are counted too. */
  readonly timeline: Pick<DoorCounts, 'bytesIn' | 'bytesOut'>
  /** Of the HTTP version it speaks: 0 or 1. */
  readonly minor: number
  /** Its request has been read to the end. */
  readonly requestDone: boolean
  /** The lines that this connection needs in an answer; `streamed`: its length is not stated. */
  answerLines(answer: AnswerHead, streamed: boolean): string
  /** Writes to it, and minds how long it takes to read. */
  write(out: string): void
  /** An answer before the answer (RFC 9110 15.2), for those who know them. */
  interim(out: string): void
  passAnswer(from: Connection, bytes: Buffer, start: number, end: number): void
  /** A body without a length: in chunks to those who know them. */
  passOpen(from: Connection, bytes: Buffer, start: number, end: number): void
  passOpenEnd(): void
  answerDone(): void
  /** The server takes no more of the body: what it has to say will come, or its end. */
  stopBody(): void
  /** It belongs to a tunnel from now on; returns what came of it too early. */
  becomeTunnel(breakOff: () => void): Buffer | undefined
  tunnelOver(): void
}

/** The client of an exchange, as the exchange sees it. */
export interface ExchangeClient extends AnswerSink {
  readonly door: Door
  /** Bytes of the request that have come and not been sent. */
  readonly unsentBytes: number
  sendRequest(upstream: UpstreamLink, start: string): void
  answerOurselves(status: number, lines: string, body?: string): void
  abort(): void
}
