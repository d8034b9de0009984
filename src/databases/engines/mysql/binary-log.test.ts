// Transactions are found in a log of MySQL whole, and none that could not be told from others.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../../../foundation/fault.ts'
import { magic } from '../mysql-kin/log-pieces.ts'
import { readGroups, types } from './binary-log.ts'

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562'

/** Time, type, server, length, end of log, flags; then the body. */
function event(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(19)
  header.writeUInt8(type, 4)
  header.writeUInt32LE(19 + body.length, 9)
  return Buffer.concat([header, body])
}

/** A GTID event, and what it says is the length of its transaction. */
function gtidEvent(number: number, second: number, rest: number, original = false): Buffer {
  const body = Buffer.alloc(49)
  body.write(uuid.replaceAll('-', ''), 1, 'hex')
  body.writeBigUInt64LE(BigInt(number), 17)
  body.writeUInt8(2, 25)
  const micros = Buffer.alloc(8)
  micros.writeBigUInt64LE(BigInt(second) * 1_000_000n + 5n)
  micros.copy(body, 42, 0, 7)
  if (original) body.writeUInt8(body.readUInt8(48) | 0x80, 48)
  const more = Buffer.alloc((original ? 7 : 0) + 3 + 4)
  const all = 19 + body.length + more.length + rest
  more.writeUInt8(0xfc, original ? 7 : 0)
  more.writeUInt16LE(all, original ? 8 : 1)
  return event(types.gtid, Buffer.concat([body, more]))
}

const rows = event(30, Buffer.alloc(50, 7))
const end = event(16, Buffer.alloc(8))
const transaction = (number: number, second: number, original = false): Buffer => {
  const rest = Buffer.concat([rows, end])
  return Buffer.concat([gtidEvent(number, second, rest.length, original), rest])
}
const log = (...events: readonly Buffer[]): Buffer =>
  Buffer.concat([magic, event(15, Buffer.alloc(100)), ...events])
const read = (bytes: Buffer, from = 0) => [
  ...readGroups((first, behind) => bytes.subarray(first, behind), from),
]

test('are found with their names, their places, and when they were committed', () => {
  const [first, second] = [transaction(7, 1_750_000_000), transaction(8, 1_750_000_001, true)]
  const bytes = log(event(types.previousGtids, Buffer.alloc(8)), first, second)
  const begin = bytes.length - first.length - second.length
  assert.deepEqual(read(bytes), [
    { gtid: `${uuid}:7`, from: begin, to: begin + first.length, second: 1_750_000_000 },
    {
      ...{ gtid: `${uuid}:8`, from: begin + first.length, to: bytes.length },
      second: 1_750_000_001,
    },
  ])
})

test('count only once they are whole, wherever the log is cut', () => {
  const bytes = log(transaction(1, 10), transaction(2, 10))
  const ends = read(bytes).map(({ to }) => to)
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const whole = ends.filter((to) => to <= cut).length
    assert.equal(read(bytes.subarray(0, cut)).length, whole, String(cut))
  }
  assert.deepEqual(read(Buffer.from('no log')), [])
  assert.deepEqual(read(bytes, ends[0]), read(bytes).slice(1))
})

test('without a number of their own, or with a tag, are refused', () => {
  for (const type of [types.anonymous, types.taggedGtid]) {
    assert.throws(
      () => read(log(event(type, Buffer.alloc(40)))),
      (thrown) => thrown instanceof Fault && thrown.remedy !== undefined,
    )
  }
})
