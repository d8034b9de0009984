// Does a file tell damage from a write that was cut short? Every byte of it is tried.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Sink } from './bytes.ts'
import {
  beginGroup,
  fileHeader,
  fileHeaderBytes,
  readFileHeader,
  readGroups,
  sealGroup,
} from './groups.ts'

const salt = 0xdeadbeef

/** A file of groups with these records. */
function fileOf(groups: readonly (readonly string[])[], behind = 0): Buffer {
  const sink = new Sink()
  const parts = [fileHeader('log', { number: 1, salt })]
  let number = 1
  for (const records of groups) {
    beginGroup(sink)
    for (const record of records) sink.text(record)
    sealGroup(sink, records.length, number, salt)
    number += records.length
    parts.push(Buffer.from(sink.bytes.subarray(0, sink.length)))
  }
  return Buffer.concat([...parts, Buffer.alloc(behind)])
}

const read = (bytes: Buffer) => readGroups(bytes, fileHeaderBytes, salt)
const three = [['a', 'bc'], ['d'], ['e', 'f', 'ghi']]

test('reads what was written, with or without zeros behind it', () => {
  for (const zeros of [0, 1, 1000]) {
    const { groups, ending } = read(fileOf(three, zeros))
    assert.deepEqual(
      groups.map(({ count, number }) => [count, number]),
      [
        [2, 1],
        [1, 3],
        [3, 4],
      ],
    )
    assert.equal(ending.kind, 'whole')
  }
})

test('cut at every byte, a file ends whole at a group or torn in one, and never damaged', () => {
  const whole = fileOf(three)
  const ends = read(whole).groups.map((group) => group.end)
  for (let length = fileHeaderBytes; length < whole.length; length += 1) {
    const { groups, ending } = read(whole.subarray(0, length))
    assert.equal(groups.length, ends.filter((end) => end <= length).length)
    const isBetween = length === fileHeaderBytes || ends.includes(length)
    assert.equal(ending.kind, isBetween ? 'whole' : 'torn', `cut at ${length}`)
  }
})

test('a turned bit is damage, or in the last group a torn write', () => {
  const whole = fileOf(three, 64)
  const ends = read(whole).groups.map((group) => group.end)
  for (let at = fileHeaderBytes; at < (ends.at(-1) ?? 0); at += 1) {
    for (const bit of [0, 7]) {
      const bytes = Buffer.from(whole)
      bytes[at]! ^= 1 << bit
      const { groups, ending } = read(bytes)
      const inGroup = ends.findIndex((end) => at < end)
      assert.equal(groups.length, inGroup)
      assert.equal(ending.kind, inGroup === 2 ? 'torn' : 'damaged', `byte ${at}`)
      assert.equal(ending.at, inGroup === 0 ? fileHeaderBytes : ends[inGroup - 1])
    }
  }
})

test('a group of another file, whole as it is, is not taken for one of this', () => {
  const whole = fileOf(three)
  const others = readGroups(whole, fileHeaderBytes, salt + 1)
  assert.equal(others.groups.length, 0)
  assert.equal(others.ending.kind, 'torn')
})

test('knows its own heads, and no other', () => {
  const head = fileHeader('log', { number: 77, salt })
  assert.deepEqual(readFileHeader(head, 'log'), { number: 77, salt })
  assert.equal(readFileHeader(head, 'snapshot'), undefined)
  for (let at = 0; at < head.length; at += 1) {
    assert.equal(readFileHeader(head.subarray(0, at), 'log'), undefined)
    const bytes = Buffer.from(head)
    bytes[at]! ^= 1
    assert.equal(readFileHeader(bytes, 'log'), undefined)
  }
})
