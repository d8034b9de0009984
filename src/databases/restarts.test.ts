// Servers are started anew one after another, replicas first, and only while all others follow.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant, ms } from '../foundation/time.ts'
import { boundsFor } from './budget.ts'
import { decide } from './decide.ts'
import type {
  DatabaseObservation,
  DatabaseRecord,
  FailoverBounds,
  MemberSighting,
  Request,
} from './model.ts'
import { goesOn } from './orders.ts'
import { isFulfilled } from './requests.ts'

const now = instant(1_000_000)
const bounds = boundsFor(ms(4000), 'postgresql') as FailoverBounds
const acks = { members: ['b', 'c'], needed: 1 }
const at = { line: 4, at: 100 }

const record: DatabaseRecord = {
  ...{ epoch: 4, version: 9, phase: { kind: 'serving', primary: 'a' }, acks: [acks] },
  ...{ floor: { line: 2, at: 10 }, proofs: [], proofsSince: 0, lastFailover: undefined },
}

const replica = (member: string, change: Partial<MemberSighting> = {}): MemberSighting => ({
  ...{ member, heard: now, server: 'replica', epoch: 4, promised: 4, writable: false },
  ...{ received: at, applied: at, upstream: 'a', receivedAt: now, diverged: false, lag: ms(0) },
  ...{ acks: undefined, acksVersion: 0, acksSince: undefined, failingSince: undefined },
  ...change,
})

const primary = (change: Partial<MemberSighting> = {}): MemberSighting =>
  replica('a', {
    ...{ server: 'primary', writable: true, upstream: undefined, receivedAt: undefined },
    ...{ acks, acksVersion: 8, acksSince: at, lag: undefined },
    ...change,
  })

const all: Request = { kind: 'restart', members: ['a', 'b', 'c'], id: '7' }
const done = { restartedFor: '7' }

/** Whoever is to take over has no reads any more. */
const madeWay = (change: Partial<DatabaseRecord>, to: string): DatabaseRecord => {
  const next = { to, since: instant(now - 250) }
  return { ...record, ...change, phase: { kind: 'serving', primary: 'a', next } }
}

const seen = (
  members: readonly MemberSighting[],
  request: Request | undefined = all,
  change: Partial<DatabaseObservation> = {},
): DatabaseObservation => ({
  now,
  wish: { name: 'o', members: ['a', 'b', 'c'], durability: 'quorum', failover: 'auto', bounds },
  ...{ record, members, paused: false, request },
  ...change,
})

test('restarts a replica first, in the order of the file', () => {
  const { rule, actions } = decide(seen([primary(), replica('b'), replica('c')]))
  assert.equal(rule, 'restart-replica')
  assert.deepEqual(actions, [{ kind: 'restart', member: 'b', primary: 'a' }])
})

test('restarts the next one once that one is back', () => {
  const { actions } = decide(seen([primary(), replica('b', done), replica('c')]))
  assert.deepEqual(actions, [{ kind: 'restart', member: 'c', primary: 'a' }])
})

test('waits while one is busy, behind, or not counted among those that acknowledge', () => {
  const rows: readonly (readonly [string, readonly MemberSighting[]])[] = [
    ['busy', [primary(), replica('b', { ...done, busy: { step: 'x', done: 0 } }), replica('c')]],
    ['behind', [primary(), replica('b', { ...done, lag: ms(60_000) }), replica('c')]],
    ['broken', [primary(), replica('b', { ...done, server: 'broken' }), replica('c')]],
    ['silent', [primary(), replica('b', { ...done, heard: instant(0) }), replica('c')]],
  ]
  for (const [name, members] of rows) {
    const { rule, actions } = decide(seen(members))
    assert.equal(rule, 'restart-waits', name)
    assert.deepEqual(actions, [])
  }
  const narrow = { ...record, acks: [{ members: ['c'], needed: 1 }] }
  const members = [primary({ acks: narrow.acks[0] }), replica('b', done), replica('c')]
  assert.equal(decide(seen(members, all, { record: narrow })).rule, 'record-acks')
  // The wider set is in force, and what was acknowledged by the one before may not be on all yet.
  const both = { ...record, acks: [{ members: ['c'], needed: 1 }, acks] }
  const ahead = { acksVersion: 9, acksSince: { line: 4, at: 200 } }
  const joint = [primary(ahead), replica('b', done), replica('c')]
  assert.equal(decide(seen(joint, all, { record: both })).rule, 'restart-waits')
})

