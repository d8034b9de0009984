// Stories of databases: what users of such tools have met, told as text, must end well here.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { firstMatch } from '../src/control/rules.ts'
import { decide } from '../src/databases/decide.ts'
import { factsOf } from '../src/databases/facts.ts'
import { databaseRules } from '../src/databases/rules.ts'
import { DatabaseStory, StoryFailed } from '../src/simulation/database/story.ts'
import type { Decide } from '../src/simulation/database/world.ts'

const folder = join(import.meta.dirname, 'scenarios')

/** Times within a story differ by its seed; what is expected may not rest on one. */
const seeds = [1, 2, 3, 4, 5, 6]

/** A story is lines up to the next empty one; those of `#` are for the reader. */
const storiesOf = (text: string): readonly string[] =>
  text
    .trimEnd()
    .split(/\n\n+/)
    .filter((story) => /^(?!#)./m.test(story))

function tell(story: string, seed: number, by: Decide = decide): void {
  const told = new DatabaseStory(seed, by)
  for (const line of story.split('\n')) if (!line.startsWith('#')) told.tell(line)
}

const files = readdirSync(folder)
  .filter((name) => /^databases-.*\.txt$/.test(name))
  .map((name) => ({ name, stories: storiesOf(readFileSync(join(folder, name), 'utf8')) }))

for (const { name: file, stories } of files) {
  suite(file, () => {
    for (const story of stories) {
      const name = story
        .split('\n')
        .filter((line) => line.startsWith('#'))
        .join(' ')
      test(name.replaceAll('# ', ''), () => {
        for (const seed of seeds) tell(story, seed)
      })
    }
  })
}

/**
 * Two give the same orders, and each stands in for the other; in this world a lease is over before
 * an election is, and nothing is enciphered (`encryption.test.ts`, and every small world).
 */
const unnoticed = [
  ...['freeze', 'hold-for-members', 'wait-out-lease', 'steady'],
  ...['change-encryption', 'encryption-waits'],
]

test('a rule that is missing makes some story fail', () => {
  const all = files.flatMap(({ stories }) => stories)
  const ids = databaseRules.map(({ id }) => id).filter((id) => !unnoticed.includes(id))
  const notNoticed = ids.filter((id) => {
    const rest = databaseRules.filter((rule) => rule.id !== id)
    const without: Decide = (seen) => firstMatch(rest, factsOf(seen))
    return seeds.every((seed) => all.every((story) => holds(story, seed, without)))
  })
  assert.deepEqual(notNoticed, [])
})

function holds(story: string, seed: number, by: Decide): boolean {
  try {
    tell(story, seed, by)
    return true
  } catch (thrown) {
    if (thrown instanceof StoryFailed) return false
    throw thrown
  }
}

const failing = (story: string) => (): void => tell(story, 1)

test('a story that does not end as it says fails, and tells what happened', () => {
  const story = 'given postgresql a b c\nmachine of a loses power\nexpect a is primary within 3s'
  assert.throws(failing(story), (thrown: unknown) => {
    assert.ok(thrown instanceof StoryFailed)
    assert.match(thrown.message, /^with seed 1: a is primary, not within 3s: [bc] is primary/)
    assert.match(thrown.message, /failover \(its primary is lost, and several witnesses say so\)/)
    return true
  })
})

test('a loss that nobody mentions is found', () => {
  const story = [
    ...['given postgresql a b, async', 'b loses the coordinator', 'for 3s'],
    ...['nothing goes from a to b', 'for 2s', 'machine of a loses power'],
    ...['b reaches the coordinator', 'accept loss', 'until b is primary'],
  ]
  assert.throws(failing([...story, 'expect nothing is lost'].join('\n')), /were given up/)
})

test('words that mean nothing are an error', () => {
  assert.throws(failing('given postgresql a b c\nserver of a sneezes'), /no such event/)
  assert.throws(failing('given postgresql a b c\nexpect a is happy'), /nothing can be expected/)
})
