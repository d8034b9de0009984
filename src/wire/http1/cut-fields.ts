// Which lines of a head are not sent on, beside those that belong to one connection? Those of these
// names: looked for only where a rule says so.

import { spells } from './tables.ts'

const CR = 0x0d
const LF = 0x0a
const colon = 0x3a

/** The cuts of a head: pairs of start and end, in rising order. */
export interface Cuts {
  readonly cuts: Int32Array
  cutCount: number
}

/**
 * Adds to the cuts of `head` its lines (whole ones that have been parsed, from `start` up to the
 * empty line that ends at `end`) whose name is one of `names`, which are words in lower case.
 */
export function cutFields(
  bytes: Buffer,
  start: number,
  end: number,
  names: readonly Uint8Array[],
  head: Cuts,
): void {
  for (let at = start; at < end && bytes[at] !== CR; ) {
    const next = bytes.indexOf(LF, at) + 1
    for (const name of names) {
      const mark = at + name.length
      if (bytes[mark] === colon && spells(bytes, at, mark, name)) {
        insert(head, at, next)
        break
      }
    }
    at = next
  }
}

function insert(head: Cuts, start: number, end: number): void {
  const { cuts, cutCount } = head
  if ((cutCount + 1) * 2 > cuts.length) return
  let place = 0
  while (place < cutCount && (cuts[place * 2] as number) < start) place += 1
  if (place < cutCount && cuts[place * 2] === start) return
  cuts.copyWithin(place * 2 + 2, place * 2, cutCount * 2)
  cuts[place * 2] = start
  cuts[place * 2 + 1] = end
  head.cutCount = cutCount + 1
}
