// Bounds of a failover that keep its target, or say that none do.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ms } from '../foundation/time.ts'
import { boundsFor, targetLeast, worstCases } from './budget.ts'

test('every class of failure stays within the target', () => {
  for (const target of [targetLeast, ms(4000), ms(30_000)]) {
    const bounds = boundsFor(target)
    assert.ok(typeof bounds !== 'string')
    for (const worst of Object.values(worstCases(bounds))) assert.ok(worst <= target)
  }
})

test('an old primary fences itself before another may take over', () => {
  const bounds = boundsFor(ms(4000))
  assert.ok(typeof bounds !== 'string')
  assert.ok(bounds.lease <= bounds.silence)
})

test('a target that cannot be kept is refused, with the least that can', () => {
  assert.match(String(boundsFor(ms(500))), /2.2s at least/)
})
