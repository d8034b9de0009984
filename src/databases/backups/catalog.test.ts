// A base is one only with all of its parts, and nobody removes what another may still be at.

import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault } from '../../foundation/fault.ts'
import { instant } from '../../foundation/time.ts'
import { finishBase, removeUnfinished } from './catalog.ts'
import type { Base } from './model.ts'
import { putPart } from './parts.ts'
import { openFolderStore } from './stores/folder.ts'

const { signal } = new AbortController()

async function* data(): AsyncGenerator<Buffer> {
  yield Buffer.from('rows')
}

/** Runs with a folder in which two parts of the base `1` lie. */
async function withParts(
  work: (folder: string, store: ReturnType<typeof openFolderStore>, base: Base) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ao-catalog-'))
  try {
    const store = openFolderStore(folder)
    const names = ['data.tar.zst', 'more.zst']
    const parts = await Promise.all(names.map((name) => putPart(store, '1', name, data(), signal)))
    const about = { id: '1', database: 'orders', engine: 'postgresql', version: '18' } as const
    const when = { began: instant(1), ended: instant(2), start: '0/1', end: '0/2', bytes: 4 }
    await work(folder, store, { ...about, ...when, origin: '1-0', source: 'orders-2', parts })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** All that was written of the base, so many seconds after 1970. */
const written = (folder: string, seconds: number): void => {
  for (const name of ['data.tar.zst', 'more.zst']) {
    utimesSync(join(folder, 'bases/1', name), seconds, seconds)
  }
}

test('a base whose part was removed, or is another one, is not finished', () =>
  withParts(async (folder, store, base) => {
    await finishBase(store, base, signal)
    await store.remove('bases/1/manifest.json')
    appendFileSync(join(folder, 'bases/1/more.zst'), 'x')
    const fails = (thrown: unknown): boolean =>
      thrown instanceof Fault && /more\.zst is not as it was put/.test(thrown.message)
    await assert.rejects(finishBase(store, base, signal), fails)
    await store.remove('bases/1/more.zst')
    await assert.rejects(finishBase(store, base, signal), fails)
    assert.equal(await store.read('bases/1/manifest.json'), undefined)
  }))

test('what was written to lately stays', () =>
  withParts(async (folder, store) => {
    written(folder, 900)
    utimesSync(join(folder, 'bases/1/more.zst'), 1000, 1000)
    assert.deepEqual(await removeUnfinished(store, instant(1_000_000)), [])
    assert.equal((await store.list('bases/')).length, 2)
  }))

test('what was broken off is removed: long after, or at once where nobody else makes any', () =>
  withParts(async (folder, store) => {
    written(folder, 999)
    assert.deepEqual(await removeUnfinished(store, instant(1_000_000)), ['1'])
    await putPart(store, '2', 'data.tar.zst', data(), signal)
    assert.deepEqual(await removeUnfinished(store), ['2'])
    assert.deepEqual(await store.list(''), [])
  }))

test('a base that is finished is not removed, however old', () =>
  withParts(async (folder, store, base) => {
    await finishBase(store, base, signal)
    written(folder, 1)
    assert.deepEqual(await removeUnfinished(store), [])
  }))
