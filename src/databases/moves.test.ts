// A planned move on the way: what ends it, and what only looks like its end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Instant, instant, ms } from '../foundation/time.ts'
import { boundsFor } from './budget.ts'
import { moveGivenUp } from './changes.ts'
import { decide } from './decide.ts'
import type {
  DatabaseObservation,
  DatabaseRecord,
  FailoverBounds,
  MemberSighting,
  Phase,
} from './model.ts'
import { isFulfilled } from './requests.ts'

const now = instant(1_000_000)
const bounds = boundsFor(ms(4000), 'postgresql') as FailoverBounds
const acks = { members: ['b', 'c'], needed: 1 }

const recordIn = (phase: Phase): DatabaseRecord => ({
  ...{ epoch: 4, version: 9, phase, acks: [acks], floor: { line: 2, at: 10 } },
  ...{ proofs: [], proofsSince: 0, lastFailover: undefined },
})

const handingOver = (since: Instant): DatabaseRecord =>
  recordIn({ kind: 'handing-over', from: 'a', to: 'b', since })

const member = (name: string, change: Partial<MemberSighting> = {}): MemberSighting => ({
  ...{ member: name, heard: now, server: 'replica', epoch: 4, promised: 4, writable: false },
  ...{ received: { line: 4, at: 100 }, applied: { line: 4, at: 100 } },
  ...{ upstream: 'a', receivedAt: now, acks: undefined, acksVersion: 0, acksSince: undefined },
  ...{ diverged: false, failingSince: undefined },
  ...change,
})

const old = member('a', {
  ...{ server: 'primary', upstream: undefined, receivedAt: undefined, acks, acksVersion: 8 },
})
const ended = { upstream: undefined, receivedAt: undefined }

const decided = (record: DatabaseRecord, members: readonly MemberSighting[]) =>
  decide({
    ...{ now, record, members, paused: false, request: { kind: 'switchover', to: 'b' } },
    wish: {
      name: 'orders',
      members: ['a', 'b', 'c'],
      durability: 'quorum',
      failover: 'auto',
      bounds,
    },
  })

const ruleOf = (record: DatabaseRecord, members: readonly MemberSighting[]): string =>
  decided(record, members).rule

/** The record that is written. */
function nextOf(record: DatabaseRecord, members: readonly MemberSighting[]): DatabaseRecord {
  const [action] = decided(record, members).actions
  assert.ok(action?.kind === 'record')
  return action.record
}

const next = (to: string, since: Instant): DatabaseRecord =>
  recordIn({ kind: 'serving', primary: 'a', next: { to, since } })
const long = instant(now - 60_000)

test('reads on the target are led elsewhere before the primary stops', () => {
  const members = [old, member('b', { clients: 2 }), member('c')]
  assert.equal(ruleOf(recordIn({ kind: 'serving', primary: 'a' }), members), 'make-way')
  assert.equal(ruleOf(next('b', now), members), 'wait-for-reads')
  assert.equal(ruleOf(next('c', long), members), 'make-way')
  const left = [old, member('b', { clients: 0 }), member('c')]
  // Doors may not have heard of it yet.
  assert.equal(ruleOf(next('b', now), left), 'wait-for-reads')
  assert.equal(ruleOf(next('b', instant(now - 300)), left), 'switch-over')
})

test('reads that do not end keep nobody for long, and a full disk waits for none', () => {
  const members = [old, member('b', { clients: 2 }), member('c')]
  assert.equal(ruleOf(next('b', instant(now - 4900)), members), 'wait-for-reads')
  assert.equal(ruleOf(next('b', instant(now - 5000)), members), 'switch-over')
  const full = [{ ...old, unfit: 'its disk is full' }, ...members.slice(1)]
  assert.equal(ruleOf(recordIn({ kind: 'serving', primary: 'a' }), full), 'switch-over')
})

test('a move that is not due any more gives the target its reads back', () => {
  const away = [old, member('b', { upstream: undefined }), member('c')]
  assert.equal(ruleOf(next('b', now), away), 'move-not-due')
})

