// Every small world of a database: what no decision may do, and that every one leads to an end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comesTrue } from '../../test/fixtures/database-ends.ts'
import { comesToRest, harmless } from '../../test/fixtures/database-laws.ts'
import {
  type Change,
  type Detail,
  everyDatabase,
  mainChanges,
  otherChanges,
  promises,
} from '../../test/fixtures/database-worlds.ts'
import { decide } from './decide.ts'
import type { DatabaseObservation } from './model.ts'
import { databaseRules } from './rules.ts'

// `npm run worlds:databases` tries more of them.
const sizes: readonly (readonly [2 | 3, Detail, readonly Change[]])[] = [
  [2, 'all', mainChanges],
  [3, 'few', mainChanges],
  [2, 'some', otherChanges],
]

/** Of what is rarely so, only while one certain member of two others has to acknowledge. */
const isPlain = ({ record: { acks } }: DatabaseObservation): boolean =>
  acks.length === 1 && acks[0]?.needed === 1 && acks[0].members.length === 1

test('no decision does harm in a small world, all come to rest, every rule has its world', () => {
  const reached = new Set<string>()
  let worlds = 0
  const look = (seen: DatabaseObservation): void => {
    reached.add(harmless(seen, decide))
    comesToRest(seen, decide)
    worlds += 1
  }
  for (const [count, detail, changes] of sizes) {
    for (const seen of everyDatabase(count, detail, changes)) look(seen)
  }
  for (const seen of everyDatabase(3, 'few', otherChanges)) if (isPlain(seen)) look(seen)
  assert.ok(worlds > 1_400_000, `${worlds} worlds`)
  const dead = databaseRules.map(({ id }) => id).filter((id) => !reached.has(id))
  assert.deepEqual(dead, [], 'a rule that nothing reaches is a rule to delete')
})

test('in small worlds: once nothing is in the way one leads, and all others follow', () => {
  for (const seen of everyDatabase(2, 'some', mainChanges.slice(0, 1))) comesTrue(seen, decide)
  for (const seen of everyDatabase(2, 'few', mainChanges)) comesTrue(seen, decide)
  for (const seen of everyDatabase(2, 'few', promises)) comesTrue(seen, decide)
})
