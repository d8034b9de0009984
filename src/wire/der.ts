// Values → bytes of DER (ITU-T X.690), as far as certificates need them. Pure.

/** The class bits of a tag that stands for its position in a structure. */
const contextClass = 0x80
const constructed = 0x20

/** A value with its tag and length (X.690, 8.1). */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, { byteLength }) => sum + byteLength, 0)
  return Buffer.concat([Buffer.from([tag, ...lengthOf(length)]), ...contents])
}

function lengthOf(length: number): readonly number[] {
  if (length < 0x80) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return [0x80 | bytes.length, ...bytes]
}

/** Values in their order. */
export const sequence = (...items: readonly Uint8Array[]): Buffer => der(0x30, ...items)

/** One name of a distinguished name is a set of one. */
export const set = (...items: readonly Uint8Array[]): Buffer => der(0x31, ...items)

/** A number that is not negative, from its bytes: the first bit is never set (X.690, 8.3). */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1
  const rest = bytes.subarray(start)
  return (rest[0] ?? 0) >= 0x80 ? der(2, Buffer.from([0]), rest) : der(2, rest)
}

export const boolean = (value: boolean): Buffer => der(1, Buffer.from([value ? 0xff : 0]))

export const octets = (bytes: Uint8Array): Buffer => der(4, bytes)

/** Bits, of which the last `unused` do not count. */
export const bits = (bytes: Uint8Array, unused = 0): Buffer => der(3, Buffer.from([unused]), bytes)

export const text = (value: string): Buffer => der(0x0c, Buffer.from(value))

/** An object identifier as people write it: `2.5.4.3` (X.690, 8.19). */
export function identifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const arcs = [first * 40 + second, ...rest].flatMap((arc) => {
    const bytes = [arc & 0x7f]
    for (let more = Math.floor(arc / 128); more > 0; more = Math.floor(more / 128)) {
      bytes.unshift((more & 0x7f) | 0x80)
    }
    return bytes
  })
  return der(6, Buffer.from(arcs))
}

/** A moment, to the second: with two digits of the year until 2049 (RFC 5280, 4.1.2.5). */
export function time(at: Date): Buffer {
  const digits = `${at.toISOString().slice(0, 19).replaceAll(/[-T:]/g, '')}Z`
  return at.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(digits.slice(2)))
    : der(0x18, Buffer.from(digits))
}

/** A value known by its place: in front of its own tag. */
export const explicit = (place: number, content: Uint8Array): Buffer =>
  der(contextClass | constructed | place, content)

/** A value known by its place: instead of its own tag. */
export const implicit = (place: number, content: Uint8Array): Buffer =>
  der(contextClass | place, content)
