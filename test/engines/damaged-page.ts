// Changes what lies on the disk of a PostgreSQL that has ended: as damage would, noticed by the
// page's own sum or not.

import assert from 'node:assert/strict'
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'

const pageBytes = 8192
/** Bytes before the line pointers of a page, and of each (bufpage.h, itemid.h). */
const [headBytes, pointerBytes] = [24, 4]

/** A page's own sum (checksum_impl.h): what is changed with it, the server cannot notice. */
function pageSum(page: Buffer, block: number): number {
  const offsets = [
    ...[0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2],
    ...[0x83e13d2c, 0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c],
    ...[0xf718902a, 0x0b1c9cdb, 0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979],
    ...[0xcca6c0b2, 0x304a0979, 0x85aa43d4, 0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e],
    ...[0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756],
  ]
  const sums = Uint32Array.from(offsets)
  const mix = (at: number, value: number): void => {
    const mixed = ((sums[at] as number) ^ value) >>> 0
    sums[at] = (Math.imul(mixed, 16_777_619) ^ (mixed >>> 17)) >>> 0
  }
  const copy = Buffer.from(page)
  copy.writeUInt16LE(0, 8)
  for (let row = 0; row < pageBytes / 128; row += 1) {
    for (let at = 0; at < 32; at += 1) mix(at, copy.readUInt32LE(row * 128 + at * 4))
  }
  for (let round = 0; round < 2; round += 1) for (let at = 0; at < 32; at += 1) mix(at, 0)
  const all = sums.reduce((sum, each) => (sum ^ each) >>> 0, 0)
  return (((all ^ block) >>> 0) % 65_535) + 1
}

/** The line pointer of the row whose bytes lie at `at`: its place in the page. */
function pointerOf(page: Buffer, at: number): number {
  const end = page.readUInt16LE(12)
  for (let place = headBytes; place < end; place += pointerBytes) {
    const pointer = page.readUInt32LE(place)
    const [from, length] = [pointer & 0x7fff, pointer >>> 17]
    if (at >= from && at < from + length) return place
  }
  throw new Error('the text is in no row of its page')
}

/**
 * In the first page that has `text`, changes a letter of it, or makes its row as if it had never
 * been. With `isSummed` the page has its right sum afterwards, and its server cannot notice.
 */
export function alterRow(
  path: string,
  text: string,
  what: 'a letter' | 'the row',
  isSummed: boolean,
): void {
  const file = openSync(path, 'r+')
  try {
    for (let block = 0; ; block += 1) {
      const page = Buffer.alloc(pageBytes)
      const read = readSync(file, page, 0, pageBytes, block * pageBytes)
      assert.equal(read, pageBytes, `${text} is in no page`)
      const at = page.indexOf(text)
      if (at === -1) continue
      if (what === 'a letter') page.writeUInt8(page.readUInt8(at) ^ 1, at)
      else page.writeUInt32LE(0, pointerOf(page, at))
      if (isSummed) page.writeUInt16LE(pageSum(page, block), 8)
      writeSync(file, page, 0, pageBytes, block * pageBytes)
      fsyncSync(file)
      return
    }
  } finally {
    closeSync(file)
  }
}
