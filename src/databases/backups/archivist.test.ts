// Which machine receives the log may change back and forth: whoever's turn it is receives it, and
// removes nothing that another may be at.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../../../test/engines/waiting.ts'
import { plan, primary, replica, view } from '../../../test/fixtures/database-views.ts'
import { instant, ms, openClock } from '../../foundation/time.ts'
import { Archivist } from './archivist.ts'
import { beginHistory, finishBase, historyStore } from './catalog.ts'
import type { BackupEngine } from './engine.ts'
import { openFolderStore } from './stores/folder.ts'
import { Works } from './works.ts'

/** Part of a base that was written so many hours ago, and has no manifest. */
function halfMade(folder: string, id: string, hours: number): string {
  const base = join(folder, '1-0/bases', id)
  mkdirSync(base, { recursive: true })
  const part = join(base, 'data.tar.zst')
  writeFileSync(part, 'rows')
  const at = Date.now() / 1000 - hours * 3600
  utimesSync(part, at, at)
  return part
}

test('receives again when its turn comes again, from the same primary', async () => {
  const clock = openClock()
  const folder = mkdtempSync(join(tmpdir(), 'ao-archivist-'))
  const fresh = halfMade(folder, 'fresh', 0.5)
  const old = halfMade(folder, 'old', 2)
  const stop = new AbortController()
  /** Whether a member is heard on the machine that goes before this one. */
  let isFirstHeard = false
  let receiving = 0
  const engine = {
    origin: async () => '1-0',
    unbroken: async () => [],
    until: async () => undefined,
    receive: async (_primary, _store, _told, signal) => {
      receiving += 1
      const over = Promise.withResolvers<never>()
      signal.addEventListener('abort', () => over.reject(signal.reason), { once: true })
      return await over.promise.finally(() => {
        receiving -= 1
      })
    },
  } as Partial<BackupEngine> as BackupEngine
  const backups = { to: folder, every: ms(1e9), keep: 2, tryEvery: undefined }
  const archivist = new Archivist({
    ...{ plan: backups, engine, store: openFolderStore(folder), clock, machine: 'b' },
    ...{ works: new Works({ clock, changed: () => {}, ended: () => {} }) },
    ...{ scratch: { data: '', run: '' }, changed: () => {}, event: () => {} },
    view() {
      const heard = clock.now()
      const first = isFirstHeard ? [replica('orders-1', { heard, upstream: 'orders-2' })] : []
      const members = [...first, primary({ member: 'orders-2', heard })]
      const phase = { kind: 'serving', primary: 'orders-2' } as const
      const { record } = view()
      return view({ plan: plan({ backups }), members, record: record && { ...record, phase } })
    },
  })
  const running = archivist.run(stop.signal)
  try {
    for (const heard of [false, true, false, true]) {
      isFirstHeard = heard
      await until('it is as it should be', () => receiving === (heard ? 0 : 1), 30_000)
    }
    assert.ok(existsSync(fresh), 'another machine may be at it')
    assert.ok(!existsSync(old), 'it was broken off')
  } finally {
    stop.abort(new Error('the test ends'))
    await running
    rmSync(folder, { recursive: true, force: true })
  }
  assert.equal(receiving, 0)
})

test('removes the log that only removed bases needed, also where several go at once', async () => {
  const clock = openClock()
  const folder = mkdtempSync(join(tmpdir(), 'ao-archivist-'))
  const store = openFolderStore(folder)
  const stop = new AbortController()
  await beginHistory(store, '1-0', instant(0), stop.signal)
  for (const at of [1, 2, 3]) {
    const base = { id: `${at}`, database: 'orders', engine: 'postgresql', version: '18' } as const
    const more = { origin: '1-0', source: 'orders-1', start: '1:0/0', end: '1:0/0', bytes: 1 }
    const times = { began: instant(at), ended: instant(at), parts: [] }
    await finishBase(historyStore(store, '1-0'), { ...base, ...more, ...times }, stop.signal)
  }
  const pruned: string[] = []
  const engine = {
    origin: async () => '1-0',
    unbroken: async () => [],
    until: async () => undefined,
    prune: async ({ id }) => void pruned.push(id),
    receive: async (_primary, _store, _told, signal) => {
      const over = Promise.withResolvers<never>()
      signal.addEventListener('abort', () => over.reject(signal.reason), { once: true })
      return await over.promise
    },
  } as Partial<BackupEngine> as BackupEngine
  const backups = { to: folder, every: ms(1e15), keep: 1, tryEvery: undefined }
  const archivist = new Archivist({
    ...{ plan: backups, engine, store, clock, machine: undefined },
    ...{ works: new Works({ clock, changed: () => {}, ended: () => {} }) },
    ...{ scratch: { data: '', run: '' }, changed: () => {}, event: () => {} },
    view() {
      const members = [primary({ member: 'orders-2', heard: clock.now() })]
      const phase = { kind: 'serving', primary: 'orders-2' } as const
      const { record } = view()
      return view({ plan: plan({ backups }), members, record: record && { ...record, phase } })
    },
  })
  const running = archivist.run(stop.signal)
  try {
    const bases = join(folder, '1-0/bases')
    const isOver = () => pruned.length > 0 && !existsSync(join(bases, '2'))
    await until('what is older is removed', isOver, 30_000)
  } finally {
    stop.abort(new Error('the test ends'))
    await running
    rmSync(folder, { recursive: true, force: true })
  }
  assert.equal(pruned.at(-1), '3')
})
