// Sets of members, every small one: whoever outvotes one has what it acknowledged.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AckSet } from './model.ts'
import { type Enforced, nextAcks, outvotes, promotionQuorum, shortageOf } from './quorum.ts'

const names = ['b', 'c', 'd', 'e']

function subsets(of: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: 2 ** of.length }, (_, bits) =>
    of.filter((_name, index) => (bits >> index) % 2 === 1),
  )
}

const sets: readonly AckSet[] = subsets(names).flatMap((members) =>
  members.map((_, index) => ({ members, needed: index + 1 })),
)

test('whoever outvotes a set shares a member with every group that can acknowledge by it', () => {
  for (const set of sets) {
    for (const stopped of subsets(names)) {
      if (!outvotes(set, new Set(stopped))) continue
      const free = set.members.filter((each) => !stopped.includes(each))
      assert.ok(free.length < set.needed, JSON.stringify({ set, stopped }))
    }
  }
})

test('says how many more would have to stop, and that so many are enough', () => {
  for (const set of sets) {
    const few = set.members.slice(0, promotionQuorum(set) - 1)
    const short = shortageOf(set, new Set(few))
    assert.equal(short?.missing, 1)
    assert.equal(shortageOf(set, new Set([...few, short?.of[0] ?? ''])), undefined)
  }
})

test('an asynchronous set is outvoted by nobody', () => {
  assert.equal(outvotes({ members: names, needed: 0 }, new Set(names)), false)
})

const [a, b, c] = [
  { members: ['b'], needed: 1 },
  { members: ['b', 'c'], needed: 1 },
  { members: ['c'], needed: 1 },
] as const
const byOrder = (acks: AckSet, version: number, caughtUp = true): Enforced => ({
  acks,
  version,
  caughtUp,
})

test('a set is recorded before the server is told of it', () => {
  assert.deepEqual(nextAcks([a], byOrder(a, 1), b, 1), [a, b])
  assert.equal(nextAcks([a, b], byOrder(a, 1), b, 2), undefined)
})

test('a set is forgotten only when the server uses another by a later order', () => {
  // Another goal meanwhile: both orders may still be carried out.
  assert.deepEqual(nextAcks([a, b], byOrder(a, 1), c, 2), [a, b, c])
  // It uses the set, but says so of an order of before: a later one is awaited.
  assert.equal(nextAcks([a, b], byOrder(b, 1), b, 2), undefined)
  assert.deepEqual(nextAcks([a, b], byOrder(b, 2), b, 2), [b])
})

test('a set is forgotten only when the next one has all that it acknowledged', () => {
  assert.equal(nextAcks([a, c], byOrder(c, 2, false), c, 2), undefined)
  assert.deepEqual(nextAcks([a, c], byOrder(c, 2), c, 2), [c])
})
