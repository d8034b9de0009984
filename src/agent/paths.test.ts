// A state folder is one user's alone, also where it was there before.

import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { Fault } from '../foundation/fault.ts'
import { makeStateFolder } from './paths.ts'

suite('a state folder', () => {
  let root: string
  let folder: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'ao-paths-'))
    folder = join(root, 's')
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const made = (mode: number, ...names: readonly string[]): number => {
    mkdirSync(folder)
    for (const name of names) writeFileSync(join(folder, name), '')
    chmodSync(folder, mode)
    makeStateFolder({ folder })
    return statSync(folder).mode & 0o7777
  }
  const refused = (thrown: unknown) =>
    thrown instanceof Fault && thrown.code === 'refused' && thrown.remedy !== undefined

  test('is made for this user alone, as is one that was there and empty', () => {
    makeStateFolder({ folder })
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    rmSync(folder, { recursive: true })
    assert.equal(made(0o2775) & 0o777, 0o700)
  })

  test('that others can write to is kept from them, and what else is there stays readable', () => {
    assert.equal(made(0o2775, 'state.json', 'notes'), 0o2755)
  })

  test('that holds other things is left as it is where others only read', () => {
    assert.equal(made(0o755, 'notes'), 0o755)
  })

  for (const { title, mode, names } of [
    { title: 'of a group, with other things in it', mode: 0o775, names: ['notes'] },
    { title: 'like /tmp', mode: 0o1777, names: ['journal.jsonl'] },
    { title: 'like /tmp, and empty', mode: 0o1777, names: [] },
  ]) {
    test(`${title} is refused, and left as it is`, () => {
      assert.throws(() => made(mode, ...names), refused)
      assert.equal(statSync(folder).mode & 0o7777, mode)
    })
  }

  test('of another user is refused', (t) => {
    t.mock.method(process, 'getuid', () => 4711, {})
    assert.throws(() => made(0o777), refused)
    assert.equal(statSync(folder).mode & 0o777, 0o777)
  })
})
