// Is nothing left of a multi that was refused? What it would have changed, and what it would have
// needed, is as before.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Writer } from '../../wire/jute/archive.ts'
import { operations } from '../../wire/jute/messages.ts'
import type { MultiOperation } from '../../wire/jute/multi.ts'
import { bytesOf, Cursor, Sink } from './bytes.ts'
import { defaultLimits } from './options.ts'
import { readMulti } from './requests.ts'
import { Stager } from './stage.ts'
import { State } from './transactions.ts'

/** A state with one session, and how a multi of it is staged. */
function scene() {
  const state = new State(defaultLimits, 0)
  const session = state.sessions.open(1, 6000, Buffer.alloc(16), 0)
  const log = new Sink(1024)
  const stager = new Stager(state, defaultLimits, log)
  const stage = (changes: readonly MultiOperation[]): readonly number[] | number => {
    const writer = new Writer()
    operations.multi.request.write(writer, changes)
    const from = new Cursor().over(writer.take())
    const parts = readMulti(from)
    assert.ok(parts)
    return stager.multi(parts, from, { session, who: [] }, 0)
  }
  return { state, stager, log, stage }
}

const create = (path: string, secret: string): MultiOperation => ({
  kind: 'create',
  path,
  data: Buffer.alloc(0),
  acl: [{ perms: 31, id: { scheme: 'digest', id: `ann:${secret}` } }],
  flags: 0,
})

const fails: MultiOperation = { kind: 'check', path: '/none', version: 0 }

test('a multi that is refused leaves no list behind, however many there are', () => {
  const { state, stager, log, stage } = scene()
  const { size } = state.tree.acls
  for (let turn = 0; turn < 100; turn += 1) {
    assert.deepEqual(stage([create(`/n-${turn}`, `${turn}`), fails]), [0, -101])
    assert.equal(state.tree.index.find(bytesOf(`/n-${turn}`), 0, 4), null)
  }
  assert.equal(state.tree.acls.size, size)
  assert.deepEqual([log.length, stager.pendingCost], [0, 0])
})

test('a list that others use outlives a multi that is refused', () => {
  const { state, stage } = scene()
  assert.equal(stage([create('/a', 'same')]), 0)
  const { size } = state.tree.acls
  assert.deepEqual(stage([create('/b', 'same'), create('/c', 'other'), fails]), [0, 0, -101])
  assert.equal(state.tree.acls.size, size)
  assert.equal(stage([create('/d', 'same'), create('/e', 'other')]), 0)
  assert.equal(state.tree.acls.size, size + 1)
})
