// Positions in PostgreSQL's log, and which history they are on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  forkOf,
  formatLsn,
  lineAt,
  parseHistory,
  parseLsn,
  parseSegmentName,
  segmentName,
} from './lsn.ts'

const mib16 = 16 * 1024 * 1024

test('reads and says positions', () => {
  for (const text of ['0/0', '0/3000158', '16/B374D848', 'FFFF/FFFFFFFF']) {
    const at = parseLsn(text)
    assert.ok(at !== undefined)
    assert.equal(formatLsn(at), text)
  }
  for (const text of ['', '0', '0/', 'x/1', '1/123456789', undefined, null]) {
    assert.equal(parseLsn(text), undefined)
  }
})

test('names segments, and reads their names', () => {
  assert.equal(segmentName(1, 0x3000158, mib16), '000000010000000000000003')
  assert.equal(segmentName(10, 2 ** 32 + mib16, mib16), '0000000A0000000100000001')
  assert.deepEqual(parseSegmentName('0000000A0000000100000001', mib16), {
    line: 10,
    start: 2 ** 32 + mib16,
  })
  assert.equal(parseSegmentName('00000002.history', mib16), undefined)
})

const third = parseHistory(
  3,
  '# written by hand\n1\t0/3000000\tno recovery target specified\n\n2\t0/5000000\twhy\n',
)

test('knows on which line the last record before a place is', () => {
  assert.deepEqual(third.ancestors, [
    { line: 1, end: 0x3000000 },
    { line: 2, end: 0x5000000 },
  ])
  assert.equal(lineAt(third, 0x3000000), 1)
  assert.equal(lineAt(third, 0x3000001), 2)
  assert.equal(lineAt(third, 0x5000000), 2)
  assert.equal(lineAt(third, 0x5000001), 3)
})

test('finds where a history parted', () => {
  assert.equal(forkOf(third, { line: 1, at: 0x2000000 }), undefined)
  assert.equal(forkOf(third, { line: 1, at: 0x3000000 }), undefined)
  assert.equal(forkOf(third, { line: 1, at: 0x3000008 }), 0x3000000)
  assert.equal(forkOf(third, { line: 2, at: 0x5000008 }), 0x5000000)
  assert.equal(forkOf(third, { line: 3, at: 0x9000000 }), undefined)
  assert.equal(forkOf(third, { line: 4, at: 0x9000000 }), 0x5000000)
})
