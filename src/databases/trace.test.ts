// Is the last failover told with its phases, and nothing that was not seen whole?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant } from '../foundation/time.ts'
import { lastFailover } from './trace.ts'

const steps = (...said: readonly (readonly [at: number, rule: string])[]) =>
  said.map(([at, rule]) => ({ at: instant(at), rule, why: '' }))

test('a failover is told with its phases', () => {
  const told = lastFailover(
    steps(
      ...([
        [0, 'promoted'],
        [5, 'steady'],
        [100, 'failover'],
        [110, 'freeze'],
      ] as const),
      ...([
        [150, 'elect-furthest'],
        [160, 'promote'],
        [400, 'promoted'],
        [500, 'steady'],
      ] as const),
    ),
  )
  assert.deepEqual(told, {
    at: 100,
    planned: false,
    took: 300,
    phases: [
      { name: 'stop the others and compare', took: 50 },
      { name: 'promote', took: 250 },
    ],
  })
})

test('of several the last is told, and a planned move is called one', () => {
  const told = lastFailover(
    steps(
      ...([
        [0, 'failover'],
        [10, 'elect-furthest'],
        [20, 'promoted'],
        [30, 'switch-over'],
      ] as const),
      ...([
        [35, 'quiesce'],
        [50, 'hand-over'],
        [60, 'elect-furthest'],
        [90, 'promoted'],
      ] as const),
    ),
  )
  assert.deepEqual([told?.at, told?.planned, told?.took], [30, true, 60])
})

test('one that was not seen whole is not told', () => {
  assert.equal(lastFailover(steps([0, 'promote'], [5, 'promoted'])), undefined)
  assert.equal(lastFailover(steps([0, 'failover'], [5, 'freeze'])), undefined)
  assert.equal(lastFailover([]), undefined)
})
