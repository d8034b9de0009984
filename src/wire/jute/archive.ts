// How does jute write a number, a string, a list? Reading and writing of the basic shapes over one
// buffer, big endian (BinaryInputArchive.java); records are built from these in `records.ts`.

import { Fault } from '../../foundation/fault.ts'

/** ASCII of up to this many bytes is copied by a loop: cheaper than a call out of JavaScript. */
const shortString = 48

/**
 * Reads basic shapes from a window of a buffer. Whatever would reach beyond the window throws a
 * Fault `corrupt` that names the place. Mutable and reusable: `open` sets the next window, so that
 * a connection needs one reader however many frames it takes.
 */
export class Reader {
  #bytes: Buffer
  #view: DataView
  #start = 0
  #at = 0
  #end = 0

  constructor(bytes: Buffer = Buffer.alloc(0), start = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.open(bytes, start, end)
  }

  /** Reads from `start` up to, but without, `end` of `bytes` from now on. */
  open(bytes: Buffer, start: number, end: number): this {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    }
    if (start < 0 || end < start || end > bytes.length) {
      throw new RangeError(`no window ${start}-${end} in ${bytes.length} bytes`)
    }
    this.#start = start
    this.#at = start
    this.#end = end
    return this
  }

  /** The bytes of the window that are not read yet. */
  get left(): number {
    return this.#end - this.#at
  }

  /** All the bytes that are not read yet, as a view like `bytes`. */
  rest(): Buffer {
    const at = this.#take(this.left)
    return this.#bytes.subarray(at, this.#end)
  }

  #take(count: number): number {
    const at = this.#at
    if (count > this.#end - at) {
      const here = at - this.#start
      throw corrupt(`cannot read ${count} bytes at ${here} of ${this.#end - this.#start}`)
    }
    this.#at = at + count
    return at
  }

  /** One byte; anything but 0 is true, as Java reads it. */
  bool(): boolean {
    return this.#view.getUint8(this.#take(1)) !== 0
  }

  int(): number {
    return this.#view.getInt32(this.#take(4))
  }

  /** All 64 bits: zxids, session ids. */
  long(): bigint {
    return this.#view.getBigInt64(this.#take(8))
  }

  /** A long that counts milliseconds; exact within ±2^53, which is 285,000 years. */
  time(): number {
    const at = this.#take(8)
    return this.#view.getInt32(at) * 0x1_0000_0000 + this.#view.getUint32(at + 4)
  }

  #length(what: string): number {
    const length = this.int()
    if (length < -1) throw corrupt(`a ${what} of ${length} bytes at ${this.#at - 4 - this.#start}`)
    return length
  }

  /**
   * Bytes, as a view of the buffer that is read: copy them to keep them beyond it. `null` where
   * the other side wrote a null, which ZooKeeper tells apart from no bytes.
   */
  bytes(): Buffer | null {
    const length = this.#length('buffer')
    if (length === -1) return null
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** Text in UTF-8; a null reads as empty, malformed bytes as U+FFFD, as Java reads them. */
  string(): string {
    const length = this.#length('string')
    if (length <= 0) return ''
    const at = this.#take(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  /**
   * A list of what `item` reads, each of at least `least` bytes; a null reads as empty. A count
   * that the window cannot hold is refused before anything is made for it.
   */
  list<T>(item: (from: Reader) => T, least: number): T[] {
    const count = this.int()
    if (count < -1 || count * least > this.left) {
      throw corrupt(`a list of ${count} in ${this.left} bytes at ${this.#at - 4 - this.#start}`)
    }
    const items: T[] = []
    for (let index = 0; index < count; index += 1) items.push(item(this))
    return items
  }
}

/**
 * Writes basic shapes into a buffer of its own that grows as needed. Frames are written with
 * `beginFrame` and `endFrame`; many may follow each other before `take` hands them over.
 */
export class Writer {
  #bytes: Buffer
  #view: DataView
  #at = 0

  constructor(capacity = 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** The bytes written and not taken. */
  get length(): number {
    return this.#at
  }

  #room(count: number): number {
    const at = this.#at
    const needed = at + count
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
      this.#bytes.copy(grown, 0, 0, at)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#at = needed
    return at
  }

  bool(value: boolean): void {
    const at = this.#room(1)
    this.#view.setUint8(at, value ? 1 : 0)
  }

  int(value: number): void {
    const at = this.#room(4)
    this.#view.setInt32(at, value)
  }

  long(value: bigint): void {
    const at = this.#room(8)
    this.#view.setBigInt64(at, value)
  }

  /** A long that counts milliseconds. */
  time(value: number): void {
    const at = this.#room(8)
    this.#view.setInt32(at, Math.floor(value / 0x1_0000_0000))
    this.#view.setUint32(at + 4, value >>> 0)
  }

  bytes(value: Uint8Array | null): void {
    this.int(value?.length ?? -1)
    if (value !== null) this.raw(value)
  }

  /** Bytes without their length in front: records that were written before. */
  raw(value: Uint8Array): void {
    const at = this.#room(value.length)
    this.#bytes.set(value, at)
  }

  string(value: string): void {
    const { length } = value
    if (length <= shortString) {
      const at = this.#room(4 + length)
      if (asciiInto(this.#bytes, at + 4, value)) {
        this.#view.setInt32(at, length)
        return
      }
      this.#at = at
    }
    const bytes = Buffer.byteLength(value)
    this.int(bytes)
    const at = this.#room(bytes)
    this.#bytes.write(value, at, bytes, 'utf8')
  }

  list<T>(items: readonly T[], item: (to: Writer, value: T) => void): void {
    this.int(items.length)
    for (const value of items) item(this, value)
  }

  /** Leaves room for a frame's length; hand what it returns to `endFrame`. */
  beginFrame(): number {
    return this.#room(4)
  }

  /** Writes the length of the frame that began at `start`; returns that length. */
  endFrame(start: number): number {
    const length = this.#at - start - 4
    this.#view.setInt32(start, length)
    return length
  }

  /** Forgets everything written since the length was `length`. */
  rewind(length: number): void {
    if (length < this.#at) this.#at = length
  }

  /** Hands over a copy of what was written, and begins anew. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at))
    this.#at = 0
    return taken
  }

  /**
   * Hands over what was written without copying it, and begins anew in another buffer, so that the
   * bytes stay as they are while a socket sends them.
   */
  hand(): Buffer {
    const handed = this.#bytes.subarray(0, this.#at)
    this.#bytes = Buffer.allocUnsafeSlow(this.#bytes.length)
    this.#view = new DataView(this.#bytes.buffer)
    this.#at = 0
    return handed
  }
}

function asciiInto(bytes: Buffer, at: number, value: string): boolean {
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index)
    if (code > 0x7f) return false
    bytes[at + index] = code
  }
  return true
}

/** The one error that decoding throws. */
export const corrupt = (what: string): Fault => new Fault('corrupt', what)
