// The checksum of PostgreSQL's control file, log records and backup manifests: CRC-32C.

/** Eight tables, so that eight bytes are taken at a time. */
const tables: readonly Uint32Array[] = (() => {
  const made = Array.from({ length: 8 }, () => new Uint32Array(256))
  const [first = new Uint32Array(256), ...others] = made
  for (let byte = 0; byte < 256; byte += 1) {
    let value = byte
    // Castagnoli's polynomial, reflected.
    for (let bit = 0; bit < 8; bit += 1)
      value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
    first[byte] = value >>> 0
  }
  let last = first
  for (const table of others) {
    for (let byte = 0; byte < 256; byte += 1) {
      const value = last[byte] as number
      table[byte] = ((value >>> 8) ^ (first[value & 255] as number)) >>> 0
    }
    last = table
  }
  return made
})()

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
]

/** Goes on with a sum; begin with `0xffffffff`, and end with `finishCrc`. */
export function addCrc(sum: number, bytes: Uint8Array): number {
  let crc = sum >>> 0
  const whole = bytes.length - (bytes.length % 8)
  let at = 0
  for (; at < whole; at += 8) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24))
    crc =
      (t7[low & 255] as number) ^
      (t6[(low >>> 8) & 255] as number) ^
      (t5[(low >>> 16) & 255] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[bytes[at + 4] as number] as number) ^
      (t2[bytes[at + 5] as number] as number) ^
      (t1[bytes[at + 6] as number] as number) ^
      (t0[bytes[at + 7] as number] as number)
  }
  for (; at < bytes.length; at += 1) {
    crc = (crc >>> 8) ^ (t0[(crc ^ (bytes[at] as number)) & 255] as number)
  }
  return crc >>> 0
}

export const beginCrc = 0xffffffff

export const finishCrc = (sum: number): number => (sum ^ 0xffffffff) >>> 0

/** The sum of all of it. */
export const crc32c = (...parts: readonly Uint8Array[]): number =>
  finishCrc(parts.reduce(addCrc, beginCrc))
