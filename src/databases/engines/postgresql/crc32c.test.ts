// The checksum, by the examples of RFC 3720 (B.4) and piece by piece.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addCrc, beginCrc, crc32c, finishCrc } from './crc32c.ts'

test('gives the sums of the standard', () => {
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, at) => at))), 0x46dd794e)
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
})

test('does not mind in which pieces it gets them', () => {
  const bytes = Buffer.from(Array.from({ length: 100 }, (_, at) => (at * 37) % 256))
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const first = addCrc(beginCrc, bytes.subarray(0, cut))
    assert.equal(finishCrc(addCrc(first, bytes.subarray(cut))), crc32c(bytes))
  }
})
