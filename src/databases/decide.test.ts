// What is done about a database: one situation, one rule.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant, ms } from '../foundation/time.ts'
import { boundsFor } from './budget.ts'
import { decide } from './decide.ts'
import type {
  DatabaseObservation,
  DatabaseRecord,
  FailoverBounds,
  FailoverMode,
  MemberSighting,
} from './model.ts'

const now = instant(1_000_000)
const bounds = boundsFor(ms(4000), 'postgresql') as FailoverBounds

const acks = { members: ['b', 'c'], needed: 1 }
const record: DatabaseRecord = {
  epoch: 4,
  version: 9,
  phase: { kind: 'serving', primary: 'a' },
  acks: [acks],
  floor: { line: 2, at: 10 },
  proofs: [],
  proofsSince: 0,
  lastFailover: undefined,
}

const replica = (member: string, change: Partial<MemberSighting> = {}): MemberSighting => ({
  member,
  heard: now,
  server: 'replica',
  epoch: 4,
  promised: 4,
  writable: false,
  received: { line: 4, at: 100 },
  applied: { line: 4, at: 100 },
  upstream: 'a',
  receivedAt: now,
  acks: undefined,
  acksVersion: 0,
  acksSince: undefined,
  diverged: false,
  failingSince: undefined,
  ...change,
})

const primary = (change: Partial<MemberSighting> = {}): MemberSighting =>
  replica('a', {
    server: 'primary',
    writable: true,
    upstream: undefined,
    receivedAt: undefined,
    acks,
    acksVersion: 8,
    acksSince: { line: 4, at: 11 },
    ...change,
  })

const seen = (
  members: readonly MemberSighting[],
  change: Partial<DatabaseObservation> = {},
  failover: FailoverMode = 'auto',
): DatabaseObservation => ({
  now,
  wish: { name: 'orders', members: ['a', 'b', 'c'], durability: 'quorum', failover, bounds },
  record,
  members,
  paused: false,
  request: undefined,
  ...change,
})

const silent = instant(now - bounds.silence)
const cutOff = { upstream: undefined, receivedAt: silent }

test('leaves a healthy database alone', () => {
  const { rule, actions } = decide(seen([primary(), replica('b'), replica('c')]))
  assert.equal(rule, 'steady')
  assert.deepEqual(actions, [])
})

test('does not replace a primary that its replicas hear, though its keeper is silent', () => {
  const members = [primary({ heard: silent }), replica('b'), replica('c')]
  assert.equal(decide(seen(members)).rule, 'vouched-for')
})

test('replaces a primary that neither its keeper nor its replicas speak for', () => {
  const members = [primary({ heard: silent }), replica('b', cutOff), replica('c', cutOff)]
  const { rule, actions } = decide(seen(members))
  assert.equal(rule, 'failover')
  const [action] = actions
  assert.ok(action?.kind === 'record')
  assert.equal(action.record.epoch, 5)
  assert.equal(action.record.version, 10)
})

test('waits as long for a primary that nobody could have heard yet', () => {
  const members = [replica('b', cutOff), replica('c', cutOff)]
  const after = (time: number): string =>
    decide(seen(members, { listeningSince: instant(now - time) })).rule
  assert.equal(after(bounds.silence - 1), 'rejoin')
  assert.equal(after(bounds.silence), 'failover')
  assert.equal(decide(seen(members)).rule, 'failover')
})

test('replaces at once a primary whose own keeper says that its server has ended', () => {
  const members = [primary({ server: 'stopped' }), replica('b'), replica('c')]
  assert.equal(decide(seen(members)).rule, 'failover')
})

test('after two failovers in a row waits longer each time, until somebody has looked', () => {
  const dead = [primary({ server: 'stopped' }), replica('b'), replica('c')]
  const after = (failovers: number, ago: number): string => {
    const fresh = { ...record, lastFailover: instant(now - ago), failovers }
    return decide(seen(dead, { record: fresh })).rule
  }
  assert.equal(after(2, 100), 'failover')
  assert.equal(after(3, bounds.silence), 'cooling-down')
  assert.equal(after(3, 2 * bounds.silence), 'failover')
  assert.equal(after(4, 3 * bounds.silence), 'cooling-down')
  assert.equal(after(40, bounds.coolDown), 'failover')
  const fresh = { ...record, lastFailover: instant(now), failovers: 9 }
  const request = { kind: 'acknowledge' } as const
  assert.equal(decide(seen(dead, { record: fresh, request })).rule, 'acknowledged')
})

test('asks an operator first if the file says so, and goes on when one has agreed', () => {
  const members = [primary({ server: 'stopped' }), replica('b'), replica('c')]
  assert.equal(decide(seen(members, {}, 'ask')).rule, 'would-fail-over')
  assert.equal(decide(seen(members, {}, 'observe')).rule, 'would-fail-over')
  const request = { kind: 'approve-failover', epoch: 4 } as const
  assert.equal(decide(seen(members, { request }, 'ask')).rule, 'failover')
})

