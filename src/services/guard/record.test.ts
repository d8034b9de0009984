// The record of a guard: whole or not there, and read by whoever comes later.

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { instant } from '../../foundation/time.ts'
import type { GuardRecord } from './protocol.ts'
import { claimRecord, readRecord, writeRecord } from './record.ts'

const record: GuardRecord = {
  format: 1,
  boot: 'b',
  version: '1.2.3',
  guard: { pid: 12, startTicks: 345 },
  stopSignal: 'SIGTERM',
  status: {
    id: 'web-1',
    service: 'web',
    revision: 1,
    host: '127.0.0.1',
    port: 40_001,
    startedAt: instant(1),
    failures: 2,
    restarts: 2,
    state: { kind: 'waiting', exit: { kind: 'code', code: 1 }, until: instant(2) },
    child: undefined,
  },
}

function inFolder(run: (path: string, folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'record-'))
  try {
    run(join(folder, 'web-1.json'), folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('is read back as it was written, and is for this user alone', () => {
  inFolder((path, folder) => {
    claimRecord(path, record)
    assert.deepEqual(plain(readRecord(path)), plain(record))
    const running = { kind: 'running', pid: 9, since: instant(3) } as const
    const status = { ...record.status, state: running, child: { pid: 9, startTicks: 400 } }
    writeRecord(path, { ...record, status })
    assert.deepEqual(plain(readRecord(path)), plain({ ...record, status }))
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(folder), ['web-1.json'])
  })
})

test('is never made over another one', () => {
  inFolder((path, folder) => {
    claimRecord(path, record)
    const other = { ...record, guard: { pid: 13, startTicks: 1 } }
    assert.throws(() => claimRecord(path, other), { code: 'already-running' })
    assert.equal(readRecord(path).guard.pid, 12)
    assert.deepEqual(readdirSync(folder), ['web-1.json'])
  })
})

test('is told to be damaged wherever it was cut', () => {
  inFolder((path) => {
    const text = JSON.stringify(record)
    for (let end = 0; end < text.length; end += 1) {
      writeFileSync(path, text.slice(0, end))
      assert.throws(
        () => readRecord(path),
        (fault: { code: string; message: string; remedy: string }) =>
          fault.code === 'corrupt' && fault.message.includes(path) && fault.remedy.includes('rm '),
      )
    }
  })
})

test('is told to be damaged when any field is missing or of another kind', () => {
  const fields = [
    ['boot'],
    ['guard'],
    ['guard', 'pid'],
    ['guard', 'startTicks'],
    ['stopSignal'],
    ['status'],
    ['status', 'id'],
    ['status', 'port'],
    ['status', 'startedAt'],
    ['status', 'state'],
    ['status', 'state', 'kind'],
    ['status', 'state', 'until'],
  ]
  inFolder((path) => {
    for (const names of fields) {
      for (const wrong of [undefined, null, -1.5, 'x'.repeat(3), [], {}]) {
        const copy = plain(record) as Record<string, unknown>
        const last = names.at(-1)!
        const at = names
          .slice(0, -1)
          .reduce((object, name) => object[name] as Record<string, unknown>, copy)
        if (typeof wrong === typeof at[last]) continue
        at[last] = wrong
        writeFileSync(path, JSON.stringify(copy))
        assert.throws(() => readRecord(path), { code: 'corrupt' }, `${names.join('.')}: ${wrong}`)
      }
    }
  })
})

test('of a newer format is read while the fields it is known by are there', () => {
  inFolder((path) => {
    writeFileSync(path, JSON.stringify({ ...record, format: 2, more: true }))
    assert.equal(readRecord(path).status.id, 'web-1')
    writeFileSync(path, JSON.stringify({ format: 2, replica: 'web-1' }))
    assert.throws(() => readRecord(path), { code: 'incompatible', message: /format 2/ })
    assert.match(readFileSync(path, 'utf8'), /"format":2/)
  })
})
