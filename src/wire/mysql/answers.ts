// When is a command of MySQL or MariaDB answered? Follows the packets of an answer to its end.
// (MySQL Internals, "Text Protocol" and "Prepared Statements"; MariaDB, "Server Response Packets".)

import { afterNumber, numberAt } from './packets.ts'

/** Commands by their numbers. */
export const commands = {
  quit: 0x01,
  useDatabase: 0x02,
  query: 0x03,
  fieldList: 0x04,
  statistics: 0x09,
  ping: 0x0e,
  prepare: 0x16,
  execute: 0x17,
  sendLongData: 0x18,
  closeStatement: 0x19,
  setOption: 0x1b,
  fetch: 0x1c,
  reset: 0x1f,
} as const

/** Answered by one packet: OK, EOF or ERR. */
const simple: readonly number[] = [0x02, 0x05, 0x06, 0x07, 0x08, 0x0c, 0x0d, 0x0e, 0x1a, 0x1b, 0x1f]
const silent: readonly number[] = [commands.quit, commands.sendLongData, commands.closeStatement]

export const statusFlags = { inTransaction: 0x0001, moreResults: 0x0008, cursor: 0x0040 } as const

/** What comes next of an answer. */
type Expected =
  | { readonly kind: 'one' }
  | { readonly kind: 'head' }
  | { readonly kind: 'prepared' }
  | { readonly kind: 'skip'; left: number; readonly next: 'rows' | 'end' }
  | { readonly kind: 'rows' }

/** What a command is answered with at first; `undefined` for one whose answer is not followed. */
export function expectedFor(command: number): Expected | 'nothing' | undefined {
  if (silent.includes(command)) return 'nothing'
  if (simple.includes(command) || command === commands.statistics) return { kind: 'one' }
  if (command === commands.query || command === commands.execute) return { kind: 'head' }
  if (command === commands.prepare) return { kind: 'prepared' }
  if (command === commands.fieldList || command === commands.fetch) return { kind: 'rows' }
  return undefined
}

/** What one packet of an answer came to. */
export type AnswerStep = 'goes-on' | 'done' | 'failed' | 'wants-file'

/** One answer, packet by packet; `status` are the flags of the last one that had any. */
export class AnswerFollower {
  /** Whether results end with OK instead of EOF (CLIENT_DEPRECATE_EOF). */
  deprecatesEof = false
  status = 0
  #expected: Expected = { kind: 'one' }

  begin(expected: Expected): void {
    this.#expected = expected
  }

  /** A packet of it: its length, and the beginning of its payload. */
  take(length: number, bytes: Buffer, start: number, end: number): AnswerStep {
    const first = bytes[start] ?? 0
    const expected = this.#expected
    switch (expected.kind) {
      case 'one':
        if (first === 0xff) return 'failed'
        this.#readStatus(first, length, bytes, start, end)
        return 'done'
      case 'head':
        return this.#head(first, length, bytes, start, end)
      case 'prepared':
        return this.#prepared(first, bytes, start, end)
      case 'skip':
        return this.#skip(expected, first, length, bytes, start, end)
      case 'rows':
        return this.#row(first, length, bytes, start, end)
    }
  }

  #head(first: number, length: number, bytes: Buffer, start: number, end: number): AnswerStep {
    if (first === 0xff) return 'failed'
    if (first === 0xfb) return 'wants-file'
    if (first === 0) {
      this.#readStatus(first, length, bytes, start, end)
      return this.#orMore()
    }
    const columns = numberAt(bytes, start, end) ?? 0
    const left = columns + (this.deprecatesEof ? 0 : 1)
    this.#expected = { kind: 'skip', left, next: 'rows' }
    return 'goes-on'
  }

  #prepared(first: number, bytes: Buffer, start: number, end: number): AnswerStep {
    // One that is cut off is no answer, either.
    if (first === 0xff || end - start < 9) return 'failed'
    const counts = [bytes.readUInt16LE(start + 5), bytes.readUInt16LE(start + 7)]
    const ends = this.deprecatesEof ? 0 : 1
    const left = counts.reduce((sum, count) => sum + (count === 0 ? 0 : count + ends), 0)
    if (left === 0) return 'done'
    this.#expected = { kind: 'skip', left, next: 'end' }
    return 'goes-on'
  }

  #skip(
    expected: Expected & { kind: 'skip' },
    first: number,
    length: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): AnswerStep {
    if (first === 0xff) return 'failed'
    expected.left -= 1
    if (expected.left > 0) return 'goes-on'
    if (expected.next === 'end') return 'done'
    // With a cursor the rows are asked for later.
    if (!this.deprecatesEof) this.#readStatus(first, length, bytes, start, end)
    if (!this.deprecatesEof && (this.status & statusFlags.cursor) !== 0) return 'done'
    this.#expected = { kind: 'rows' }
    return 'goes-on'
  }

  #row(first: number, length: number, bytes: Buffer, start: number, end: number): AnswerStep {
    if (first === 0xff) return 'failed'
    const isEnd = first === 0xfe && length < (this.deprecatesEof ? 0xffffff : 9)
    if (!isEnd) return 'goes-on'
    this.#readStatus(first, length, bytes, start, end)
    return this.#orMore()
  }

  #orMore(): AnswerStep {
    if ((this.status & statusFlags.moreResults) === 0) return 'done'
    this.#expected = { kind: 'head' }
    return 'goes-on'
  }

  /** OK: two numbers, then the flags; EOF: warnings, then the flags. */
  #readStatus(first: number, length: number, bytes: Buffer, start: number, end: number): void {
    const isEof = first === 0xfe && length < 9 && !this.deprecatesEof
    const at = isEof ? start + 3 : afterNumber(bytes, afterNumber(bytes, start + 1))
    if ((first === 0 || first === 0xfe) && at + 2 <= end) this.status = bytes.readUInt16LE(at)
  }
}
