// Who is picked: by turn, by load, by chance; always somebody, and by weight.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../foundation/random.ts'
import type { Candidate } from './candidate.ts'
import { leastconn } from './leastconn.ts'
import { randomOfTwo } from './random.ts'
import { roundrobin } from './roundrobin.ts'

interface Named extends Candidate {
  readonly name: string
  active: number
}

const named = (weights: readonly number[], active: readonly number[] = []): Named[] =>
  weights.map((weight, i) => ({
    name: String.fromCharCode(97 + i),
    ...{ weight, active: active[i] ?? 0, turn: 0 },
  }))

const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 })
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

suite('roundrobin', () => {
  test('spreads the heavy ones among the light ones', () => {
    const servers = named([5, 1, 1])
    const order = Array.from({ length: 7 }, () => roundrobin(servers)?.name).join('')
    assert.equal(order, 'aabacaa')
  })

  test('gives each its exact share of every round', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 4 }), (shares, rounds) => {
        const servers = named(shares)
        const counts = shares.map(() => 0)
        for (let i = 0; i < sum(shares) * rounds; i += 1) {
          const at = servers.indexOf(roundrobin(servers) as Named)
          counts[at] = (counts[at] ?? 0) + 1
        }
        assert.deepEqual(
          counts,
          shares.map((share) => share * rounds),
        )
      }),
    )
  })

  test('has nobody to pick among none', () => assert.equal(roundrobin([]), undefined))
})

suite('leastconn', () => {
  test('picks one that no other has less to do than, for its weight', () => {
    const loads = fc.array(fc.nat(50), { minLength: 6, maxLength: 6 })
    fc.assert(
      fc.property(weights, loads, (shares, active) => {
        const servers = named(shares, active)
        const picked = leastconn(servers)!
        for (const other of servers) {
          assert.ok(picked.active / picked.weight <= other.active / other.weight + 1e-9)
        }
      }),
    )
  })

  test('lets equals take turns', () => {
    const servers = named([1, 1, 1])
    const order = Array.from({ length: 6 }, () => leastconn(servers)?.name).join('')
    assert.equal(order, 'abcabc')
  })

  test('has nobody to pick among none', () => assert.equal(leastconn([]), undefined))
})

suite('random of two', () => {
  test('never picks the busiest of three alone, nor anybody outside', () => {
    const random = seededRandom(3)
    const servers = named([1, 1, 1], [0, 5, 9])
    for (let i = 0; i < 500; i += 1) assert.notEqual(randomOfTwo(servers, random)?.name, 'c')
  })

  test('keeps loads close without knowing them all', () => {
    const random = seededRandom(4)
    const servers = named([1, 1, 1, 1, 1])
    for (let i = 0; i < 5000; i += 1) randomOfTwo(servers, random)!.active += 1
    const loads = servers.map(({ active }) => active)
    assert.ok(Math.max(...loads) - Math.min(...loads) <= 20, loads.join())
  })

  test('picks one of those there are, however few', () => {
    fc.assert(
      fc.property(weights, fc.nat(), (shares, seed) => {
        const servers = named(shares)
        assert.ok(servers.includes(randomOfTwo(servers, seededRandom(seed)) as Named))
      }),
    )
    assert.equal(randomOfTwo([], seededRandom(1)), undefined)
  })
})