const electing = {
  record: {
    ...record,
    epoch: 5,
    version: 10,
    phase: { kind: 'electing', from: 'a', since: now, why: 'machine-lost', prefer: undefined },
  } as const satisfies DatabaseRecord,
}
const stopped = (member: string, at: number, heard = now): MemberSighting =>
  replica(member, { promised: 5, upstream: undefined, received: { line: 4, at }, heard })

test('promotes the furthest of enough that have stopped, and says what proves it', () => {
  const members = [primary({ heard: silent }), stopped('b', 100), stopped('c', 104)]
  const { rule, actions } = decide(seen(members, electing))
  assert.equal(rule, 'elect-furthest')
  const [action] = actions
  assert.ok(action?.kind === 'record' && action.record.phase.kind === 'promoting')
  const { proof, winner } = action.record.phase
  assert.equal(winner, 'c')
  assert.deepEqual(proof.confirmed, { b: { line: 4, at: 100 }, c: { line: 4, at: 104 } })
  assert.deepEqual(action.record.acks, [{ members: ['b'], needed: 1 }])
  assert.deepEqual(action.record.floor, { line: 4, at: 104 })
})

test('holds while a member is missing that may have acknowledged writes alone', () => {
  const members = [primary({ heard: silent }), stopped('b', 100), replica('c', { heard: silent })]
  assert.equal(decide(seen(members, electing)).rule, 'hold-for-members')
  const request = { kind: 'accept-data-loss', epoch: 5 } as const
  const { rule, actions } = decide(seen(members, { ...electing, request }))
  assert.equal(rule, 'elect-at-a-loss')
  const [action] = actions
  assert.ok(action?.kind === 'record' && action.record.phase.kind === 'promoting')
  assert.equal(action.record.phase.proof.acceptedLoss, true)
})

test('does not promote one that has less than another that has stopped and fell silent', () => {
  const members = [primary({ heard: silent }), stopped('b', 100), stopped('c', 104, silent)]
  assert.equal(decide(seen(members, electing)).rule, 'hold-for-members')
})

test('takes back the old primary when it is the only one that has everything', () => {
  const old = primary({ server: 'stopped', promised: 5, received: { line: 4, at: 110 } })
  const { rule, actions } = decide(seen([old, replica('c', { heard: silent })], electing))
  assert.equal(rule, 'elect-furthest')
  const [action] = actions
  assert.ok(action?.kind === 'record' && action.record.phase.kind === 'promoting')
  assert.equal(action.record.phase.winner, 'a')
})

test('decides nothing while an operator has paused it', () => {
  const members = [primary({ server: 'stopped' }), replica('b'), replica('c')]
  assert.equal(decide(seen(members, { paused: true })).rule, 'paused')
})

test('brings back a member: by following, rewinding or a copy, as its tail says', () => {
  const proofs = [
    {
      epoch: 4,
      at: now,
      from: 'b',
      to: 'a',
      why: '',
      acks: [],
      confirmed: {},
      start: { line: 2, at: 90 },
      acceptedLoss: false,
    },
  ]
  const wayOf = (member: MemberSighting): string | undefined => {
    const all = [primary(), replica('b'), member]
    const [action] = decide(seen(all, { record: { ...record, proofs } })).actions
    return action?.kind === 'follow' ? action.way : undefined
  }
  const old = { epoch: 2, upstream: undefined, server: 'stopped' } as const
  assert.equal(wayOf(replica('c', { ...old, received: { line: 2, at: 80 } })), 'follow')
  assert.equal(wayOf(replica('c', { ...old, received: { line: 2, at: 95 } })), 'rewind')
  assert.equal(wayOf(replica('c', { ...old, diverged: true })), 'clone')
  assert.equal(wayOf(replica('c', { server: 'absent', upstream: undefined })), 'clone')
})

const alone = {
  record: { ...electing.record, acks: [{ members: ['b', 'c'], needed: 0 }] },
} as const satisfies Partial<DatabaseObservation>

test('waits for the lease of a primary that whoever decides has not heard of yet', () => {
  const members = [stopped('b', 100), stopped('c', 104)]
  const after = (time: number): string =>
    decide(seen(members, { ...alone, listeningSince: instant(now - time) })).rule
  assert.equal(after(bounds.lease), 'wait-out-lease')
  assert.equal(after(bounds.lease + 1000), 'elect-at-a-loss')
})

test('waits for no lease of one whose data are gone', () => {
  const others = [stopped('b', 100), stopped('c', 104)]
  const bare = { server: 'absent', received: undefined, writable: false } as const
  assert.equal(decide(seen([primary(bare), ...others], alone)).rule, 'elect-at-a-loss')
  assert.equal(decide(seen([primary({ heard: silent }), ...others], alone)).rule, 'wait-out-lease')
})

test('says that it has just begun to listen while nobody has told of its primary', () => {
  const listeningSince = instant(now - 100)
  const members = [replica('b', { heard: silent }), replica('c', { heard: silent })]
  assert.equal(decide(seen(members, { listeningSince })).rule, 'listen-first')
})
