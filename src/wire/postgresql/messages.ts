// Where does a message of PostgreSQL begin, and what is it? Follows the stream without holding it.
// A message is a type, a length in four bytes that counts itself, and a body (PostgreSQL
// documentation, "Frontend/Backend Protocol", 55.2.1 and 55.7).

/** The letters of messages, by who sends them. */
export const fromClient = {
  bind: 0x42,
  close: 0x43,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  describe: 0x44,
  execute: 0x45,
  flush: 0x48,
  functionCall: 0x46,
  parse: 0x50,
  password: 0x70,
  query: 0x51,
  sync: 0x53,
  terminate: 0x58,
} as const

export const fromServer = {
  authentication: 0x52,
  backendKey: 0x4b,
  copyBoth: 0x57,
  copyIn: 0x47,
  error: 0x45,
  notice: 0x4e,
  parameter: 0x53,
  parseComplete: 0x31,
  ready: 0x5a,
} as const

/**
 * Hears of each wanted message: its body stands in `bytes` from `start` to `end`, as much of it as
 * was wanted; `whole` tells whether that is all. Returns true to stop right after it.
 */
export type Hearer = (
  type: number,
  bytes: Buffer,
  start: number,
  end: number,
  whole: boolean,
) => boolean

/** How much of a body is wanted, by type; none of those that are not named. */
export type Wanted = readonly (readonly [type: number, bytes: number])[]

const headerLength = 5

/** Follows one direction of a connection from the first typed message on. */
export class MessageScanner {
  readonly #hear: Hearer
  /** By type: -1 passes over it, otherwise how much of the body is collected at most. */
  readonly #wanted = new Int32Array(256).fill(-1)
  readonly #header = Buffer.alloc(headerLength)
  #headerHas = 0
  #type = 0
  /** Bytes of the body that are still to come. */
  #left = 0
  #parts: Buffer[] | undefined
  #room = 0
  #isWhole = true
  /** What came is no message: nothing is said of what follows. */
  isLost = false

  constructor(wanted: Wanted, hear: Hearer) {
    this.#hear = hear
    for (const [type, bytes] of wanted) this.#wanted[type] = bytes
  }

  /** Nothing of a message has come without the rest of it. */
  get isBetween(): boolean {
    return this.#left === 0 && this.#headerHas === 0 && this.#parts === undefined
  }

  /** Follows what came; returns where it stopped: `end`, unless the hearer asked for it. */
  push(bytes: Buffer, start: number, end: number): number {
    let at = start
    while (at < end && !this.isLost) {
      if (this.#left > 0) {
        at = this.#more(bytes, at, end)
        if (this.#left === 0 && this.#finish()) return at
        continue
      }
      if (this.#headerHas > 0 || end - at < headerLength) {
        at = this.#gather(bytes, at, end)
        if (this.#headerHas < headerLength) return at
        this.#headerHas = 0
        if (this.#begin(this.#header, 0) && this.#finish()) return at
        continue
      }
      const length = bytes.readInt32BE(at + 1)
      const next = at + 1 + length
      const wanted = this.#wanted[bytes[at] as number] as number
      if (length < 4) this.isLost = true
      else if (wanted < 0 && next <= end) at = next
      else if (next <= end && length - 4 <= wanted) {
        at = next
        const body = next - length + 4
        if (this.#hear(bytes[body - headerLength] as number, bytes, body, next, true)) return at
      } else {
        const isWhole = this.#begin(bytes, at)
        at += headerLength
        if (isWhole && this.#finish()) return at
      }
    }
    return end
  }

  /** A header that stands at `at`; true when the message has no body. */
  #begin(header: Buffer, at: number): boolean {
    const length = header.readInt32BE(at + 1)
    if (length < 4) {
      this.isLost = true
      return false
    }
    this.#type = header[at] as number
    this.#left = length - 4
    const wanted = this.#wanted[this.#type] as number
    this.#room = Math.max(0, wanted)
    this.#isWhole = this.#left <= wanted
    this.#parts = wanted < 0 ? undefined : []
    return this.#left === 0
  }

  #gather(bytes: Buffer, at: number, end: number): number {
    const take = Math.min(headerLength - this.#headerHas, end - at)
    bytes.copy(this.#header, this.#headerHas, at, at + take)
    this.#headerHas += take
    return at + take
  }

  #more(bytes: Buffer, at: number, end: number): number {
    const take = Math.min(this.#left, end - at)
    const kept = Math.min(take, this.#room)
    if (kept > 0) {
      this.#parts?.push(Buffer.from(bytes.subarray(at, at + kept)))
      this.#room -= kept
    }
    this.#left -= take
    return at + take
  }

  #finish(): boolean {
    const parts = this.#parts
    this.#parts = undefined
    if (parts === undefined) return false
    const body = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
    return this.#hear(this.#type, body, 0, body.length, this.#isWhole)
  }
}

/** A message of this type, ready to be sent. */
export function messageOf(type: number, body: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(headerLength + body.length)
  message[0] = type
  message.writeInt32BE(4 + body.length, 1)
  message.set(body, headerLength)
  return message
}

/** A text that ends with a zero byte, from `start`; `undefined` if it does not end by `end`. */
export function textAt(bytes: Buffer, start: number, end: number): string | undefined {
  const zero = bytes.indexOf(0, start)
  return zero < 0 || zero >= end ? undefined : bytes.toString('utf8', start, zero)
}
