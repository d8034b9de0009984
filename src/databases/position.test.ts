// Tails: what a member that was away has beyond the common history.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant } from '../foundation/time.ts'
import type { DatabaseRecord, Position, Proof } from './model.ts'
import { comparePositions, origin, tailOf } from './position.ts'

const proof = (epoch: number, start: Position, acceptedLoss = false): Proof => ({
  epoch,
  at: instant(0),
  from: 'a',
  to: 'b',
  why: 'machine-lost',
  acks: [],
  confirmed: {},
  start,
  acceptedLoss,
})

const record = (proofs: readonly Proof[], proofsSince = 0): DatabaseRecord => ({
  epoch: 9,
  version: 1,
  phase: { kind: 'serving', primary: 'b' },
  acks: [],
  floor: origin,
  proofs,
  proofsSince,
  lastFailover: undefined,
})

const at = (line: number, position: number): Position => ({ line, at: position })
const history = record([proof(7, at(4, 60)), proof(4, at(2, 36))])

test('a later history is further, however short', () => {
  assert.ok(comparePositions(at(4, 37), at(2, 80)) > 0)
  assert.ok(comparePositions(at(2, 37), at(2, 80)) < 0)
})

test('a member that stopped before the next primary began has no tail', () => {
  assert.deepEqual(tailOf(at(2, 36), 2, history), { kind: 'none' })
  assert.deepEqual(tailOf(at(4, 12), 4, history), { kind: 'none' })
})

test('what an old primary wrote after its successor began was never acknowledged', () => {
  assert.deepEqual(tailOf(at(2, 40), 2, history), { kind: 'unacknowledged', from: at(2, 36) })
  assert.deepEqual(tailOf(at(4, 61), 4, history), { kind: 'unacknowledged', from: at(4, 60) })
})

test('unless an operator accepted a loss: then it may have been', () => {
  const lossy = record([proof(4, at(2, 36), true)])
  assert.deepEqual(tailOf(at(2, 40), 2, lossy), { kind: 'perhaps-acknowledged', from: at(2, 36) })
})

test('of a time whose proofs are forgotten nothing is known', () => {
  assert.deepEqual(tailOf(at(2, 40), 2, record(history.proofs, 3)), { kind: 'unknown' })
})

test('unless it stands on the very line on which a promotion began, and not beyond', () => {
  assert.deepEqual(tailOf(at(2, 30), 2, record(history.proofs, 3)), { kind: 'none' })
  assert.deepEqual(tailOf(at(1, 30), 1, record(history.proofs, 3)), { kind: 'unknown' })
})

test('what is of a record that is gone is no part of the history, however far it is', () => {
  assert.deepEqual(tailOf(at(8, 70), 8, history), { kind: 'unknown' })
  const [tried] = record([proof(8, at(7, 90))]).proofs
  assert.ok(tried !== undefined)
  const back = {
    kind: 'electing',
    from: 'b',
    since: instant(0),
    why: '',
    prefer: undefined,
  } as const
  const elected = { ...history, phase: { ...back, tried: [tried] } }
  assert.deepEqual(tailOf(at(8, 70), 8, elected), { kind: 'none' })
  assert.deepEqual(tailOf(at(9, 70), 9, elected), { kind: 'unknown' })
  // Before anybody was promoted every history counts.
  assert.deepEqual(tailOf(at(8, 70), 8, record([], 9)), { kind: 'none' })
})

test('a member of the present has no tail', () => {
  assert.deepEqual(tailOf(at(7, 99), 7, history), { kind: 'none' })
})
