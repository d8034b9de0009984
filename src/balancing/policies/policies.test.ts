// Who is picked: by turn, by load, by chance; always somebody, and by weight.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { seededRandom } from '../../foundation/random.ts'
import { ms } from '../../foundation/time.ts'
import type { Candidate } from './candidate.ts'
import { choose } from './choose.ts'
import { consistent, hash32, quietMost } from './hash.ts'
import { cookieOf, hashKey, keyless } from './hash-key.ts'
import { leastconn } from './leastconn.ts'
import { randomOfTwo } from './random.ts'
import { roundrobin } from './roundrobin.ts'
import { slowShare } from './slow-start.ts'

interface Named extends Candidate {
  readonly name: string
  active: number
}

const named = (weights: readonly number[], active: readonly number[] = []): Named[] =>
  weights.map((weight, i) => ({
    name: String.fromCharCode(97 + i),
    ...{ weight, active: active[i] ?? 0, turn: 0, seed: hash32(`web-${i}`) },
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

suite('hash', () => {
  const keys = Array.from({ length: 6000 }, (_, i) => hash32(`10.0.${i >> 8}.${i & 255}`))
  const shares = (servers: readonly Named[]): Readonly<Record<string, number>> => {
    const counts: Record<string, number> = {}
    for (const key of keys) {
      const { name } = consistent(servers, key, 1.25)!
      counts[name] = (counts[name] ?? 0) + 1
    }
    return counts
  }

  test('gives each server the keys of its weight', () => {
    const counts = shares(named([1, 2, 1]))
    assert.ok(Math.abs(counts.b! - 3000) < 200 && Math.abs(counts.a! - 1500) < 150)
  })

  test('moves the keys of the one that goes, and no others', () => {
    const servers = named([1, 1, 1, 1, 1])
    const without = servers.slice(0, 4)
    for (const key of keys) {
      const before = consistent(servers, key, 1.25)!
      const after = consistent(without, key, 1.25)!
      if (before !== servers[4]) assert.equal(after, before)
    }
  })

  test('moves only to the one whose weight grew', () => {
    const before = named([1, 1, 1])
    const after = named([1, 3, 1])
    for (const key of keys) {
      const was = consistent(before, key, 1.25)!.name
      const is = consistent(after, key, 1.25)!.name
      assert.ok(is === was || is === 'b')
    }
  })

  test('leaves no server with more than its bounded share, and always finds one', () => {
    const bounds = fc.double({ min: 1, max: 3, noNaN: true })
    fc.assert(
      fc.property(weights, fc.nat(400), bounds, fc.nat(3), (shares, requests, bound, hot) => {
        const servers = named(shares)
        for (let i = 0; i < requests; i += 1) {
          const picked = consistent(servers, keys[i % (hot + 1)]!, bound)!
          picked.active += 1
        }
        const limit = (server: Named): number =>
          Math.ceil((bound * requests * server.weight) / sum(shares))
        for (const server of servers) {
          assert.ok(server.active <= Math.max(quietMost, limit(server)))
        }
        assert.equal(sum(servers.map(({ active }) => active)), requests)
      }),
    )
  })

  test('keeps the parallel requests of one client together while it is quiet', () => {
    const servers = named([1, 1, 1])
    for (let i = 0; i < quietMost; i += 1) consistent(servers, keys[7]!, 1.25)!.active += 1
    assert.equal(Math.max(...servers.map(({ active }) => active)), quietMost)
  })

  test('draws a server for a request without the key', () => {
    const servers = named([1, 1, 1])
    const chooser = { policy: 'hash', key: keyless, bound: 1.25 } as const
    const random = seededRandom(5)
    const seen = new Set(Array.from({ length: 90 }, () => choose(servers, chooser, random)?.name))
    assert.equal(seen.size, 3)
    assert.equal(consistent([], 1, 1.25), undefined)
  })
})

suite('first', () => {
  test('takes the first of the list, however busy it is', () => {
    const chooser = { policy: 'first', key: keyless, bound: Infinity } as const
    assert.equal(choose(named([1, 9], [50, 0]), chooser, seededRandom(1))?.name, 'a')
    assert.equal(choose([], chooser, seededRandom(1)), undefined)
  })
})

suite('a hash key', () => {
  const asked = (target: string, fields: Readonly<Record<string, string>> = {}) => ({
    ...{ source: '10.0.0.5', method: 'GET', target },
    field: (name: string) => fields[name],
  })
  const same = (rule: Parameters<typeof hashKey>[0], a: string, b: string): boolean =>
    hashKey(rule, asked(a)) === hashKey(rule, asked(b))

  test('of a target is its path, so many segments of it, or all', () => {
    assert.ok(same({ by: 'uri' }, '/a/b?x=1', '/a/b?x=2'))
    assert.ok(!same({ by: 'uri', query: true }, '/a/b?x=1', '/a/b?x=2'))
    assert.ok(!same({ by: 'uri' }, '/a/b', '/a/c'))
    assert.ok(same({ by: 'uri', depth: 1 }, '/a/b', '/a/c/d?e=/f'))
    assert.ok(!same({ by: 'uri', depth: 2 }, '/a/b/x', '/a/c/x'))
    assert.ok(same({ by: 'uri', depth: 9 }, '/a/b', '/a/b?x=/1/2/3/4/5/6/7/8'))
  })

  test('of a header or a cookie is its value; without it there is none', () => {
    const cookie = { by: 'cookie', name: 'sid' } as const
    const one = hashKey(cookie, asked('/', { cookie: 'a=1; sid=x7' }))
    assert.equal(one, hashKey(cookie, asked('/z', { cookie: 'sid="x7"; b=2' })))
    assert.equal(hashKey(cookie, asked('/', { cookie: 'xsid=x7' })), keyless)
    assert.equal(hashKey({ by: 'header', name: 'x-user' }, asked('/')), keyless)
    assert.notEqual(hashKey({ by: 'header', name: 'x-user' }, asked('/', { 'x-user': 'a' })), one)
  })

  test('reads cookies as they are written, whatever else stands there', () => {
    assert.equal(cookieOf('a=1;b=2 ; c=3=4', 'b'), '2')
    assert.equal(cookieOf('a=1;b=2 ; c=3=4', 'c'), '3=4')
    assert.equal(cookieOf('novalue; sid=', 'sid'), '')
    assert.equal(cookieOf('; ;;=x', 'sid'), undefined)
    fc.assert(
      fc.property(fc.string(), fc.string(), (field, name) => {
        const found = cookieOf(field, name)
        assert.ok(found === undefined || field.includes(found))
      }),
    )
  })
})

suite('slow start', () => {
  test('rises evenly from a little to everything', () => {
    const length = ms(30_000)
    const at = (age: number): number => slowShare(age, Infinity, length)
    assert.deepEqual([0, 300, 15_000, 30_000, 99_000].map(at), [0.02, 0.02, 0.5, 1, 1])
    fc.assert(
      fc.property(fc.nat(40_000), fc.nat(40_000), (a, b) => {
        assert.ok(at(Math.min(a, b)) <= at(Math.max(a, b)))
      }),
    )
  })

  test('holds nobody back when all have just started, or there is only one', () => {
    assert.equal(slowShare(5, 5, ms(30_000)), 1)
    assert.equal(slowShare(0, 0, ms(30_000)), 1)
    assert.ok(slowShare(1000, 1020, ms(30_000)) > 0.95)
  })

  test('is off without a length', () => assert.equal(slowShare(0, Infinity, ms(0)), 1))
})
