// How do numbers stand in bytes, without making an object for it? Big endian, as jute and the log
// write them; 64-bit values as numbers, exact up to 2^53.

const high = 0x1_0000_0000

/** The signed 32-bit number at `at`. The caller has checked the bounds. */
export const getInt = (from: Buffer, at: number): number =>
  ((from[at] as number) << 24) |
  ((from[at + 1] as number) << 16) |
  ((from[at + 2] as number) << 8) |
  (from[at + 3] as number)

/** The signed 64-bit number at `at`, rounded if it is beyond 2^53. */
export const getLong = (from: Buffer, at: number): number =>
  getInt(from, at) * high + (getInt(from, at + 4) >>> 0)

/** Writes a signed 32-bit number. */
export function putInt(to: Buffer, at: number, value: number): void {
  to[at] = value >>> 24
  to[at + 1] = value >>> 16
  to[at + 2] = value >>> 8
  to[at + 3] = value
}

/** Writes a 64-bit number of at most 2^53 either way. */
export function putLong(to: Buffer, at: number, value: number): void {
  putInt(to, at, Math.floor(value / high))
  putInt(to, at + 4, value >>> 0)
}

/** Copies shorter than this are cheaper by a loop than by a call out of JavaScript. */
const shortCopy = 128

/** Copies `from[start, end)` to `to` at `at`; returns where it ended. */
export function copyBytes(
  from: Buffer,
  start: number,
  end: number,
  to: Buffer,
  at: number,
): number {
  const length = end - start
  if (length > shortCopy) to.set(from.subarray(start, end), at)
  else
    for (let index = 0; index < length; index += 1) to[at + index] = from[start + index] as number
  return at + length
}

/** Whether `a[start, end)` and all of `b` are the same bytes. */
export function sameBytes(a: Buffer, start: number, end: number, b: Buffer): boolean {
  const length = end - start
  if (length !== b.length) return false
  for (let index = 0; index < length; index += 1) if (a[start + index] !== b[index]) return false
  return true
}

/** FNV-1a over `from[start, end)`, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/). */
export function hashBytes(from: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5
  for (let at = start; at < end; at += 1) {
    hash = Math.imul(hash ^ (from[at] as number), 0x01000193)
  }
  return hash >>> 0
}

/** Bytes as text; malformed UTF-8 reads as U+FFFD, as Java reads it. */
export const textOf = (from: Buffer, start = 0, end: number = from.length): string =>
  from.toString('utf8', start, end)

/** Text as bytes of UTF-8. */
export const bytesOf = (text: string): Buffer => Buffer.from(text)

/**
 * Bytes that grow as they are written. Used again and again: `clear` keeps the room. The bytes are
 * public so that whoever reads them copies nothing.
 */
export class Sink {
  bytes: Buffer
  length = 0

  constructor(capacity = 1024) {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
  }

  /** Makes room for `count` more bytes and returns where they go; `length` moves behind them. */
  room(count: number): number {
    const at = this.length
    const needed = at + count
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
      grown.set(this.bytes.subarray(0, at))
      this.bytes = grown
    }
    this.length = needed
    return at
  }

  byte(value: number): void {
    const at = this.room(1)
    this.bytes[at] = value
  }

  int(value: number): void {
    const at = this.room(4)
    putInt(this.bytes, at, value)
  }

  long(value: number): void {
    const at = this.room(8)
    putLong(this.bytes, at, value)
  }

  /** Bytes without a length in front. */
  raw(from: Buffer, start = 0, end: number = from.length): void {
    const at = this.room(end - start)
    copyBytes(from, start, end, this.bytes, at)
  }

  /** A length, then so many bytes; `start` below 0 writes jute's null. */
  buffer(from: Buffer, start = 0, end: number = from.length): void {
    this.int(start < 0 ? -1 : end - start)
    if (start >= 0) this.raw(from, start, end)
  }

  text(value: string): void {
    this.buffer(bytesOf(value))
  }

  clear(): void {
    this.length = 0
  }
}

/**
 * Reads fields one after the other without making objects. Reading beyond the end sets `bad` and
 * gives zeros: check it once, when all is read. `start` and `end` bound the buffer read last;
 * `start` is -1 for jute's null.
 */
export class Cursor {
  bytes: Buffer = Buffer.alloc(0)
  at = 0
  limit = 0
  bad = false
  start = -1
  end = -1

  over(bytes: Buffer, from = 0, to: number = bytes.length): this {
    this.bytes = bytes
    this.at = from
    this.limit = to
    this.bad = false
    return this
  }

  byte(): number {
    if (this.at + 1 > this.limit) return this.fail()
    const value = this.bytes[this.at] as number
    this.at += 1
    return value
  }

  int(): number {
    const { at } = this
    if (at + 4 > this.limit) return this.fail()
    this.at = at + 4
    return getInt(this.bytes, at)
  }

  long(): number {
    const { at } = this
    if (at + 8 > this.limit) return this.fail()
    this.at = at + 8
    return getLong(this.bytes, at)
  }

  /** Moves over a buffer or a string and leaves its bounds in `start` and `end`. */
  buffer(): void {
    const length = this.int()
    if (length === -1) {
      this.start = -1
      this.end = -1
      return
    }
    this.start = this.at
    if (length < 0 || length > this.limit - this.at) {
      this.end = this.at
      this.fail()
      return
    }
    this.at += length
    this.end = this.at
  }

  /** The text of the next string; `null` where the other side wrote a null. */
  text(): string | null {
    this.buffer()
    return this.start < 0 ? null : textOf(this.bytes, this.start, this.end)
  }

  fail(): 0 {
    this.bad = true
    this.at = this.limit
    return 0
  }
}
