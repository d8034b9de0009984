// A state folder is one user's alone, also where it was there before.

import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { Fault } from '../foundation/fault.ts'
import { nameOutside } from './database-folders.ts'
import { makeStateFolder, statePaths } from './paths.ts'

suite('one state folder under two names', () => {
  let root: string
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'ao-names-')))
    mkdirSync(join(root, 'real'))
    symlinkSync(join(root, 'real'), join(root, 'link'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  test('is one folder, with one lock, also before it is made', () => {
    const [real, link] = ['real', 'link'].map((name) => statePaths('', join(root, name, 's', 't')))
    assert.equal(link?.folder, join(root, 'real', 's', 't'))
    assert.equal(link?.lock, real?.lock)
    assert.equal(real?.formerLock, undefined)
    assert.equal(link?.spelled, join(root, 'link', 's', 't'))
  })

  test('is locked against an agent that went by how it is spelled', () => {
    const { formerLock, lock } = statePaths('', join(root, 'link'))
    assert.ok(formerLock !== undefined && formerLock !== lock)
  })

  test('that links in a circle is said to be so', () => {
    symlinkSync(join(root, 'b'), join(root, 'a'))
    symlinkSync(join(root, 'a'), join(root, 'b'))
    assert.throws(() => statePaths('', join(root, 'a')), { code: 'failed' })
  })

  suite('which had data outside of it', () => {
    const [real, link] = ['real', 'link'] as const
    const place = (name: string): string => join(root, name)
    const name = (spelled: string): string =>
      nameOutside(place(real), place(spelled), [place('lib'), place('run')])
    const digest = (folder: string): string => nameOutside(place(folder), place(folder), [])

    test('has them where they were, from then on by whatever name', () => {
      mkdirSync(join(root, 'lib', digest(link)), { recursive: true })
      assert.equal(name(real), digest(real))
      assert.equal(name(link), digest(link))
      assert.equal(name(real), digest(link))
    })

    test('has them by its own name where there are some, and where there are none', () => {
      assert.equal(name(link), digest(real))
      mkdirSync(join(root, 'lib', digest(link)), { recursive: true })
      mkdirSync(join(root, 'run', digest(real)), { recursive: true })
      assert.equal(name(link), digest(real))
    })
  })
})

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
