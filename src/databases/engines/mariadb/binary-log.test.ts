// What a log holds, byte by byte: transactions that are whole, and none that is not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../../../test/fixtures/properties.ts'
import { magic } from '../mysql-kin/log-pieces.ts'
import { readLog } from './binary-log.ts'
import { formatGtid } from './gtid.ts'

const server = 129

/** An event as it stands in a log: time, type, server, length, its end, flags; the body follows. */
function event(type: number, body: Buffer, flags = 0): Buffer {
  const header = Buffer.alloc(19)
  header.writeUInt8(type, 4)
  header.writeUInt32LE(server, 5)
  header.writeUInt32LE(19 + body.length, 9)
  header.writeUInt16LE(flags, 17)
  return Buffer.concat([header, body])
}

const format = (open: boolean): Buffer => event(15, Buffer.alloc(80), open ? 1 : 0)

function gtid(seq: number, alone = false): Buffer {
  const body = Buffer.alloc(19)
  body.writeBigUInt64LE(BigInt(seq), 0)
  body.writeUInt8(alone ? 1 : 0, 12)
  return event(162, body)
}

/** A statement: thread, time, the database's name and its length, and no variables. */
function query(text: string): Buffer {
  const head = Buffer.alloc(13)
  head.writeUInt8(4, 8)
  return event(2, Buffer.concat([head, Buffer.from('shop\0'), Buffer.from(text, 'latin1')]))
}

function gtidList(...seqs: readonly number[]): Buffer {
  const body = Buffer.alloc(4 + 16 * seqs.length)
  body.writeUInt32LE(seqs.length, 0)
  for (const [at, seq] of seqs.entries()) {
    body.writeUInt32LE(server, 8 + 16 * at)
    body.writeBigUInt64LE(BigInt(seq), 12 + 16 * at)
  }
  return event(163, body)
}

const rows = (): Buffer => event(23, Buffer.alloc(300, 0x3a))
const xid = (): Buffer => event(16, Buffer.alloc(8))
const transaction = (seq: number): readonly Buffer[] => [gtid(seq), rows(), rows(), xid()]
const change = (seq: number): readonly Buffer[] => [
  gtid(seq, true),
  query('CREATE TABLE entries (id INT)'),
]
/** What engines without transactions write ends with a statement. */
const plain = (seq: number): readonly Buffer[] => [gtid(seq), rows(), query('COMMIT')]

const logOf = (...events: readonly Buffer[]): Buffer => Buffer.concat([magic, ...events])

const read = (bytes: Buffer): ReturnType<typeof readLog> =>
  readLog((from, to) => bytes.subarray(from, to))

const seqsOf = (bytes: Buffer): readonly number[] =>
  read(bytes)?.groups.map(({ gtid: { seq } }) => seq) ?? []

test('finds transactions, statements that stand alone, and where each of them lies', () => {
  const parts = [transaction(5), change(6), plain(7)]
  const head = [format(true), gtidList(3, 4)]
  const bytes = logOf(...head, ...parts.flat())
  const content = read(bytes)
  assert.ok(content !== undefined)
  assert.deepEqual(content.before.map(formatGtid), ['0-129-3', '0-129-4'])
  assert.deepEqual(
    content.groups.map(({ gtid: each }) => formatGtid(each)),
    ['0-129-5', '0-129-6', '0-129-7'],
  )
  let from = logOf(...head).length
  for (const [at, part] of parts.entries()) {
    const to = from + Buffer.concat(part).length
    assert.equal(content.groups[at]?.from, from)
    assert.equal(content.groups[at]?.to, to)
    from = to
  }
  assert.equal(content.end, bytes.length)
})

test('says whether somebody has closed it', () => {
  assert.equal(read(logOf(format(true)))?.open, true)
  assert.equal(read(logOf(format(false)))?.open, false)
})

test('what is cut off anywhere is a beginning of it', () => {
  const whole = logOf(format(true), gtidList(4), ...transaction(5), ...change(6), ...plain(7))
  const all = seqsOf(whole)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: whole.length - 1 }), (length) => {
      const part = whole.subarray(0, length)
      const seqs = seqsOf(part)
      assert.deepEqual(seqs, all.slice(0, seqs.length))
      assert.ok(seqs.length < all.length)
      assert.ok((read(part)?.end ?? 0) <= length)
    }),
  )
})

test('a transaction that was begun and not ended is none', () => {
  assert.deepEqual(seqsOf(logOf(format(true), ...transaction(5), gtid(6), rows())), [5])
  assert.deepEqual(seqsOf(logOf(format(true), gtid(6), rows(), ...transaction(7))), [7])
})

test('one that was rolled back and logged is a place in the history all the same', () => {
  assert.deepEqual(seqsOf(logOf(format(true), gtid(8), rows(), query('ROLLBACK'))), [8])
  assert.deepEqual(seqsOf(logOf(format(true), gtid(8), rows(), event(38, Buffer.alloc(8)))), [8])
})

test('a file that is no log is none, and one that is encrypted is refused', () => {
  assert.equal(read(Buffer.alloc(0)), undefined)
  assert.equal(read(Buffer.from('some text')), undefined)
  assert.throws(() => read(logOf(format(true), event(164, Buffer.alloc(17)))), /encrypted/)
})

test('whatever bytes follow, it comes to an end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
      const bytes = logOf(format(true), ...transaction(5), Buffer.from(noise))
      const content = read(bytes)
      assert.equal(content?.groups[0]?.gtid.seq, 5)
      assert.ok(content.end <= bytes.length)
    }),
  )
})
