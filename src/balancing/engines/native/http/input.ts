// What has come from a client and is not consumed yet, and how much of it belongs to this request?

import { ChunkScanner } from '../../../../wire/http1/chunked.ts'
import { requestLimits } from '../../../../wire/http1/limits.ts'
import type { RequestHead } from '../../../../wire/http1/request-line.ts'

/** Bytes from `at` to `end`: in memory that is valid for one call only, until `own` has copied. */
export class RequestInput {
  bytes: Buffer | undefined
  at = 0
  end = 0
  /** The current request has been read to its end. */
  done = true
  /** The current body may be so long; beyond it `scanBody` refuses it and it is `tooLarge`. */
  bodyMost = Infinity
  tooLarge = false
  #taken = 0
  #left = 0
  #chunked = false
  #scanner: ChunkScanner | undefined

  get size(): number {
    return this.end - this.at
  }

  /**
   * Adds what has come. False when it cannot complete a head that was incomplete without it: so
   * bytes that come one by one are not read anew each time.
   */
  take(bytes: Buffer, end: number): boolean {
    if (this.bytes === undefined) {
      this.bytes = bytes
      this.at = 0
      this.end = end
      return true
    }
    const more = bytes.subarray(0, end)
    this.bytes = Buffer.concat([this.bytes.subarray(this.at, this.end), more])
    this.at = 0
    this.end = this.bytes.length
    return this.end >= requestLimits.head || more.includes(0x0a)
  }

  /** Copies what is left, if it still lies in `lent`; frees what is consumed. */
  own(lent: Buffer): void {
    if (this.at >= this.end) this.bytes = undefined
    else if (this.bytes === lent) {
      this.bytes = Buffer.from(lent.subarray(this.at, this.end))
      this.at = 0
      this.end = this.bytes.length
    }
  }

  drop(): void {
    this.bytes = undefined
    this.at = 0
    this.end = 0
  }

  /** A request begins whose head has been consumed. */
  begin(head: RequestHead): void {
    this.#chunked = head.chunked
    this.bodyMost = Infinity
    this.tooLarge = false
    this.#taken = 0
    this.#left = head.contentLength > 0 ? head.contentLength : 0
    this.done = !head.chunked && this.#left === 0
    if (!head.chunked) return
    this.#scanner ??= new ChunkScanner()
    this.#scanner.reset()
  }

  /** Moves `at` over what belongs to the body, and returns it; -1: malformed, or too large. */
  scanBody(bytes: Buffer): number {
    const scanner = this.#scanner
    if (this.#chunked && scanner !== undefined) {
      const from = this.at
      this.at = scanner.scan(bytes, from, this.end)
      this.#taken += this.at - from
      this.tooLarge = this.#taken > this.bodyMost
      if (scanner.bad || this.tooLarge) return -1
      this.done = scanner.done
    } else {
      const taken = Math.min(this.#left, this.size)
      this.at += taken
      this.#left -= taken
      this.done = this.#left === 0
    }
    return this.at
  }
}
