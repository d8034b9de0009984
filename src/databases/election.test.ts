// Who is promoted, and who is waited for: one situation, one winner.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant, ms } from '../foundation/time.ts'
import { boundsFor, chooseWithin } from './budget.ts'
import { decide } from './decide.ts'
import type {
  DatabaseObservation,
  DatabaseRecord,
  FailoverBounds,
  MemberSighting,
  Proof,
} from './model.ts'

const now = instant(1_000_000)
const bounds = boundsFor(ms(4000), 'postgresql') as FailoverBounds

/** `b` took over from `a` at epoch 6, and was lost before anybody is known to have followed it. */
const proof: Proof = {
  ...{ epoch: 6, at: instant(now - 900), from: 'a', to: 'b', why: 'machine-lost', acks: [] },
  ...{ confirmed: {}, start: { line: 4, at: 105 }, acceptedLoss: false },
}
const record: DatabaseRecord = {
  ...{ epoch: 7, version: 20, acks: [{ members: ['c'], needed: 1 }], floor: proof.start },
  phase: { kind: 'electing', from: 'b', since: now, why: 'machine-lost', prefer: undefined },
  ...{ proofs: [proof], proofsSince: 0, lastFailover: undefined },
}

const stopped = (member: string, line: number, at: number): MemberSighting => ({
  ...{ member, heard: now, server: 'replica', epoch: 4, promised: 7, writable: false },
  ...{ received: { line, at }, applied: { line, at }, upstream: undefined, receivedAt: undefined },
  ...{ acks: undefined, acksVersion: 0, acksSince: undefined, diverged: false },
  failingSince: undefined,
})

const seen = (
  members: readonly MemberSighting[],
  change: Partial<DatabaseRecord> = {},
): DatabaseObservation => ({
  ...{ now, members, paused: false, request: undefined, record: { ...record, ...change } },
  wish: {
    ...{ name: 'orders', members: ['a', 'b', 'c'], durability: 'quorum', failover: 'auto' },
    bounds,
  },
})

function winnerOf(observation: DatabaseObservation): string {
  const { rule, actions } = decide(observation)
  const [action] = actions
  if (action?.kind !== 'record' || action.record.phase.kind !== 'promoting') return rule
  return action.record.phase.winner
}

test('elects an earlier primary that has more than the last one began with', () => {
  assert.equal(winnerOf(seen([stopped('a', 4, 110), stopped('c', 4, 100)])), 'a')
})

test('but not without those that could have acknowledged a write of the last one', () => {
  assert.equal(winnerOf(seen([stopped('a', 4, 110)])), 'hold-for-members')
  const forgetful = { ...stopped('c', 4, 100), forgot: true }
  assert.equal(winnerOf(seen([stopped('a', 4, 110), forgetful])), 'hold-for-members')
})

test('nor where somebody has something of the last one', () => {
  const follower = { ...stopped('c', 6, 106), epoch: 6 }
  assert.equal(winnerOf(seen([stopped('a', 4, 110), follower])), 'c')
  const further = { floor: { line: 6, at: 120 }, acks: [{ members: ['d'], needed: 1 }] }
  assert.equal(winnerOf(seen([stopped('a', 4, 110), follower], further)), 'hold-for-members')
})

test('nor if its history parted before the last one began', () => {
  const change = { floor: { line: 4, at: 108 }, acks: [{ members: ['c'], needed: 1 }] }
  assert.equal(
    winnerOf(seen([stopped('a', 4, 110), stopped('c', 4, 100)], change)),
    'hold-for-members',
  )
})

const cutOff = {
  ...{ proofs: [], floor: { line: 4, at: 50 }, acks: [{ members: ['b', 'c'], needed: 1 }] },
  phase: {
    ...({ kind: 'electing', from: 'a', since: now, why: 'cut off', prefer: undefined } as const),
  },
} satisfies Partial<DatabaseRecord>

test('waits a moment for one that is better than the primary that was to be replaced', () => {
  const late = { ...stopped('b', 4, 110), promised: 6 }
  const waiting = seen([stopped('a', 4, 110), late], cutOff)
  assert.equal(winnerOf(waiting), 'wait-for-better')
  assert.deepEqual(decide(waiting).actions, [{ kind: 'freeze', member: 'b' }])
  const since = instant(now - chooseWithin)
  const overdue = { ...cutOff, phase: { ...cutOff.phase, since } }
  assert.equal(winnerOf(seen([stopped('a', 4, 110), late], overdue)), 'a')
})

test('waits a moment for the target of a planned move', () => {
  const change = { ...cutOff, phase: { ...cutOff.phase, why: 'a planned move', prefer: 'c' } }
  const late = { ...stopped('c', 4, 110), promised: 6 }
  const others = [stopped('a', 4, 110), stopped('b', 4, 110)]
  assert.equal(winnerOf(seen([...others, late], change)), 'wait-for-better')
  assert.equal(winnerOf(seen(others, change)), 'b')
  assert.equal(winnerOf(seen([...others, stopped('c', 4, 110)], change)), 'c')
})
