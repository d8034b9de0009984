// Thousands of short lives of replicated databases: what is promised holds, and every rule is met.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decide } from '../../databases/decide.ts'
import type { DatabaseObservation } from '../../databases/model.ts'
import { databaseRules } from '../../databases/rules.ts'
import { type LifeParts, liveDatabase } from './life.ts'
import type { Decide } from './world.ts'

function firstBroken(lives: number, parts: Omit<LifeParts, 'seed'>): string | undefined {
  for (let seed = 0; seed < lives; seed += 1) {
    const { broken } = liveDatabase({ ...parts, seed })
    if (broken !== undefined) return `seed ${seed}: ${broken}`
  }
  return undefined
}

test('PostgreSQL: nothing acknowledged is lost, two never answer, nothing is stuck', () => {
  assert.equal(firstBroken(1500, { engine: 'postgresql' }), undefined)
})

test('MariaDB: nothing acknowledged is lost, two never answer, nothing is stuck', () => {
  assert.equal(firstBroken(1200, { engine: 'mariadb' }), undefined)
})

test('without quorum what is lost is what was given up, and two never answer', () => {
  assert.equal(firstBroken(1200, { durability: 'async' }), undefined)
})

const elsewhere = [
  // It takes three records that are lost, and a member that knew only the first two: stories.
  ...['raise-epoch', 'would-raise-epoch'],
  // Nothing is enciphered in these lives: `encryption.test.ts`, and every small world.
  ...['change-encryption', 'encryption-waits'],
]

test('the lives meet every rule', () => {
  const met = new Set<string>()
  const crashes = ['server killed', 'machine back']
  for (let seed = 0; seed < 100; seed += 1) {
    for (const rule of liveDatabase({ seed, only: crashes }).rules.keys()) met.add(rule)
  }
  for (let seed = 0; seed < 600; seed += 1) {
    for (const rule of liveDatabase({ seed }).rules.keys()) met.add(rule)
    for (const rule of liveDatabase({ seed, durability: 'async' }).rules.keys()) met.add(rule)
  }
  const unmet = databaseRules
    .map(({ id }) => id)
    .filter((id) => !met.has(id) && !elsewhere.includes(id))
  assert.deepEqual(unmet, [])
})

test('what is not asked again would be decided the same', () => {
  const asked = (seen: DatabaseObservation): ReturnType<Decide> => decide(seen)
  for (let seed = 0; seed < 150; seed += 1) {
    assert.deepEqual(liveDatabase({ seed }), liveDatabase({ seed, decide: asked }))
  }
})

test('the same seed lives the same life', () => {
  assert.deepEqual(liveDatabase({ seed: 7 }), liveDatabase({ seed: 7 }))
})
