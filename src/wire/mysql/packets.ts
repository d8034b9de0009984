// Where does a packet of MySQL or MariaDB begin, and how does it begin? Follows the stream without
// holding it. A packet is a length in three bytes, a sequence number, and a payload; one of 2²⁴-1
// bytes goes on in the next (MySQL Internals, "MySQL Packets"; the same in MariaDB).

const headerLength = 4
const fullPacket = 0xffffff

/**
 * Hears of each packet when it is over: its number, its length, and the beginning of its payload
 * from `start` to `end`. Returns true to stop right after it.
 */
export type PacketHearer = (
  sequence: number,
  length: number,
  bytes: Buffer,
  start: number,
  end: number,
) => boolean

/** Follows one direction of a connection. */
export class PacketScanner {
  readonly #hear: PacketHearer
  /** So much of a payload is kept. */
  readonly #most: number
  readonly #header = Buffer.alloc(headerLength)
  #headerHas = 0
  #length = 0
  #left = 0
  #parts: Buffer[] | undefined
  #has = 0
  /** The packet that comes is the rest of the one before. */
  #continues = false

  constructor(most: number, hear: PacketHearer) {
    this.#most = most
    this.#hear = hear
  }

  get isBetween(): boolean {
    return this.#headerHas === 0 && this.#parts === undefined && !this.#continues
  }

  /** Follows what came; returns where it stopped: `end`, unless the hearer asked for it. */
  push(bytes: Buffer, start: number, end: number): number {
    let at = start
    while (at < end) {
      if (this.#parts !== undefined) {
        at = this.#more(bytes, at, end)
      } else if (this.#headerHas > 0 || end - at < headerLength) {
        at = this.#gather(bytes, at, end)
        if (this.#headerHas < headerLength) return at
        this.#begin(this.#header.readUIntLE(0, 3))
      } else {
        const length = bytes.readUIntLE(at, 3)
        const body = at + headerLength
        if (length <= this.#most && body + length <= end && !this.#continues) {
          at = body + length
          if (this.#hear(bytes[body - 1] as number, length, bytes, body, at)) return at
          continue
        }
        bytes.copy(this.#header, 0, at, body)
        this.#begin(length)
        at = body
      }
      if (this.#parts !== undefined && this.#left === 0 && this.#finish()) return at
    }
    return end
  }

  #gather(bytes: Buffer, at: number, end: number): number {
    const take = Math.min(headerLength - this.#headerHas, end - at)
    bytes.copy(this.#header, this.#headerHas, at, at + take)
    this.#headerHas += take
    return at + take
  }

  #begin(length: number): void {
    this.#headerHas = 0
    this.#length = length
    this.#left = length
    this.#has = 0
    this.#parts = []
  }

  #more(bytes: Buffer, at: number, end: number): number {
    const take = Math.min(this.#left, end - at)
    const kept = Math.min(take, this.#most - this.#has)
    if (kept > 0) this.#parts?.push(Buffer.from(bytes.subarray(at, at + kept)))
    this.#has += Math.max(0, kept)
    this.#left -= take
    return at + take
  }

  #finish(): boolean {
    const body = Buffer.concat(this.#parts ?? [])
    const isRest = this.#continues
    this.#parts = undefined
    this.#continues = this.#length === fullPacket
    if (isRest) return false
    return this.#hear(this.#header[3] as number, this.#length, body, 0, body.length)
  }
}

/** Changes the numbers of the packets of a stream, where they stand. */
export class Renumbering {
  readonly #by: number
  #headerHas = 0
  #left = 0

  constructor(by: number) {
    this.#by = by
  }

  /** To be called with every stretch of the stream, in order. */
  apply(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) {
      if (this.#headerHas === headerLength) {
        const skipped = Math.min(this.#left, end - at)
        at += skipped
        this.#left -= skipped
        if (this.#left === 0) this.#headerHas = 0
        continue
      }
      const byte = bytes[at] as number
      if (this.#headerHas < 3) this.#left += byte << (8 * this.#headerHas)
      else bytes[at] = (byte + this.#by) & 0xff
      this.#headerHas += 1
      at += 1
      if (this.#headerHas === headerLength && this.#left === 0) this.#headerHas = 0
    }
  }
}

/** A packet with this number. */
export function packetOf(sequence: number, payload: Uint8Array): Buffer {
  const packet = Buffer.allocUnsafe(headerLength + payload.length)
  packet.writeUIntLE(payload.length, 0, 3)
  packet[3] = sequence
  packet.set(payload, headerLength)
  return packet
}

/** Where a number of one to nine bytes ends that begins at `at` ("length-encoded integer"). */
export function afterNumber(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0
  return at + (first < 0xfb ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : 9)
}

/** Its value; `undefined` where it does not fit or is cut. */
export function numberAt(bytes: Buffer, at: number, end: number): number | undefined {
  if (at >= end || afterNumber(bytes, at) > end) return undefined
  const first = bytes[at] as number
  if (first < 0xfb) return first
  if (first === 0xfc) return bytes.readUInt16LE(at + 1)
  if (first === 0xfd) return bytes.readUIntLE(at + 1, 3)
  return first === 0xfe ? Number(bytes.readBigUInt64LE(at + 1)) : undefined
}

/** An ERR packet: a number, five characters of SQLSTATE and a text. */
export const errorPacket = (sequence: number, code: number, state: string, text: string): Buffer =>
  packetOf(
    sequence,
    Buffer.concat([Buffer.from([0xff, code & 255, code >> 8]), Buffer.from(`#${state}${text}`)]),
  )

/** The number of an ERR packet's payload. */
export const errorCode = (payload: Buffer): number =>
  payload.length < 3 ? 0 : payload.readUInt16LE(1)
