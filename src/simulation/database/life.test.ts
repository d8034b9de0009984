// Thousands of short lives of replicated databases, and controls that have to be noticed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstMatch } from '../../control/rules.ts'
import { decide } from '../../databases/decide.ts'
import { factsOf } from '../../databases/facts.ts'
import type { DatabaseObservation, MemberSighting } from '../../databases/model.ts'
import { databaseRules } from '../../databases/rules.ts'
import { type LifeParts, type Lived, liveDatabase } from './life.ts'
import type { Decide } from './world.ts'

type Control = Omit<LifeParts, 'seed'>

/** The first of `count` lives in which a promise did not hold. */
function firstBroken(count: number, control: Control): Lived | undefined {
  for (let seed = 0; seed < count; seed += 1) {
    const lived = liveDatabase({ ...control, seed })
    if (lived.broken !== undefined) return lived
  }
  return undefined
}

test('no acknowledged write is lost, two primaries never answer, and nothing is stuck', () => {
  assert.equal(firstBroken(3000, {})?.broken, undefined)
})

test('without quorum two primaries never answer either, and nothing is stuck', () => {
  assert.equal(firstBroken(1500, { durability: 'async' })?.broken, undefined)
})

test('the lives meet every rule', () => {
  const met = new Set<string>()
  for (let seed = 0; seed < 400; seed += 1) {
    for (const rule of liveDatabase({ seed }).rules.keys()) met.add(rule)
    for (const rule of liveDatabase({ seed, durability: 'async' }).rules.keys()) met.add(rule)
  }
  const operators = new Set(['paused', 'would-fail-over'])
  const unmet = databaseRules.filter(({ id }) => !met.has(id) && !operators.has(id))
  assert.deepEqual(
    unmet.map(({ id }) => id),
    [],
  )
})

/** The rules decide, but on a view in which something that they rely on is wrong. */
const seeing =
  (change: (seen: DatabaseObservation) => DatabaseObservation): Decide =>
  (seen) =>
    decide(change(seen))

const eachMember =
  (change: (member: MemberSighting, seen: DatabaseObservation) => Partial<MemberSighting>) =>
  (seen: DatabaseObservation): DatabaseObservation => ({
    ...seen,
    members: seen.members.map((member) => ({ ...member, ...change(member, seen) })),
  })

const without =
  (id: string): Decide =>
  (seen) =>
    firstMatch(
      databaseRules.filter((rule) => rule.id !== id),
      factsOf(seen),
    )

/** Each of these takes away one thing that safety rests on. A life has to notice. */
const controls: Readonly<Record<string, Control>> = {
  'a keeper carries out whatever comes, however late': {
    sabotage: { forgetsPromises: true, takesLateOrders: true },
  },
  'whoever is heard counts as stopped': {
    decide: seeing(
      eachMember((member, { record }) => ({
        promised: record.epoch,
        upstream: record.phase.kind === 'electing' ? undefined : member.upstream,
      })),
    ),
  },
  'one member less has to stop': {
    decide: seeing((seen) => ({
      ...seen,
      record: {
        ...seen.record,
        acks:
          seen.record.phase.kind === 'electing'
            ? seen.record.acks.map((set) => ({ ...set, members: set.members.slice(1) }))
            : seen.record.acks,
      },
    })),
  },
  'a set is forgotten as soon as another is in force': {
    decide: seeing(eachMember(() => ({ acksSince: { line: 0, at: 0 } }))),
  },
  'a set is forgotten as soon as another is recorded': {
    decide: seeing((seen) => ({
      ...seen,
      record: { ...seen.record, acks: seen.record.acks.slice(-1) },
    })),
  },
  'what lies before the set in force need not be had': {
    decide: seeing((seen) => ({ ...seen, record: { ...seen.record, floor: { line: 0, at: 0 } } })),
  },
  'the nearest is promoted, not the furthest': {
    decide: (seen) => {
      const facts = factsOf(seen)
      const { winner, confirmed } = facts.election
      const last = confirmed.findLast((each) => each.heard && each !== winner)
      const election = { ...facts.election, winner: last ?? winner }
      return firstMatch(databaseRules, { ...facts, election })
    },
  },
  'nobody is asked to stop': { decide: without('freeze') },
  'one that is stale is left alone': { decide: without('fence-stale') },
  'a lost winner is waited for': { decide: without('winner-lost') },
  'nobody comes back': { decide: without('rejoin') },
}

for (const [name, control] of Object.entries(controls)) {
  test(`is noticed: ${name}`, () => {
    const lived = firstBroken(20_000, control)
    assert.notEqual(lived, undefined, 'no life noticed it')
  })
}

test('is noticed: without quorum nobody waits until the old primary has fenced itself', () => {
  const control: Control = { durability: 'async', decide: without('wait-out-lease') }
  assert.notEqual(firstBroken(20_000, control), undefined)
})

test('is noticed: without quorum a primary has no guard', () => {
  const control: Control = { durability: 'async', sabotage: { hasNoGuard: true } }
  assert.notEqual(firstBroken(20_000, control), undefined)
})

test('the same seed lives the same life', () => {
  assert.deepEqual(liveDatabase({ seed: 7 }), liveDatabase({ seed: 7 }))
})