test('waits while another is asked whether its turn comes first', () => {
  const outdated = { outdated: 'other settings' }
  const rule = (members: readonly MemberSighting[]): string =>
    decide(seen(members, undefined, { request: undefined })).rule
  const asked = (inReview: boolean) => [primary(outdated), replica('b'), replica('c', { inReview })]
  assert.equal(rule(asked(true)), 'restart-waits')
  assert.equal(rule(asked(false)), 'make-way')
  // Two that are due would else be told one after the other, before the first is seen to be busy.
  const first = [primary(), replica('b', { inReview: true }), replica('c', outdated)]
  assert.equal(rule(first), 'restart-waits')
})

test('moves the primary last, to one that has been restarted, and restarts it by that', () => {
  const members = [primary(), replica('b', done), replica('c', done)]
  const { rule, actions } = decide(seen(members, all, { record: madeWay({}, 'b') }))
  assert.equal(rule, 'switch-over')
  const [action] = actions
  assert.ok(action?.kind === 'record' && action.record.phase.kind === 'handing-over')
  assert.equal(action.record.phase.to, 'b')
})

test('does not move it to one whose disk is full', () => {
  const narrow = { ...record, acks: [{ members: ['c'], needed: 1 }] }
  const full = replica('b', { ...done, unfit: 'its disk is full' })
  const members = [primary({ acks: narrow.acks[0] }), full, replica('c', done)]
  const [action] = decide(seen(members, all, { record: narrow })).actions
  assert.ok(action?.kind === 'record' && action.record.phase.kind === 'serving')
  assert.equal(action.record.phase.next?.to, 'c')
})

test('restarts by itself what runs on other settings than it should', () => {
  const old = { outdated: 'other settings of the file: x' }
  const members = [primary(old), replica('b'), replica('c', old)]
  const { rule, actions } = decide(seen(members, all, { request: undefined }))
  assert.equal(rule, 'restart-replica')
  assert.deepEqual(actions, [{ kind: 'restart', member: 'c', primary: 'a' }])
})

test('restarts one that has nobody beside it in its place', () => {
  const alone = { members: [], needed: 0 }
  const wish = { ...seen([]).wish, members: ['a'], durability: 'async' as const }
  const only = { ...record, acks: [alone] }
  const members = [primary({ acks: alone })]
  const begun = decide(seen(members, all, { wish, record: only })).actions[0]
  assert.ok(begun?.kind === 'record' && begun.record.phase.kind === 'handing-over')
  assert.equal(begun.record.phase.to, 'a')
  const moving = { wish, record: begun.record }
  const [quiesce] = decide(seen(members, all, moving)).actions
  assert.deepEqual(quiesce, { kind: 'quiesce', member: 'a' })
  const stopped = [primary({ server: 'stopped', writable: false, acks: undefined })]
  const { rule, actions } = decide(seen(stopped, all, moving))
  assert.equal(rule, 'hand-over')
  const [elect] = actions
  assert.ok(elect?.kind === 'record' && elect.record.phase.kind === 'electing')
  assert.equal(elect.record.phase.prefer, 'a')
})

test('restarts only the one that is named', () => {
  const one: Request = { ...all, members: ['c'] }
  const { actions } = decide(seen([primary(), replica('b'), replica('c')], one))
  assert.deepEqual(actions, [{ kind: 'restart', member: 'c', primary: 'a' }])
  const after = [primary(), replica('b'), replica('c', done)]
  assert.equal(decide(seen(after, one)).rule, 'steady')
  assert.equal(isFulfilled(seen(after, one)), true)
})

test('is done when all have been, and are back', () => {
  const members = [primary(done), replica('b', done), replica('c', done)]
  assert.equal(isFulfilled(seen(members)), true)
  assert.equal(isFulfilled(seen(members.with(1, replica('b')))), false)
  const away = replica('b', { ...done, upstream: undefined })
  assert.equal(isFulfilled(seen(members.with(1, away))), false)
})

test('a failover comes before a restart', () => {
  const members = [primary({ server: 'stopped' }), replica('b'), replica('c')]
  assert.equal(decide(seen(members)).rule, 'failover')
})

test('an order to follow does not break off a restart, which leads there', () => {
  const restart = { kind: 'restart', member: 'b', primary: 'a' } as const
  const follow = { kind: 'follow', member: 'b', primary: 'a', way: 'follow' } as const
  const order = { epoch: 4, version: 9 }
  assert.equal(goesOn({ ...order, action: restart }, { ...order, action: follow }), true)
  const other = { ...follow, primary: 'c' }
  assert.equal(goesOn({ ...order, action: restart }, { ...order, action: other }), false)
})
