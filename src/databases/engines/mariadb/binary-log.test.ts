// What a log holds, byte by byte: transactions that are whole, and none that is not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  change,
  checkpoint,
  event,
  format,
  gtid,
  gtidList,
  logOf,
  plain,
  query,
  rows,
  transaction,
} from '../../../../test/fixtures/mariadb-log.ts'
import { fc } from '../../../../test/fixtures/properties.ts'
import { readLog } from './binary-log.ts'
import { formatGtid } from './gtid.ts'

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

test('says where the oldest begins that is unfinished, by its last word', () => {
  const begun = [format(true), gtidList(4)]
  assert.equal(read(logOf(...begun))?.checkpoint, undefined)
  const first = [...begun, checkpoint('binlog.000003'), ...transaction(5)]
  assert.equal(read(logOf(...first))?.checkpoint, 'binlog.000003')
  assert.equal(read(logOf(...first, checkpoint('binlog.000004')))?.checkpoint, 'binlog.000004')
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
