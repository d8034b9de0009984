// What a dry run says would be done.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { specOf } from '../../test/fixtures/world.ts'
import { planOf } from './plan.ts'

const side = (edges: number) => ({ spec: { ...specOf(), edges }, services: {} })

suite('a plan', () => {
  test('tells of edges that are started, or end', () => {
    assert.deepEqual(planOf(side(2), side(4)), ['start 2 more edges: 4 carry the traffic'])
    assert.deepEqual(planOf(side(2), side(1)), ['let 1 edge finish and end: 1 carry the traffic'])
    assert.deepEqual(planOf(side(2), side(2)), [])
  })
})
