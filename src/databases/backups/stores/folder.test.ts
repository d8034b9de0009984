// An object is there as one of those had it who put it there, also when they are at it at once.

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFolderStore } from './folder.ts'

const signal = new AbortController().signal

test('two who put the same at once do not write into one file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'folder-'))
  try {
    const store = openFolderStore(folder)
    const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    async function* slowly(): AsyncGenerator<Buffer> {
      begun.resolve()
      await goOn.promise
      yield Buffer.from('older')
    }
    const first = store.put('log/received.json', slowly(), signal)
    await begun.promise
    await store.put('log/received.json', Buffer.from('the newer one'), signal)
    assert.equal(String(await store.read('log/received.json')), 'the newer one')
    goOn.resolve()
    await first
    assert.equal(String(await store.read('log/received.json')), 'older')
    assert.deepEqual(readdirSync(join(folder, 'log')), ['received.json'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
