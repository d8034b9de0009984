// Every small world of one place for an edge.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstMatch } from '../../../control/rules.ts'
import { type SlotFacts, slotRules } from './slot-rules.ts'

const names = [
  'wanted',
  'alive',
  'silent',
  'outdated',
  'replacing',
  'stopping',
  'waits',
  'successorGreeted',
  'successorListens',
  'handingOver',
  'othersReplacing',
  'backingOff',
  'firstIsComing',
] as const

function* everyWorld(): Generator<SlotFacts> {
  for (let bits = 0; bits < 1 << names.length; bits += 1) {
    const facts = names.map((name, place) => [name, (bits >> place) % 2 === 1])
    yield Object.fromEntries(facts) as unknown as SlotFacts
  }
}

test('a place never has two edges, and only one place is renewed at a time', () => {
  const chosen = new Set<string>()
  for (const facts of everyWorld()) {
    const { rule, actions } = firstMatch(slotRules, facts)
    chosen.add(rule)
    if (actions.includes('start'))
      assert.ok(facts.wanted && !facts.alive && !facts.backingOff && !facts.firstIsComing)
    if (actions.includes('replace')) assert.ok(!facts.othersReplacing && !facts.replacing)
    if (actions.includes('hand-over') || actions.includes('yield'))
      assert.ok(facts.replacing && !facts.handingOver, 'what is handed over is taken once')
    if (actions.includes('stop')) assert.ok(!facts.wanted && !facts.stopping)
    if (actions.includes('kill')) assert.ok(facts.silent, 'only what does not answer is killed')
    if (facts.alive && facts.silent) assert.deepEqual(actions, ['kill'])
  }
  const ids = slotRules.map(({ id }) => id)
  assert.deepEqual(chosen, new Set(ids), 'a rule that nothing reaches is a rule to delete')
})
