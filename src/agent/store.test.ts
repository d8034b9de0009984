// The state survives what may happen to a file, and is never misread.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { Fault } from '../foundation/fault.ts'
import { emptyState, openStore, parseState, stateFormat } from './store.ts'

suite('the store', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'alwayson-store-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test('gives back what was kept, readable by this user alone', () => {
    const path = join(folder, 'state.json')
    const state = { ...emptyState, drained: ['web-1'], table: 7 }
    openStore(path).save(state)
    assert.deepEqual(openStore(path).load(), state)
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })

  test('knows nothing before anything was kept', () => {
    assert.equal(openStore(join(folder, 'state.json')).load(), undefined)
  })

  test('leaves the old state whole when the new one cannot be written', () => {
    const path = join(folder, 'state.json')
    openStore(path).save(emptyState)
    const before = readFileSync(path, 'utf8')
    const cyclic = { ...emptyState } as Record<string, unknown>
    cyclic.applied = cyclic
    assert.throws(() => openStore(path).save(cyclic as never), TypeError)
    assert.equal(readFileSync(path, 'utf8'), before)
  })

  test('refuses a state of a newer format and says who can read it', () => {
    const text = JSON.stringify({ format: stateFormat + 1, state: emptyState })
    assert.throws(
      () => parseState(text, 'state.json'),
      (thrown: unknown) =>
        thrown instanceof Fault &&
        thrown.code === 'incompatible' &&
        thrown.message.includes(`format ${stateFormat + 1}`) &&
        thrown.remedy !== undefined,
    )
  })

  test('carries a state of an older format over, one step after another', () => {
    const forms = {
      present: 3,
      migrations: {
        1: (old: object) => ({ ...old, drained: ['web-1'] }),
        2: (old: object) => ({ ...old, table: 9 }),
      },
    }
    const text = JSON.stringify({ format: 1, state: emptyState })
    const state = parseState(text, 'state.json', forms)
    assert.deepEqual(state, { ...emptyState, drained: ['web-1'], table: 9 })
  })

  test('refuses every cut of a state without crashing', () => {
    const text = JSON.stringify({ format: stateFormat, state: emptyState })
    for (let length = 0; length < text.length; length += 1) {
      const path = join(folder, 'cut.json')
      writeFileSync(path, text.slice(0, length))
      assert.throws(
        () => openStore(path).load(),
        (thrown: unknown) => thrown instanceof Fault && thrown.code === 'corrupt',
      )
    }
  })
})