test('the stream of the target ends before the old primary is seen to: the move goes on', () => {
  const members = [old, member('b', ended), member('c')]
  assert.equal(ruleOf(handingOver(now), members), 'quiesce')
})

test('and once that is seen, it is completed', () => {
  const stopped = { ...old, server: 'stopped' as const }
  assert.equal(ruleOf(handingOver(now), [stopped, member('b', ended), member('c')]), 'hand-over')
})

test('the target is promoted at once: the old primary itself has said that it has all', () => {
  const stopped = { ...old, server: 'stopped' as const }
  const next = nextOf(handingOver(now), [stopped, member('b', ended), member('c')])
  assert.ok(next.phase.kind === 'promoting')
  const { winner, proof } = next.phase
  assert.deepEqual([winner, next.epoch, next.floor], ['b', 5, proof.start])
  assert.deepEqual(Object.keys(proof.confirmed), ['a', 'b'])
  assert.deepEqual(next.acks, [{ members: ['a', 'c'], needed: 1 }])
})

test('one that may have lost something, or is of another epoch, is elected', () => {
  const stopped = { ...old, server: 'stopped' as const }
  for (const doubt of [{ forgot: true }, { epoch: 3 }]) {
    const next = nextOf(handingOver(now), [stopped, member('b', { ...ended, ...doubt })])
    assert.ok(next.phase.kind === 'electing')
    assert.equal(next.phase.prefer, 'b')
  }
})

test('what the old primary could not hand over ends it once all must have been heard', () => {
  const stopped = { ...old, server: 'stopped' as const, received: { line: 4, at: 101 } }
  const members = [stopped, member('b', ended), member('c')]
  assert.equal(ruleOf(handingOver(now), members), 'wait-for-target')
  const before = instant(now - bounds.silence)
  assert.equal(ruleOf(handingOver(before), members), 'give-up-hand-over')
})

test('a target that is gone, or has a history of its own, ends it at once', () => {
  const silent = instant(now - bounds.silence)
  for (const lost of [{ ...ended, heard: silent }, { diverged: true }, { upstream: 'c' }]) {
    const members = [old, member('b', lost), member('c')]
    assert.equal(ruleOf(handingOver(now), members), 'give-up-hand-over')
  }
})

test('an old primary that breaks down on the way is not waited for, nor elected', () => {
  const broken = { ...old, server: 'broken' as const, received: undefined }
  const full = { ...old, unfit: 'its disk is full', failingSince: now }
  for (const from of [broken, full]) {
    const members = [from, member('b'), member('c')]
    assert.equal(ruleOf(handingOver(now), members), 'give-up-hand-over')
    const { phase } = nextOf(handingOver(now), members)
    assert.ok(phase.kind === 'electing')
    assert.equal(phase.prefer, undefined)
  }
})

test('it does not wait for longer than a move may take', () => {
  const since = instant(now - bounds.handOver)
  assert.equal(ruleOf(handingOver(since), [old, member('b', ended)]), 'give-up-hand-over')
})

test('a move that was given up is not tried again, and one that is asked for anew is', () => {
  const serving = recordIn({ kind: 'serving', primary: 'a' })
  const proof = {
    ...{ epoch: 6, at: now, from: 'a', to: 'a', why: moveGivenUp, acks: [acks], confirmed: {} },
    ...{ start: { line: 4, at: 100 }, acceptedLoss: false },
  }
  const record: DatabaseRecord = { ...serving, epoch: 6, proofs: [proof] }
  const askedAt = (epoch: number): DatabaseObservation => ({
    ...{ now, record, members: [old], paused: false },
    wish: {
      name: 'orders',
      members: ['a', 'b', 'c'],
      durability: 'quorum',
      failover: 'auto',
      bounds,
    },
    request: { kind: 'switchover', to: 'b', epoch },
  })
  assert.equal(isFulfilled(askedAt(4)), true)
  assert.equal(isFulfilled(askedAt(6)), false)
})
