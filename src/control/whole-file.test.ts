// Files that are there whole or not at all, for this user alone.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
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

test('a file of which only a part can be written is none, and the one before stays', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'whole-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'one')
  writeWhole(path, 'before')
  // As on a nearly full disk, the first write(2) takes what fits and says so by its count alone.
  const module = JSON.stringify(import.meta.resolve('./whole-file.ts'))
  const code = `
    import { writeForNow, writeWhole } from ${module}
    process.on('SIGXFSZ', () => {})
    for (const write of [writeWhole, writeForNow]) {
      try {
        write(process.argv[1], 'x'.repeat(200_000))
        console.log('written')
      } catch (thrown) {
        console.log(thrown.message, thrown.cause.code)
      }
    }`
  const line = 'ulimit -f 16 && exec "$@"'
  const node = [process.execPath, '--input-type=module', '--eval', code, path]
  const { stdout, stderr } = spawnSync('sh', ['-c', line, 'sh', ...node], { encoding: 'utf8' })
  assert.equal(stdout, `cannot write ${path} EFBIG\n`.repeat(2), stderr)
  assert.equal(readWhole(path), 'before')
  assert.deepEqual(readdirSync(folder), ['one'])
})
