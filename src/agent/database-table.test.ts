// What the rows of databases promise: writes go to the one primary or wait, reads to what is near.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  DatabasePlan,
  DatabaseRecord,
  DatabaseView,
  MemberSighting,
  Phase,
} from '../databases/model.ts'
import { instant, ms } from '../foundation/time.ts'
import { databaseAccounts, databaseRows } from './database-table.ts'

const now = instant(1_000_000)
const member = (name: string, port: number) => ({
  ...{ name, host: '127.0.0.1', port },
  ...{ machine: undefined, adopt: undefined },
})

const plan: DatabasePlan = {
  ...{ name: 'orders', engine: 'postgresql', durability: 'quorum', failover: 'auto' },
  members: [member('a', 1), member('b', 2), member('c', 3)],
  ...{ target: ms(4000), onDivergence: 'quarantine', readLag: ms(1000) },
  bind: { write: { host: '127.0.0.1', port: 5432 }, read: { host: '127.0.0.1', port: 5433 } },
  hold: { wait: ms(10_000), connections: 1001 },
  ...{ home: undefined, data: undefined, user: undefined, settings: {}, backups: undefined },
  app: { user: 'shop', database: 'orders' },
}

const acks = { members: ['b', 'c'], needed: 1 }
const serving: Phase = { kind: 'serving', primary: 'a' }
const record = (phase: Phase, epoch = 4): DatabaseRecord => ({
  ...{ epoch, phase, version: 9, acks: [acks], floor: { line: 1, at: 0 } },
  ...{ proofs: [], proofsSince: 4, lastFailover: undefined },
})

const sighting = (name: string, differs: Partial<MemberSighting> = {}): MemberSighting => ({
  ...{ member: name, heard: now, server: 'replica', epoch: 4, promised: 4, writable: false },
  ...{ received: { line: 1, at: 9 }, applied: { line: 1, at: 9 }, upstream: 'a', receivedAt: now },
  ...{ acks: undefined, acksVersion: 0, acksSince: undefined, diverged: false },
  ...{ failingSince: undefined, lag: ms(10) },
  ...differs,
})

const primary = (name: string, differs: Partial<MemberSighting> = {}): MemberSighting =>
  sighting(name, { server: 'primary', writable: true, upstream: undefined, ...differs })

const well = [primary('a'), sighting('b'), sighting('c')]
const view = (differs: Partial<DatabaseView> = {}): DatabaseView => ({
  ...{ plan, record: record(serving), members: well, paused: false, request: undefined },
  ...{ connected: true },
  ...differs,
})

/** The states of a, b and c: up, draining (`~`) or down. */
function states(of: DatabaseView, kind: 'write' | 'read'): string {
  const { pools } = databaseRows([of], { now, edges: 2 })
  const pool = pools.find(({ name }) => name === `orders.${kind}`)
  const letters = { up: 'u', draining: '~', down: 'd' }
  return pool!.servers.map(({ state, backup }) => letters[state] + (backup ? '*' : '')).join(' ')
}

test('sends writes to the primary, and reads to its replicas first', () => {
  const { frontends, pools } = databaseRows([view()], { now, edges: 2 })
  assert.deepEqual(
    frontends.map(({ name, binds, mode, speaks }) => [name, binds[0]?.port, mode, speaks]),
    [
      ['orders.write', 5432, 'tcp', 'postgresql'],
      ['orders.read', 5433, 'tcp', 'postgresql'],
    ],
  )
  assert.deepEqual(
    pools.map(({ name, epoch, hold }) => [name, epoch, hold.wait, hold.requests]),
    [
      ['orders.write', 4, 10_000, 501],
      ['orders.read', 4, 10_000, 501],
    ],
  )
  assert.equal(states(view(), 'write'), 'u d d')
  assert.equal(states(view(), 'read'), 'u* u u')
})

test('makes one address where none for reading is wanted', () => {
  const bind = { ...plan.bind, read: undefined }
  const { frontends, pools } = databaseRows([view({ plan: { ...plan, bind } })], { now, edges: 1 })
  assert.equal(frontends.length, 1)
  assert.equal(pools.length, 1)
})

