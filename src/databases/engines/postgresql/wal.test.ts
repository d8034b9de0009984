// What is read of a log on disk, and how much of it, where nothing but its files is needed.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32c } from './crc32c.ts'
import { segmentName } from './lsn.ts'
import { endOfLog, isEndOfLog } from './wal.ts'

const size = 1024 * 1024
const headerBytes = 40
const recordBytes = 24

/** One record without content; `info` 0x40 has the rest of its segment be empty. */
function recordOf(info: number): Buffer {
  const record = Buffer.alloc(recordBytes)
  record.writeUInt32LE(recordBytes, 0)
  record.writeUInt8(info, 16)
  record.writeUInt32LE(crc32c(record.subarray(recordBytes), record.subarray(0, 20)), 20)
  return record
}

/** The segment of the first timeline that begins at `start`, with these records. */
function segmentOf(start: number, ...records: readonly Buffer[]): Buffer {
  const segment = Buffer.alloc(size)
  segment.writeUInt16LE(0xd10d, 0)
  segment.writeBigUInt64LE(BigInt(start), 8)
  Buffer.concat(records).copy(segment, headerBytes)
  return segment
}

test('says whether all is applied without reading all that is not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wal-'))
  try {
    writeFileSync(join(folder, segmentName(1, size, size)), segmentOf(size, recordOf(0x40)))
    const begin = { line: 1, at: size }
    assert.deepEqual(endOfLog(folder, size, begin), { line: 1, at: 2 * size })
    assert.equal(isEndOfLog(folder, size, { line: 1, at: 2 * size }), true)
    // Whoever reads on fails.
    mkdirSync(join(folder, segmentName(1, 2 * size, size)))
    assert.throws(() => endOfLog(folder, size, begin), { code: 'EISDIR' })
    assert.equal(isEndOfLog(folder, size, begin), false)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
