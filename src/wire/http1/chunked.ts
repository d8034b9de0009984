// Where does this chunked body end, and is each of its chunks well formed? (RFC 9112 7.1)

import { isTrailerSection } from './fields.ts'
import { chunkLimits } from './limits.ts'
import { fieldValue, hexDigit, token } from './tables.ts'

const CR = 0x0d
const LF = 0x0a
const colon = 0x3a

/** Where the scanner stands between two bytes. */
const atSize = 0
const inSize = 1
const inExtension = 2
const atSizeLf = 3
const inData = 4
const atDataCr = 5
const atDataLf = 6
const atTrailer = 7
const inTrailerName = 8
const inTrailer = 9
const atTrailerLf = 10
const atEndLf = 11
const atDone = 12
const atBad = 13

/**
 * Follows one chunked body through however many pieces it arrives in. It holds no data: only where
 * it stands, and the trailer section, which is judged when it is whole.
 */
export class ChunkScanner {
  #state = atSize
  #left = 0
  #digits = 0
  #extensions = 0
  #trailers = ''
  /** Of the last `scan` with `stopAtData`: the data it stopped after; equal when there is none. */
  dataStart = 0
  dataEnd = 0

  /** Begins another body. */
  reset(): void {
    this.#state = atSize
    this.#left = 0
    this.#extensions = 0
    this.#trailers = ''
  }

  /** The lines of the trailer section, each with its CRLF. */
  get trailers(): string {
    return this.#trailers
  }

  get done(): boolean {
    return this.#state === atDone
  }

  /** The body cannot be believed: it must not be passed on any further. */
  get bad(): boolean {
    return this.#state === atBad
  }

  /**
   * Reads on from `from`, at most to `to`; returns where it stopped: after the body, at the byte
   * that is bad, or at `to`. With `stopAtData` it also stops after each piece of data.
   */
  scan(bytes: Uint8Array, from: number, to: number, stopAtData = false): number {
    let at = from
    this.dataStart = from
    this.dataEnd = from
    while (at < to && this.#state < atDone) {
      if (this.#state !== inData) {
        if (this.#step(bytes[at] as number)) at += 1
        continue
      }
      const taken = Math.min(this.#left, to - at)
      this.#left -= taken
      if (this.#left === 0) this.#state = atDataCr
      if (stopAtData) {
        this.dataStart = at
        this.dataEnd = at + taken
        return at + taken
      }
      at += taken
    }
    return at
  }

  /** Takes one byte that is not data; false leaves it unread. */
  #step(byte: number): boolean {
    switch (this.#state) {
      case atSize:
        this.#digits = 0
        this.#left = 0
        this.#state = inSize
        return this.#size(byte)
      case inSize:
        return this.#size(byte)
      case inExtension:
        if (byte === CR) return this.#go(atSizeLf)
        this.#extensions += 1
        return this.#go(
          inExtension,
          fieldValue[byte] === 1 && this.#extensions <= chunkLimits.extensions,
        )
      case atSizeLf:
        return this.#go(this.#left === 0 ? atTrailer : inData, byte === LF)
      case atDataCr:
        return this.#go(atDataLf, byte === CR)
      case atDataLf:
        return this.#go(atSize, byte === LF)
      case atTrailer:
        if (byte === CR) return this.#go(atEndLf)
        return this.#trailer(byte, inTrailerName, token[byte] === 1)
      case inTrailerName:
        // A line that is no field is bad at its first odd byte: what came before it may be on its
        // way already, and must not look like the beginning of another request.
        if (byte === colon) return this.#trailer(byte, inTrailer)
        return this.#trailer(byte, inTrailerName, token[byte] === 1)
      case inTrailer:
        if (byte === CR) return this.#go(atTrailerLf)
        return this.#trailer(byte, inTrailer, fieldValue[byte] === 1)
      case atTrailerLf:
        this.#trailers += '\r\n'
        return this.#go(atTrailer, byte === LF)
      default:
        return this.#go(atDone, byte === LF && this.#trailersHold())
    }
  }

  #go(state: number, holds = true): boolean {
    this.#state = holds ? state : atBad
    return holds
  }

  #size(byte: number): boolean {
    const digit = hexDigit[byte] as number
    if (digit !== 255) {
      this.#digits += 1
      this.#left = this.#left * 16 + digit
      // Twelve digits are 256 TiB; leading zeros without end are an attack on the counter.
      return this.#go(inSize, this.#digits <= 12)
    }
    if (this.#digits === 0) return this.#go(atBad, false)
    if (byte === CR) return this.#go(atSizeLf)
    return this.#go(inExtension, byte === 0x3b)
  }

  #trailer(byte: number, state: number, holds = true): boolean {
    this.#trailers += String.fromCharCode(byte)
    return this.#go(state, holds && this.#trailers.length <= chunkLimits.trailers)
  }

  #trailersHold(): boolean {
    if (this.#trailers === '') return true
    const section = Buffer.from(this.#trailers, 'latin1')
    return isTrailerSection(section, 0, section.length)
  }
}
