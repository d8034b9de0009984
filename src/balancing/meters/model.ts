// What an edge has counted since it started, beyond what its report says at every moment. All of it
// only grows, so that the sum over edges that came and went only grows too.

import type { Spread } from '../../control/histogram.ts'

/** Requests of one door for one service, by what they asked and got. */
export interface RequestSeries {
  readonly frontend: string
  /** `''`: no route was found for them, or they could not be read. */
  readonly service: string
  /** A method of RFC 9110 or PATCH; `_OTHER` for any other word. */
  readonly method: string
  /** 0: they ended without an answer. */
  readonly status: number
  /** From the whole head to the last byte of the answer. */
  readonly time: Spread
}

/** One door: how its requests, or in TCP mode connections, ended. */
export interface FrontendMeters {
  /** Client connections that were ever accepted, and those that were one too many. */
  readonly accepted: number
  readonly turnedAway: number
  /** Requests that were read, or began to be; in TCP mode connections. */
  readonly requests: number
  /** Answers by first digit of the status; index 0 is no answer at all. */
  readonly answers: readonly number[]
  /** Requests that had to wait for a server. */
  readonly held: number
  readonly redispatched: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** By `Ending`. */
  readonly endings: Readonly<Record<string, number>>
  /** Lines of the access log that were written, and those that were lost. */
  readonly logged: number
  readonly logLost: number
}

/** One service. */
export interface ServiceMeters {
  /** Waiting of those that had to: for a server, for a place, for the budget of repeats. */
  readonly held: Spread
  /** Repeats that the budget did not bear. */
  readonly overBudget: number
  /** Servers that were passed over because of what their requests met. */
  readonly ejections: number
}

/** One server. */
export interface ServerMeters {
  readonly service: string
  /** Requests that were given to it, also those that then went to another. */
  readonly requests: number
  readonly refused: number
  readonly reset: number
  readonly timedOut: number
  /** Answers of 500 and above. */
  readonly errors: number
  /** Answers by first digit of the status; index 0 is no whole answer at all. */
  readonly answers: readonly number[]
  readonly bytesIn: number
  readonly bytesOut: number
  /** Requests that left it for another one, or for a fresh connection. */
  readonly redispatched: number
  /** Requests whose client left while they were on it. */
  readonly clientAborts: number
  /** Requests sent over a connection that had served before. */
  readonly reused: number
  /** Connecting, where a fresh connection was needed; from sending to first byte; to the end. */
  readonly connect: Spread
  readonly firstByte: Spread
  readonly time: Spread
}

/** All that one edge has counted. */
export interface EdgeMeters {
  /** How late its event loop was, asked at every step: what all its requests waited for. */
  readonly lateness: Spread
  readonly requests: readonly RequestSeries[]
  readonly frontends: Readonly<Record<string, FrontendMeters>>
  readonly services: Readonly<Record<string, ServiceMeters>>
  readonly servers: Readonly<Record<string, ServerMeters>>
}
