// Bytes as text and back without loss: each byte is one character, 0 to 255.

interface Sliceable {
  latin1Slice(start: number, end: number): string
}

/** The bytes from `start` to `end` (`toString('latin1')` without its choice of an encoding). */
export const latin1 = (bytes: Buffer, start: number, end: number): string =>
  (bytes as unknown as Sliceable).latin1Slice(start, end)
