// What is the value of this field? Looked for only where a rule asks: most requests never are.

import { latin1 } from '../latin1.ts'
import { trimmedEnd } from './fields.ts'
import { spells } from './tables.ts'

const CR = 0x0d
const LF = 0x0a
const colon = 0x3a

/**
 * The value of the first field called `name` (`word`, lower case) among whole lines that have been
 * parsed, from `start` up to the empty line that ends at `end`; `undefined` if there is none.
 */
export function findField(
  bytes: Buffer,
  start: number,
  end: number,
  name: Uint8Array,
): string | undefined {
  for (let at = start; at < end && bytes[at] !== CR; ) {
    const next = bytes.indexOf(LF, at) + 1
    const mark = at + name.length
    if (bytes[mark] === colon && spells(bytes, at, mark, name)) {
      let from = mark + 1
      while (bytes[from] === 0x20 || bytes[from] === 0x09) from += 1
      return latin1(bytes, from, trimmedEnd(bytes, from, next - 2))
    }
    at = next
  }
  return undefined
}
