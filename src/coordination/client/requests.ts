// What was asked and not answered yet? Requests in their order, and answers that must come in the
// same one. Knows bytes and promises; refuses to know sockets and sessions.

import { Fault } from '../../foundation/fault.ts'
import type { Reader, Writer } from '../../wire/jute/archive.ts'
import { errorName } from '../../wire/jute/errors.ts'
import { writeRequest } from '../../wire/jute/frames.ts'
import type { OperationName, RequestOf } from '../../wire/jute/messages.ts'
import type { ReplyHeader } from '../../wire/jute/records.ts'
import { nameOf, ZooKeeperError } from './errors.ts'

/** One request on its way. */
export interface Entry {
  readonly name: OperationName
  readonly request: unknown
  /** What a person reads in an error: the operation as the client calls it, and the path. */
  readonly verb: string
  readonly path: string | undefined
  /** Whether it changes something, and so may have been done although no answer came. */
  readonly changes: boolean
  /** Nobody waits for it any more; if it was sent, its answer is still to be taken. */
  abandoned: boolean
  /** Reads the answer's record and hands it on; throws a Fault `corrupt` if it cannot. */
  answered(from: Reader): void
  /** The server's error, or ours. `code` is set if it is the server's answer. */
  failed(error: ZooKeeperError, code?: number): void
  xid: number
}

const xidMost = 0x7fff_ffff

/** The requests of one session, over all its connections. */
export class Requests {
  #waiting: Entry[] = []
  #sent: Entry[] = []
  /** Those before this index are answered: cut off now and then, not each time. */
  #head = 0
  #xid = 0
  readonly #frameBytesMost: number

  constructor(frameBytesMost: number) {
    this.#frameBytesMost = frameBytesMost
  }

  /** Requests that were sent and not answered. */
  get outstanding(): number {
    return this.#sent.length - this.#head
  }

  /** Requests that wait for a connection. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Puts a request behind those there are; it is sent by the next `writeTo`. */
  add(entry: Entry): void {
    this.#waiting.push(entry)
  }

  /** Writes what waits, and remembers it as sent. */
  writeTo(to: Writer): void {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    for (const entry of waiting) {
      if (!entry.abandoned) this.#write(to, entry)
    }
  }

  #write(to: Writer, entry: Entry): void {
    const start = to.length
    const xid = this.#xid === xidMost ? 1 : this.#xid + 1
    const length = writeRequest(to, xid, entry.name, entry.request as RequestOf<'getData'>)
    if (length > this.#frameBytesMost) {
      to.rewind(start)
      const cause = new Error(`a request of ${length} bytes, at most ${this.#frameBytesMost} go`)
      entry.failed(this.#error('bad-arguments', entry, { cause }))
      return
    }
    this.#xid = xid
    entry.xid = xid
    this.#sent.push(entry)
  }

  /**
   * Takes an answer. Throws a Fault `corrupt` when it is not the answer that must come next: the
   * connection cannot be believed after that.
   */
  answer({ xid, error }: ReplyHeader, from: Reader): void {
    const entry = this.#sent[this.#head]
    if (entry === undefined || entry.xid !== xid) {
      const expected = entry === undefined ? 'none' : `one to ${entry.xid}`
      throw new Fault('corrupt', `an answer to request ${xid} came, ${expected} was due`)
    }
    if (error === 0) {
      // Read before it is taken out: if the record is corrupt, the request is lost with the rest.
      entry.answered(from)
      this.#takeOut()
    } else {
      this.#takeOut()
      const unknown = errorName(error) === undefined
      const more = unknown ? { cause: new Error(`the server answers with error ${error}`) } : {}
      entry.failed(this.#error(nameOf(error), entry, more), error)
    }
  }

  #takeOut(): void {
    this.#head += 1
    if (this.#head === this.#sent.length) {
      this.#sent.length = 0
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#sent.length) {
      this.#sent = this.#sent.slice(this.#head)
      this.#head = 0
    }
  }

  /**
   * The connection is lost: all requests there are fail, also those that were not sent, so that
   * what was done is always a beginning of what was asked, without holes.
   */
  lose(cause: unknown): void {
    this.#failAll('connection-loss', cause)
  }

  /** The session is over: nothing will be answered any more. */
  end(error: 'session-expired' | 'auth-failed', cause: unknown): void {
    this.#failAll(error, cause)
  }

  #failAll(error: 'connection-loss' | 'session-expired' | 'auth-failed', cause: unknown): void {
    const [sent, waiting] = [this.#sent.slice(this.#head), this.#waiting]
    this.#sent = []
    this.#head = 0
    this.#waiting = []
    for (const entry of sent) {
      entry.failed(this.#error(error, entry, { cause, maybeApplied: entry.changes }))
    }
    for (const entry of waiting) entry.failed(this.#error(error, entry, { cause }))
  }

  #error(
    error: ConstructorParameters<typeof ZooKeeperError>[0],
    { verb, path }: Entry,
    more: { cause?: unknown; maybeApplied?: boolean } = {},
  ): ZooKeeperError {
    return new ZooKeeperError(error, verb, path === undefined ? more : { ...more, path })
  }
}
