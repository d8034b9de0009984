// Are the data of a server that was taken over in their place for good, when that is said?

import assert from 'node:assert/strict'
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { moveData } from './moving.ts'

test('has the move on disk once it returns, also of one that was broken off behind it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'moving-'))
  const [from, to] = [join(folder, 'theirs', 'data'), join(folder, 'ours', 'data')]
  mkdirSync(from, { recursive: true })
  writeFileSync(join(from, 'rows'), '1')
  const settled = new Set<string>()
  const tapped = t.mock.method(fs, 'fsyncSync', (file: number) => {
    assert.ok(existsSync(join(to, 'rows')))
    settled.add(readlinkSync(`/proc/self/fd/${file}`))
  })
  syncBuiltinESMExports()
  try {
    for (let times = 0; times < 2; times += 1) {
      settled.clear()
      moveData(from, to)
      for (const each of ['theirs', 'ours']) assert.ok(settled.has(join(folder, each)), each)
    }
  } finally {
    tapped.mock.restore()
    syncBuiltinESMExports()
    rmSync(folder, { recursive: true, force: true })
  }
})
