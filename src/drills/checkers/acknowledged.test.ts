// Is every row accounted for, whatever its client was told?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { checkAcknowledged, isAcknowledgedKept } from './acknowledged.ts'
import type { FinalRead, Insert, Outcome } from './model.ts'

const insert = (id: number, outcome: Outcome, invoked = id * 10): Insert => ({
  ...{ id, outcome, invoked, completed: invoked + 15 },
})
const end = 10_000
const readAt = (ids: readonly number[], invoked = end): FinalRead => ({
  ...{ ids, invoked, completed: invoked + 1 },
})

/** What clients were told, and the rows that a database without faults then has. */
const sound = fc
  .array(fc.record({ outcome: fc.constantFrom('ok', 'fail', 'unknown'), luck: fc.boolean() }), {
    ...{ minLength: 1, maxLength: 80 },
  })
  .map((all) => {
    const inserts = all.map(({ outcome }, id) => insert(id, outcome as Outcome))
    const isThere = ({ id, outcome }: Insert): boolean =>
      outcome === 'ok' || (outcome === 'unknown' && all[id]!.luck)
    return { inserts, ids: inserts.filter(isThere).map(({ id }) => id) }
  })

const check = (what: string, holds: (all: readonly Insert[], ids: readonly number[]) => void) =>
  test(what, () => {
    fc.assert(
      fc.property(sound, ({ inserts, ids }) => holds(inserts, ids)),
      { seed: 5, numRuns: 200 },
    )
  })

const idsOf = (inserts: readonly Insert[], outcome: Outcome): readonly number[] =>
  inserts.filter((e) => e.outcome === outcome).map(({ id }) => id)

check('passes what a database without faults has', (inserts, ids) => {
  const verdict = checkAcknowledged(inserts, readAt(ids))
  assert.ok(isAcknowledgedKept(verdict))
  const unknown = new Set(idsOf(inserts, 'unknown'))
  assert.equal(verdict.unknown, unknown.size)
  assert.deepEqual(
    verdict.recovered,
    ids.filter((id) => unknown.has(id)),
  )
})

check('finds each acknowledged row that is gone', (inserts, ids) => {
  for (const gone of idsOf(inserts, 'ok')) {
    const verdict = checkAcknowledged(inserts, readAt(ids.filter((id) => id !== gone)))
    assert.deepEqual(verdict.lost, [gone])
    assert.equal(isAcknowledgedKept(verdict), false)
  }
})

check('finds each row that came back although it was refused', (inserts, ids) => {
  for (const back of idsOf(inserts, 'fail')) {
    const verdict = checkAcknowledged(inserts, readAt([...ids, back]))
    assert.deepEqual(verdict.resurrected, [back])
    assert.equal(isAcknowledgedKept(verdict), false)
  }
})

check('finds a row that nobody wrote, and one that is there twice', (inserts, ids) => {
  const strange = checkAcknowledged(inserts, readAt([...ids, 999]))
  assert.deepEqual(strange.unexpected, [999])
  assert.equal(isAcknowledgedKept(strange), false)
  const [first] = ids
  if (first === undefined) return
  const twice = checkAcknowledged(inserts, readAt([...ids, first]))
  assert.deepEqual(twice.repeated, [first])
  assert.equal(isAcknowledgedKept(twice), false)
})

test('does not ask for what was acknowledged after the read began', () => {
  const inserts = [insert(1, 'ok', 0), insert(2, 'ok', 90)]
  const verdict = checkAcknowledged(inserts, readAt([1], 100))
  assert.deepEqual([verdict.lost, verdict.acknowledged], [[], 1])
})

test('does not believe a row that was first tried after the read', () => {
  const verdict = checkAcknowledged([insert(1, 'ok', 200)], readAt([1], 100))
  assert.deepEqual(verdict.unexpected, [1])
})

test('refuses a history in which one id is tried twice', () => {
  assert.throws(() => checkAcknowledged([insert(1, 'ok'), insert(1, 'ok')], readAt([1])), {
    message: 'broken invariant: every insert has an id of its own',
  })
})
