// How does a request's body get to the server, and how much of it is kept for another one?

import { latin1 as text } from '../../../../wire/latin1.ts'
import type { Connection } from '../transport/transport.ts'
import type { RequestInput } from './input.ts'
import type { UpstreamLink } from './parts.ts'

/** Up to here a head and what is at hand of the body go out in one write. */
const oneWrite = 16 * 1024

/** Whoever keeps what has been sent of a body, as long as it may be wanted again. */
export interface BodyKeeper {
  readonly keeps: boolean
  /** So many bytes of a body are kept, and not more. */
  readonly keptMost: number
  readonly timeline: { bytesIn: number }
  /** Keeps a part that is being sent, if it can; `undefined` is a part that is not kept. */
  keep(part: string | undefined): void
}

/** The bodies of the requests of one client connection, one after the other. */
export class BodyCourse {
  readonly #connection: Connection
  readonly #input: RequestInput
  readonly #keeper: BodyKeeper

  constructor(connection: Connection, input: RequestInput, keeper: BodyKeeper) {
    this.#connection = connection
    this.#input = input
    this.#keeper = keeper
  }

  /**
   * What is to be written after `start` has been joined by what is at hand of the body; a large
   * part is sent at once. `undefined` when the body is malformed.
   */
  withStart(upstream: UpstreamLink, start: string): string | undefined {
    const input = this.#input
    const { bytes, at } = input
    if (bytes === undefined || at >= input.end) return start
    const stop = input.scanBody(bytes)
    if (stop < 0) return undefined
    this.#keeper.timeline.bytesIn += stop - at
    if (start.length + stop - at <= oneWrite) {
      const part = text(bytes, at, stop)
      this.#keeper.keep(part)
      return start + part
    }
    upstream.connection.write(start)
    this.#pass(upstream, bytes, at, stop)
    return ''
  }

  /** Passes on what has come; false when it is malformed. */
  forward(upstream: UpstreamLink): boolean {
    const bytes = this.#input.bytes as Buffer
    const from = this.#input.at
    const stop = this.#input.scanBody(bytes)
    if (stop < 0) return false
    this.#keeper.timeline.bytesIn += stop - from
    upstream.awaitAnswer()
    this.#pass(upstream, bytes, from, stop)
    return true
  }

  #pass(upstream: UpstreamLink, bytes: Buffer, from: number, stop: number): void {
    // What is passed on and not kept is gone, even if it turns out that it was never written.
    const isKept = this.#keeper.keeps && stop - from <= this.#keeper.keptMost
    this.#keeper.keep(isKept ? text(bytes, from, stop) : undefined)
    this.#connection.passOn(upstream.connection, bytes, from, stop)
  }
}
