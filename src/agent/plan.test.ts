// What a dry run says would be done.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { runService, specOf } from '../../test/fixtures/world.ts'
import { instant } from '../foundation/time.ts'
import { wish } from '../services/state.ts'
import type { Spec } from '../spec/model.ts'
import { planOf } from './plan.ts'
import { wishSpec } from './templates.ts'

const side = (edges: number) => ({ spec: { ...specOf(), edges }, services: {} })

suite('a plan', () => {
  test('tells of edges that are started, or end', () => {
    assert.deepEqual(planOf(side(2), side(4)), ['start 2 more edges: 4 carry the traffic'])
    assert.deepEqual(planOf(side(2), side(1)), ['let 1 edge finish and end: 1 carry the traffic'])
    assert.deepEqual(planOf(side(2), side(2)), [])
  })

  test('counts the replicas of all machines, not the share of this one', () => {
    const three = specOf([runService({ replicas: 3 })])
    const four = specOf([runService({ replicas: 4 })])
    const services = wishSpec({}, three, instant(0))
    for (const share of [0, 1]) {
      const state = wish(
        services.web!.state,
        { kind: 'run', replicas: share, changed: false },
        instant(0),
      )
      const here = { ...services, web: { ...services.web!, state } }
      const plan = (spec: Spec) =>
        planOf(
          { spec: three, services: here },
          { spec, services: wishSpec(here, spec, instant(0)) },
        )
      assert.deepEqual(plan(three), [])
      assert.deepEqual(plan(four), ['start 1 more replica of web'])
    }
  })
})
