// Files that are there whole or not at all, for this user alone.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readWhole, writeWhole } from './whole-file.ts'

test('what was written is read, by this user alone', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'whole-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'one')
  assert.equal(readWhole(path), undefined)
  writeWhole(path, 'first')
  writeWhole(path, 'second')
  assert.equal(readWhole(path), 'second')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(folder), ['one'])
})

test('a write that fails names the file and leaves nothing beside it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'whole-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'one')
  // A folder with something in it cannot be replaced by a file.
  mkdirSync(join(path, 'inner'), { recursive: true })
  assert.throws(() => writeWhole(path, 'text'), /cannot write .*one/)
  assert.deepEqual(readdirSync(folder), ['one'])
})
