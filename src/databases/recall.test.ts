// One that has less than it once had says so, until it has it again.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MemberSighting, ServerState } from './model.ts'
import { Recall } from './recall.ts'

const at = (server: ServerState, place: number, line = 4) => ({
  server,
  received: { line, at: place },
})

test('a replica that goes on has forgotten nothing', () => {
  const recall = new Recall()
  for (const place of [10, 10, 40]) recall.saw(at('replica', place))
  assert.equal(recall.forgot, false)
})

test('a replica that comes back with less has forgotten something, until it has it again', () => {
  const recall = new Recall()
  recall.saw(at('replica', 40))
  recall.saw(at('stopped', 30))
  assert.equal(recall.forgot, true)
  recall.saw({ server: 'starting', received: undefined })
  assert.equal(recall.forgot, true)
  recall.saw(at('replica', 39))
  assert.equal(recall.forgot, true)
  recall.saw(at('replica', 40))
  assert.equal(recall.forgot, false)
})

test('on a later line it has all that came before', () => {
  const recall = new Recall()
  recall.saw(at('replica', 40))
  recall.saw(at('replica', 30))
  recall.saw(at('replica', 31, 6))
  assert.equal(recall.forgot, false)
})

test('what a keeper before it has told counts', () => {
  const recall = new Recall()
  recall.recall(at('replica', 40) as MemberSighting)
  recall.saw(at('stopped', 30))
  assert.equal(recall.forgot, true)
})

test('a copy, or a promotion, begins anew', () => {
  const recall = new Recall()
  recall.saw(at('replica', 40))
  recall.renew()
  recall.saw(at('replica', 30))
  assert.equal(recall.forgot, false)
  recall.saw(at('primary', 50))
  recall.saw(at('stopped', 45))
  assert.equal(recall.forgot, false)
})

test('a keeper that comes after goes by what was written down, until that is there again', () => {
  const before = new Recall()
  before.saw(at('replica', 40))
  before.saw(at('replica', 30))
  assert.deepEqual(before.lost, { line: 4, at: 40 })
  const recall = new Recall(before.lost)
  // What the one before has told last is what was left.
  recall.recall(at('replica', 30) as MemberSighting)
  assert.equal(recall.forgot, true)
  recall.saw(at('replica', 30))
  assert.equal(recall.forgot, true)
  recall.saw(at('replica', 40))
  assert.equal(recall.forgot, false)
  assert.equal(recall.lost, undefined)
})
