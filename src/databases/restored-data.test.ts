// Are restored data in their place for good, when that is said?

import assert from 'node:assert/strict'
import fs, { existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { putRestored, replacedFolder, restoredFolder } from './restored-data.ts'

test('has both renames on disk once it returns', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'restored-'))
  const [data, aside] = [join(folder, 'data'), join(folder, 'aside')]
  for (const each of [data, restoredFolder(data)]) mkdirSync(each)
  const settled: string[] = []
  const tapped = t.mock.method(fs, 'fsyncSync', (file: number) => {
    assert.equal(existsSync(restoredFolder(data)), false)
    settled.push(readlinkSync(`/proc/self/fd/${file}`))
  })
  syncBuiltinESMExports()
  try {
    putRestored({ data, aside }, 'one')
    assert.ok(existsSync(data) && existsSync(replacedFolder(aside, 'one')))
    assert.deepEqual(settled, [folder, aside])
  } finally {
    tapped.mock.restore()
    syncBuiltinESMExports()
    rmSync(folder, { recursive: true, force: true })
  }
})
