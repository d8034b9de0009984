// The pure rules of routes: what they ask, where they send, what they do to a path.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import type { Asked } from './asked.ts'
import { chooseCanary, points } from './canary.ts'
import { matcherOf } from './match.ts'
import { locationOf, rewritten } from './target.ts'

const asked = (method: string, fields: Readonly<Record<string, string>> = {}): Asked => ({
  ...{ source: '10.0.0.5', method, target: '/' },
  field: (name) => fields[name],
})

suite('a route', () => {
  test('asks for all that it names, and for nothing else', () => {
    assert.equal(matcherOf({}, '/a'), undefined)
    const matches = matcherOf(
      {
        methods: ['GET', 'HEAD'],
        exact: true,
        ends: ['.jpg', '/a'],
        fields: [
          { name: 'x-beta', how: 'is', value: '1' },
          { name: 'accept', how: 'begins', value: 'text/' },
          { name: 'x-off', how: 'absent', value: '' },
          { name: 'x-on', how: 'present', value: '' },
        ],
      },
      '/a',
    )!
    const fields = { 'x-beta': '1', accept: 'text/html', 'x-on': '' }
    assert.ok(matches('/a', asked('GET', fields)))
    assert.ok(!matches('/a', asked('POST', fields)))
    assert.ok(!matches('/a/b', asked('GET', fields)))
    assert.ok(!matches('/a', asked('GET', { ...fields, 'x-off': 'no' })))
    for (const name of Object.keys(fields)) {
      assert.ok(!matches('/a', asked('GET', { ...fields, [name]: undefined } as never)), name)
    }
    const ends = matcherOf({ fields: [{ name: 'x', how: 'ends', value: 'z' }] }, undefined)!
    assert.ok(ends('/', asked('GET', { x: 'yz' })) && !ends('/', asked('GET', { x: 'zy' })))
  })
})

suite('a rewritten target', () => {
  test('loses whole segments only, keeps its query, and is a path', () => {
    const table: readonly [string, string, string, string][] = [
      ['/api/x?y', '/api', '', '/x?y'],
      ['/api', '/api', '', '/'],
      ['/api?y', '/api', '', '/?y'],
      ['/apix', '/api', '', '/apix'],
      ['/api/', '/api', '', '/'],
      ['/x', '/api', '/v2', '/v2/x'],
      ['/api/x', '/api', '/v2', '/v2/x'],
      ['/x', '/', '', '/x'],
      ['*', '/api', '/v2', '*'],
    ]
    for (const [target, strip, prepend, wanted] of table) {
      assert.equal(rewritten(target, strip, prepend), wanted, target)
    }
    const path = fc.webPath().map((text) => `/${text}`)
    fc.assert(
      fc.property(path, path, (target, strip) => {
        assert.ok(rewritten(target, strip).startsWith('/'))
        const inner = strip.replace(/\/+$/, '')
        if (inner !== '') assert.equal(rewritten(`${inner}/x`, inner), '/x')
      }),
    )
  })
})

suite('a redirect', () => {
  const to = (how: 'at' | 'under' | 'scheme', url: string) =>
    ({ kind: 'redirect', status: 308, how, to: url }) as const

  test('leads to a URL, under one, or to the same by another scheme', () => {
    assert.equal(locationOf(to('at', 'https://b/x'), 'a', '/y'), 'https://b/x')
    assert.equal(locationOf(to('under', 'https://b/x/'), 'a', '/y?z'), 'https://b/x/y?z')
    assert.equal(locationOf(to('under', '/new'), 'a', '/y'), '/new/y')
    assert.equal(locationOf(to('scheme', 'https'), 'a.example:80', '/y'), 'https://a.example/y')
    assert.equal(locationOf(to('scheme', 'https'), '[::1]:8080', '*'), 'https://[::1]:8080/')
  })

  test('never lets a path name another host', () => {
    assert.equal(locationOf(to('under', '/'), 'a', '//evil.example/'), '/evil.example/')
  })
})

suite('a canary', () => {
  const share = fc.integer({ min: 0, max: points }).map((part) => part / points)
  const source = fc.ipV4()
  const goes = (part: number, from: string): boolean =>
    chooseCanary({ pool: 'next', share: part }, { ...asked('GET'), source: from }, 0).chosen

  test('keeps whom it has as its share grows', () => {
    fc.assert(
      fc.property(share, share, source, (a, b, from) => {
        if (goes(Math.min(a, b), from)) assert.ok(goes(Math.max(a, b), from))
      }),
    )
    assert.ok(goes(1, '10.0.0.1') && !goes(0, '10.0.0.1'))
  })

  test('gets about its share of the clients', () => {
    const clients = Array.from({ length: 5000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`)
    const chosen = clients.filter((from) => goes(0.05, from)).length
    assert.ok(chosen > 190 && chosen < 310, `${chosen}`)
  })

  test('places a client by its cookie, once', () => {
    const canary = { pool: 'next', share: 0.5, cookie: 'side' }
    const fresh = chooseCanary(canary, asked('GET'), 0.3)
    assert.deepEqual(fresh, { chosen: true, tell: 3000 })
    assert.deepEqual(chooseCanary(canary, asked('GET', { cookie: 'side=3000' }), 0.9), {
      ...{ chosen: true, tell: undefined },
    })
    assert.equal(chooseCanary(canary, asked('GET', { cookie: 'side=7000' }), 0).chosen, false)
    assert.equal(chooseCanary(canary, asked('GET', { cookie: 'side=x' }), 0.7).tell, 7000)
    assert.equal(chooseCanary(canary, asked('GET'), 1).tell, points - 1)
  })

  test('always gets a request with its field', () => {
    const canary = { pool: 'next', share: 0, field: { name: 'x-canary', value: 'always' } }
    assert.ok(chooseCanary(canary, asked('GET', { 'x-canary': 'always' }), 0).chosen)
    assert.ok(!chooseCanary(canary, asked('GET', { 'x-canary': 'no' }), 0).chosen)
  })
})
