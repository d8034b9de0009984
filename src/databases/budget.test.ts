// Bounds of a failover that keep its target, or say that none do.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ms } from '../foundation/time.ts'
import { boundsFor, targetLeast, worstCases } from './budget.ts'

const engines = ['postgresql', 'mariadb', 'mysql'] as const

test('every class of failure stays within the target', () => {
  for (const engine of engines) {
    for (const target of [targetLeast(engine), ms(4000), ms(30_000)]) {
      const bounds = boundsFor(target, engine)
      assert.ok(typeof bounds !== 'string')
      for (const worst of Object.values(worstCases(bounds, engine))) assert.ok(worst <= target)
    }
  }
})

test('an old primary fences itself before another may take over', () => {
  for (const engine of engines) {
    const bounds = boundsFor(ms(4000), engine)
    assert.ok(typeof bounds !== 'string')
    assert.ok(bounds.lease <= bounds.silence)
  }
})

test('a target that cannot be kept is refused, with the least that can', () => {
  assert.match(String(boundsFor(ms(500), 'postgresql')), /2.5s at least/)
  assert.match(String(boundsFor(ms(3000), 'mariadb')), /3.5s at least/)
})