test('sends writes to nobody while nobody serves', () => {
  const proof = { epoch: 5, at: now, from: 'a', to: 'b', why: 'lost', acks: [], confirmed: {} }
  const phases: readonly Phase[] = [
    { kind: 'new' },
    { kind: 'electing', from: 'a', since: now, why: 'lost', prefer: undefined },
    {
      kind: 'promoting',
      winner: 'b',
      proof: { ...proof, start: { line: 2, at: 9 }, acceptedLoss: false },
    },
  ]
  for (const phase of phases) {
    assert.equal(states(view({ record: record(phase, 5) }), 'write'), 'd d d', phase.kind)
  }
  assert.equal(states(view({ record: undefined }), 'write'), 'd d d')
})

test('lets a primary that hands over finish, and gives it nothing new', () => {
  const phase: Phase = { kind: 'handing-over', from: 'a', to: 'b', since: now }
  assert.equal(states(view({ record: record(phase) }), 'write'), '~ d d')
  const { pools } = databaseRows([view({ record: record(phase) })], { now, edges: 1 })
  assert.ok(pools[0]!.cut!.grace > 0)
})

test('believes a record of whose primary nothing was heard, and no primary that denies it', () => {
  const only = (seen: MemberSighting) => view({ members: [seen, ...well.slice(1)] })
  assert.equal(states(view({ members: [] }), 'write'), 'u d d')
  assert.equal(states(only(primary('a', { epoch: 3 })), 'write'), 'd d d')
  assert.equal(states(only(primary('a', { writable: false })), 'write'), 'd d d')
  assert.equal(states(only(primary('a', { server: 'stopped' })), 'write'), 'd d d')
})

test('cuts off no read on a replica of which nothing was heard yet', () => {
  assert.equal(states(view({ members: [] }), 'read'), 'u* ~ ~')
})

test('keeps what it knew while the coordinator is away', () => {
  const old = instant(now - 600_000)
  const members = [primary('a', { heard: old }), sighting('b', { heard: old }), sighting('c')]
  const away = view({ members, connected: false })
  assert.equal(states(away, 'write'), 'u d d')
  assert.equal(states(away, 'read'), 'u* u u')
})

test('takes what is far behind, silent or astray out of the reads', () => {
  const b = (differs: Partial<MemberSighting>) =>
    states(view({ members: [primary('a'), sighting('b', differs), sighting('c')] }), 'read')
  for (const differs of [
    { lag: ms(1001) },
    { lag: undefined },
    { heard: instant(now - 60_000) },
    { upstream: undefined },
    { epoch: 3 },
  ]) {
    assert.equal(b(differs), 'u* ~ u', JSON.stringify(differs))
  }
  for (const differs of [{ diverged: true }, { server: 'stopped' as const }]) {
    assert.equal(b(differs), 'u* d u', JSON.stringify(differs))
  }
})

test('takes new reads away from who is about to lead, and cuts off none', () => {
  const proof = { epoch: 5, at: now, from: 'a', to: 'b', why: 'planned', acks: [], confirmed: {} }
  const phases: readonly (readonly [Phase, string])[] = [
    [{ ...serving, next: { to: 'b', since: now } }, 'u* ~ u'],
    [{ kind: 'handing-over', from: 'a', to: 'b', since: now }, '~* ~ u'],
    [{ kind: 'electing', from: 'a', since: now, why: 'planned', prefer: 'b' }, 'd ~ u'],
    [
      {
        ...{ kind: 'promoting', winner: 'b' },
        proof: { ...proof, start: { line: 2, at: 9 }, acceptedLoss: false },
      },
      'd ~ u',
    ],
  ]
  for (const [phase, wanted] of phases) {
    assert.equal(states(view({ record: record(phase) }), 'read'), wanted, phase.kind)
    // It may have been seen to be primary before that is written down.
    const members = [well[0]!, primary('b'), well[2]!]
    if (phase.kind === 'promoting') {
      assert.equal(states(view({ record: record(phase), members }), 'read'), wanted)
    }
  }
})

test('goes on answering reads from replicas while a primary is found', () => {
  const phase: Phase = { kind: 'electing', from: 'a', since: now, why: 'lost', prefer: undefined }
  const members = [sighting('a', { server: 'stopped' }), sighting('b', { upstream: undefined })]
  assert.equal(states(view({ record: record(phase, 5), members }), 'read'), 'd u ~')
})

test('names the application’s user at each address', () => {
  assert.deepEqual(databaseAccounts(plan, 'secret'), [
    { frontend: 'orders.write', user: 'shop', password: 'secret' },
    { frontend: 'orders.read', user: 'shop', password: 'secret' },
  ])
})
