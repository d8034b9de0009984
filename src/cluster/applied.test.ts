// Who may replace the file in force? Whoever follows it, or says that it is to be overruled.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../foundation/fault.ts'
import { judgeFile } from './applied.ts'
import type { AppliedDocument } from './model.ts'

const inForce = { version: 7, document: { text: 'new', by: 'b' } as AppliedDocument }
const wanted = (text: string, base?: number, over?: number) => ({ text, base, over })

test('the first file, one that follows, and one that overrules take the place', () => {
  assert.deepEqual(judgeFile(wanted('any'), undefined), { kind: 'replaces', version: undefined })
  assert.deepEqual(judgeFile(wanted('next', 7), inForce), { kind: 'replaces', version: 7 })
  assert.deepEqual(judgeFile(wanted('next', 3, 7), inForce), { kind: 'replaces', version: 7 })
})

test('what is in force already is no change, whatever it follows', () => {
  for (const base of [undefined, 3, 7]) {
    assert.deepEqual(judgeFile(wanted('new', base), inForce), { kind: 'same', version: 7 })
  }
})

test('an old version is refused, with who applied the one in force and what to do', () => {
  for (const [old, says] of [
    [wanted('old', 6), /version 7, applied on b; this one follows version 6/],
    [wanted('old'), /follows no version/],
    [wanted('old', 6, 6), /version 7, not 6/],
  ] as const) {
    assert.throws(
      () => judgeFile(old, inForce),
      (thrown) => thrown instanceof Fault && thrown.code === 'refused' && says.test(thrown.message),
    )
  }
})
