// A part that the store takes no more of is given up at both ends: who brings its bytes does not
// wait for ever.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { ByteQueue, NotTaken } from './byte-queue.ts'
import { putPart } from './parts.ts'
import type { BackupStore } from './store.ts'

const soon = (): AbortSignal => AbortSignal.timeout(60_000)

/** Takes one chunk, and has no room for more. */
const full = {
  async put(_key: string, chunks: AsyncIterable<Buffer>) {
    for await (const _ of chunks) throw new Error('no space left')
  },
} as Partial<BackupStore> as BackupStore

test('who brings the bytes hears that nobody takes them any more', async () => {
  const queue = new ByteQueue()
  const keeping = assert.rejects(putPart(full, '1', 'data', queue, soon()), /no space left/)
  const bringing = (async () => {
    for (;;) await queue.push(randomBytes(4 * 1024 * 1024))
  })()
  await assert.rejects(bringing, NotTaken)
  await keeping
})
