// Every small world of a service: what no decision may do, and that every one leads to an end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canRollBack, comesToRest, comesTrue, harmless } from '../../test/fixtures/service-laws.ts'
import { everyService, revisions } from '../../test/fixtures/service-worlds.ts'
import { decide } from './decide.ts'
import { serviceRules } from './rules.ts'

test('in every small world: no decision does harm, and every rule has its world', () => {
  const reached = new Set<string>()
  let worlds = 0
  for (const size of [
    { most: 2, full: true },
    { most: 3, full: false },
  ]) {
    for (const seen of everyService(size.most, size.full)) {
      reached.add(harmless(seen, decide))
      worlds += 1
    }
  }
  assert.ok(worlds > 500_000, `${worlds} worlds`)
  const dead = serviceRules.map(({ id }) => id).filter((id) => !reached.has(id))
  assert.deepEqual(dead, [], 'a rule that nothing reaches is a rule to delete')
})

test('in every small world: deciding again and again about the same comes to rest', () => {
  for (const seen of everyService(2, false)) comesToRest(seen, decide)
})

test('in every small world: once all is well, as many are up as are wanted, and no other', () => {
  for (const seen of everyService(2, false)) comesTrue(seen, decide)
})

test('in every small world: a revision that never comes up gives way to the one before it', () => {
  for (const seen of everyService(2, false)) {
    if (canRollBack(seen)) comesTrue(seen, decide, revisions.wanted)
  }
})
