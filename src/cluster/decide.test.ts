// The leader's rules, one by one: what it waits for, and what makes it move replicas.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Instant, instant, ms } from '../foundation/time.ts'
import { decideCluster } from './decide.ts'
import { describeMoves, describeShare } from './describe.ts'
import type { ClusterObservation, Placement, Shares } from './model.ts'

const machine = (name: string) => ({ name, address: '127.0.0.1', zone: undefined, capacity: 1 })
const placed = (shares: Shares, applied = 1): Placement => ({
  ...{ epoch: 1, by: 'a', applied, shares, rule: 'first-placement' },
})
const seen = (more: Partial<ClusterObservation>): ClusterObservation => ({
  now: instant(100_000),
  since: instant(0),
  applied: 1,
  services: [{ name: 'web', replicas: 3, on: undefined }],
  machines: ['a', 'b', 'c'].map(machine),
  members: new Set(['a', 'b', 'c']),
  away: new Map(),
  answering: new Set(),
  drained: new Set(),
  placement: placed({ web: { a: 1, b: 1, c: 1 } }),
  policy: { moveAfter: ms(5000), gatherFor: ms(3000) },
  ...more,
})
const decided = (more: Partial<ClusterObservation>) => {
  const { rule, actions } = decideCluster(seen(more))
  return [rule, ...actions.map(({ shares }) => describeShare(shares.web ?? {}))]
}
const away = (name: string, since: number): ReadonlyMap<string, Instant> =>
  new Map([[name, instant(since)]])
const ab = new Set(['a', 'b'])

test('waits for machines that may still be starting before anything is placed', () => {
  const begun = { placement: undefined, members: new Set(['a']), since: instant(99_000) }
  assert.deepEqual(decided(begun), ['gather-machines'])
  assert.deepEqual(decided({ ...begun, since: instant(1000) }), ['first-placement', '3 on a'])
  const all = { placement: undefined, since: instant(99_000) }
  assert.deepEqual(decided(all), ['first-placement', '1 on a, 1 on b, 1 on c'])
})

test('moves what a silent machine ran only after the delay', () => {
  assert.deepEqual(decided({ members: ab, away: away('c', 96_000) }), ['wait-for-machine'])
  assert.deepEqual(decided({ members: ab, away: away('c', 95_000) }), [
    'move-from-lost',
    '2 on a, 1 on b',
  ])
})

test('moves nothing of a machine whose agent alone is away', () => {
  const lost = { members: ab, away: away('c', 1000), answering: new Set(['c']) }
  assert.deepEqual(decided(lost), ['agent-away'])
})

test('gives a machine back its part when it is back', () => {
  const back = { placement: placed({ web: { a: 2, b: 1 } }) }
  assert.deepEqual(decided(back), ['spread-again', '1 on a, 1 on b, 1 on c'])
})

test('empties a machine that is drained, also one that is away', () => {
  const drained = new Set(['b'])
  assert.deepEqual(decided({ drained }), ['move-from-drained', '2 on a, 1 on c'])
})

test('follows the file: its services, and the machines it names', () => {
  const more = { services: [{ name: 'web', replicas: 4, on: undefined }], applied: 2 }
  assert.deepEqual(decided(more), ['follow-file', '2 on a, 1 on b, 1 on c'])
  const fewer = { machines: ['a', 'b'].map(machine) }
  assert.deepEqual(decided(fewer), ['move-from-unnamed', '2 on a, 1 on b'])
})

test('says what nobody may run', () => {
  const services = [{ name: 'web', replicas: 3, on: ['z'] }]
  assert.deepEqual(decided({ services }), ['nowhere-to-run'])
})

test('rests when everything is where it should be', () => {
  assert.deepEqual(decided({}), ['placed'])
})

test('says what moves where', () => {
  const moves = describeMoves({ web: { a: 1, b: 2 } }, { web: { b: 1, c: 2 } })
  assert.deepEqual(moves, ['run web: 0 on a (was 1), 1 on b (was 2), 2 on c (was 0)'])
})
