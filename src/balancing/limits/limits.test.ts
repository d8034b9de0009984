// Limits of what one client may ask: exact at one edge, paid back between several, bounded.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { Networks } from '../../foundation/addresses.ts'
import type { Asked } from '../routing/asked.ts'
import { InFlight } from './in-flight.ts'
import { forwardedSource, limitKey, networkOf } from './limit-key.ts'
import { Limiter } from './limiter.ts'

suite('a limiter', () => {
  test('never gives more than its burst and its rate, and gives that', () => {
    const gaps = fc.array(fc.nat(400), { minLength: 1, maxLength: 200 })
    const rate = fc.integer({ min: 1, max: 200 })
    fc.assert(
      fc.property(gaps, rate, fc.integer({ min: 1, max: 50 }), (waits, perSecond, burst) => {
        const limiter = new Limiter(perSecond, burst)
        let [now, given] = [0, 0]
        for (const wait of waits) {
          now += wait
          const left = limiter.take('a', now)
          if (left === 0) given += 1
          else assert.equal(limiter.take('a', now + left + 1e-6) === 0, true)
          if (left !== 0) {
            now += left
            given += 1
          }
          assert.ok(given <= burst + (now * perSecond) / 1000 + 1e-6)
        }
      }),
    )
    const limiter = new Limiter(10, 5)
    const given = Array.from({ length: 20 }, () => limiter.take('a', 0)).filter(
      (left) => left === 0,
    )
    assert.equal(given.length, 5)
    assert.equal(limiter.take('a', 0), 100)
    assert.equal(limiter.take('a', 100), 0)
    assert.equal(limiter.take('b', 100), 0)
  })

  test('has what edges gave at once paid back, so that the rate holds', () => {
    const edges = [new Limiter(10, 20), new Limiter(10, 20), new Limiter(10, 20)]
    let given = 0
    for (let now = 0; now <= 60_000; now += 50) {
      for (const edge of edges)
        for (let i = 0; i < 5; i += 1) if (edge.take('a', now) === 0) given += 1
      if (now % 100 !== 0) continue
      for (const edge of edges) {
        for (const [key, count] of edge.tell(now)) {
          for (const other of edges) if (other !== edge) other.owe(key, count, now)
        }
      }
    }
    assert.ok(given >= 60 * 10, `${given}`)
    assert.ok(given <= 60 * 10 + 3 * 20 + 30, `${given}`)
  })

  test('tells only of those who are near their limit, and only once', () => {
    const limiter = new Limiter(1, 10)
    limiter.take('quiet', 0)
    for (let i = 0; i < 8; i += 1) limiter.take('busy', 0)
    assert.deepEqual(limiter.tell(0), [['busy', 8]])
    assert.deepEqual(limiter.tell(0), [])
  })

  test('stays in its memory, and forgets who was quiet longest', () => {
    const limiter = new Limiter(1, 2, 100)
    for (let i = 0; i < 5000; i += 1) {
      limiter.take('busy', 0)
      limiter.take(`client ${i}`, 0)
    }
    assert.equal(limiter.size, 100)
    assert.notEqual(limiter.take('busy', 0), 0)
  })
})

suite('what is in flight', () => {
  test('is counted for each client, and forgotten with its last request', () => {
    const inFlight = new InFlight(2)
    assert.deepEqual(
      ['a', 'a', 'a', 'b'].map((key) => inFlight.enter(key)),
      [true, true, false, true],
    )
    inFlight.leave('a')
    assert.equal(inFlight.enter('a'), true)
    for (const key of ['a', 'a', 'b']) inFlight.leave(key)
    assert.equal(inFlight.size, 0)
  })
})

suite('the key of a limit', () => {
  const asked = (source: string, fields: Readonly<Record<string, string>> = {}): Asked => ({
    ...{ source, method: 'GET', target: '/' },
    field: (name) => fields[name],
  })
  const limit = { id: 'x', by: 'source', perSecond: 1, burst: 1 } as const

  test('is an IPv4 address, the network of an IPv6 address, or a header', () => {
    assert.equal(networkOf('10.0.0.5'), '10.0.0.5')
    assert.equal(networkOf('2001:db8:1:2:3::1'), networkOf('2001:db8:1:2::9'))
    assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'))
    const header = { ...limit, by: 'header', name: 'x-key' } as const
    assert.equal(limitKey(header, undefined, asked('10.0.0.5', { 'x-key': 'k' })), 'k')
    assert.equal(limitKey(header, undefined, asked('10.0.0.5')), undefined)
    assert.equal(limitKey(header, undefined, asked('a', { 'x-key': 'k'.repeat(999) }))?.length, 256)
  })

  test('believes proxies that are trusted, and nobody before them', () => {
    const trusted = new Networks(['10.0.0.0/8'])
    const from = (source: string, forwarded: string): string =>
      forwardedSource(asked(source, { 'x-forwarded-for': forwarded }), trusted)
    assert.equal(from('10.0.0.1', '1.1.1.1, 203.0.113.7, 10.2.2.2'), '203.0.113.7')
    assert.equal(from('203.0.113.9', '1.1.1.1'), '203.0.113.9')
    assert.equal(from('10.0.0.1', ''), '10.0.0.1')
    assert.equal(from('10.0.0.1', 'nonsense'), '10.0.0.1')
    assert.equal(from('10.0.0.1', '1.1.1.1, nonsense'), '10.0.0.1')
  })
})
