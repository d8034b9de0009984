// Receives the log as it is written, by START_REPLICATION (protocol docs, 55.4): what a replica
// does, without a server.

import type pg from 'pg'
import { type Instant, instant } from '../../../foundation/time.ts'
import { formatLsn, parseLsn } from './lsn.ts'
import type { Session } from './session.ts'
import { Submitted } from './submitted.ts'

/** A stretch of the log. */
export interface LogPart {
  readonly at: number
  readonly bytes: Buffer
}

/** Where a stream begins. */
export interface LogStart {
  readonly line: number
  readonly at: number
  readonly slot: string
  /** The server had written up to here before; also on a timeline that follows this one. */
  readonly written: number
}

/** Who takes what comes. Called in the order in which it comes, and never waited for. */
export interface LogTaker {
  part(part: LogPart): void
  /** Until this moment, by the server's clock, it had written up to `end`. */
  clock(end: number, at: Instant): void
  /** It wants to hear what is on disk here: it may be waiting for that to stop. */
  asks(): void
}

/** PostgreSQL counts microseconds from 2000. */
const epoch = 946_684_800_000

const clockOf = (micros: bigint): Instant => instant(epoch + Number(micros) / 1000)

/** One stream, on a session of its own, along one timeline. */
export class LogStream extends Submitted {
  readonly #session: Session
  readonly #text: string
  readonly #taker: LogTaker
  readonly #over = Promise.withResolvers<void>()
  /** Up to where it is known that the server has written: what it has sent may end before. */
  #highest: number
  #next: { readonly line: number; readonly at: number } | undefined
  #failure: unknown

  constructor(session: Session, from: LogStart, taker: LogTaker) {
    super()
    this.#session = session
    this.#taker = taker
    this.#highest = from.written
    this.#text =
      `START_REPLICATION SLOT ${from.slot} PHYSICAL ` +
      `${formatLsn(from.at)} TIMELINE ${from.line}`
    // Before it is begun nobody waits for its end.
    this.#over.promise.catch(() => {})
    session.client.once('end', () => this.#fail(new Error('the connection ended')))
  }

  /**
   * Streams until the timeline ends; resolves to the next one, and where it begins. Rejects with
   * what the server says, or when the connection ends.
   */
  async run(): Promise<{ readonly line: number; readonly at: number } | undefined> {
    const { client } = this.#session
    const connection = (client as unknown as { readonly connection: pg.Connection }).connection
    // The server has no more of this timeline: it is told that we have none either.
    const done = (): void => void this.#session.stream.write(Buffer.from([0x63, 0, 0, 0, 4]))
    connection.on('copyDone', done)
    try {
      client.query(this as unknown as pg.Submittable)
      await this.#over.promise
    } finally {
      connection.off('copyDone', done)
    }
    if (this.#failure !== undefined) throw this.#failure
    return this.#next
  }

  /** Says that everything before `flushed` is on disk here, and asks what time it is there. */
  confirm(flushed: number, now: Instant): void {
    const message = Buffer.alloc(5 + 34)
    message.write('d', 0, 'latin1')
    message.writeUInt32BE(4 + 34, 1)
    message.write('r', 5, 'latin1')
    for (const at of [6, 14, 22]) message.writeBigUInt64BE(BigInt(flushed), at)
    message.writeBigInt64BE(BigInt(Math.round((now - epoch) * 1000)), 30)
    message.writeUInt8(1, 38)
    this.#session.stream.write(message)
  }

  submit(connection: pg.Connection): void {
    connection.query(this.#text)
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    const [line, lsn] = fields
    const at = parseLsn(lsn)
    if (line && at !== undefined) this.#next = { line: Number(line), at }
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    switch (String.fromCharCode(chunk[0] ?? 0)) {
      case 'w': {
        const at = Number(chunk.readBigUInt64BE(1))
        // The parser goes on to use its buffer.
        const bytes = Buffer.from(chunk.subarray(25))
        this.#taker.part({ at, bytes })
        this.#clock(Number(chunk.readBigUInt64BE(9)), clockOf(chunk.readBigInt64BE(17)))
        return
      }
      case 'k':
        this.#clock(Number(chunk.readBigUInt64BE(1)), clockOf(chunk.readBigInt64BE(9)))
        if (chunk[17] === 1) this.#taker.asks()
        return
      default:
        this.#fail(new Error('the server sent a message that is none of the log'))
    }
  }

  /**
   * Says its time now, and an end: of what it has sent so far, or of a timeline that is over. While
   * we catch up, it has written more than that by then.
   */
  #clock(end: number, at: Instant): void {
    if (end < this.#highest) return
    this.#highest = end
    this.#taker.clock(end, at)
  }

  handleError(thrown: Error): void {
    this.#fail(thrown)
  }

  handleReadyForQuery(): void {
    this.#over.resolve()
  }

  #fail(thrown: unknown): void {
    this.#failure ??= thrown
    this.#over.resolve()
  }
}
