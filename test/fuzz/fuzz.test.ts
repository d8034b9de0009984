// Every parser keeps its promises for a few thousand inputs. The long run is `npm run fuzz`.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fuzz } from './engine.ts'
import type { Target } from './target.ts'
import { shares, targets } from './targets.ts'

suite('parsers keep their promises', () => {
  const counts = shares(targets, 40_000)
  for (const [index, target] of targets.entries()) {
    test(target.name, () => {
      const { failure } = fuzz(target, { seed: 1, inputs: counts[index] ?? 0 })
      const told = `${failure?.message}: ${JSON.stringify(failure?.input)}`
      assert.equal(failure, undefined, told)
    })
  }
})

test('a parser that breaks a promise is found out, and the input made short', () => {
  const careless: Target = {
    ...{ name: 'careless', seeds: ['some harmless words'], words: ['XY'], share: 1 },
    check(input) {
      if (input.includes('XY')) throw new Error('no XY, please')
      return 'fine'
    },
  }
  const { failure } = fuzz(careless, { seed: 1, inputs: 1000 })
  assert.equal(failure?.input, 'XY')
  assert.match(failure.message, /no XY/)
})

test('no two targets have one name', () => {
  assert.equal(new Set(targets.map(({ name }) => name)).size, targets.length)
})
