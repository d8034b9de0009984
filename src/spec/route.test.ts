// What routes, limits of bodies and maintenance come to, and what is refused.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseSpec } from './parse.ts'
import { joinRules } from './settle-route.ts'

const base = 'services: { web: { servers: ["a:80"] }, next: { servers: ["b:80"] } }\n'

function parse(frontend: string) {
  const text = `${base}frontends:\n  public:\n    bind: ":80"\n${frontend.replace(/^/gm, '    ')}\n`
  const readFile = (path: string): string => `page ${path}`
  const parsed = parseSpec({ text, file: '/srv/alwayson.yaml', env: {}, cores: 2, readFile })
  return parsed.kind === 'spec'
    ? { frontend: parsed.spec.frontends.public!, problems: [] }
    : { frontend: undefined, problems: parsed.problems.map(({ message }) => message) }
}

const routeOf = (text: string) => parse(`routes:\n  - ${text}\nto: web`).frontend?.routes[0]

suite('a route of the file', () => {
  test('comes to what it asks and does', () => {
    assert.deepEqual(routeOf('{ path: /old, to: next }'), {
      ...{ host: undefined, path: '/old', to: 'next' },
    })
    const { rules } = routeOf(
      '{ path: /a, exact: true, methods: [GET], headers: { X-A: "1", X-B: true, X-C: false, ' +
        'X-D: "b*", X-E: "*e" }, to: next, strip_prefix: true, add_prefix: /v2, max_body: 1KiB, ' +
        'request_headers: { set: { X-F: "1" }, remove: [X-G] }, ' +
        'canary: { to: web, share: 2.5%, header: { X-H: always }, cookie: side } }',
    )!
    assert.deepEqual(rules, {
      methods: ['GET'],
      fields: [
        { name: 'x-a', how: 'is', value: '1' },
        { name: 'x-b', how: 'present', value: '' },
        { name: 'x-c', how: 'absent', value: '' },
        { name: 'x-d', how: 'begins', value: 'b' },
        { name: 'x-e', how: 'ends', value: 'e' },
      ],
      ...{ exact: true, strip: '/a', prepend: '/v2', bodyMost: 1024 },
      request: { remove: ['x-g'], set: [['X-F', '1']] },
      canary: {
        ...{ pool: 'web', share: 0.025, cookie: 'side' },
        field: { name: 'x-h', value: 'always' },
      },
    })
  })

  test('may answer by itself', () => {
    const reply = (text: string) => routeOf(text)?.rules?.reply
    const redirect = { kind: 'redirect', status: 308 }
    assert.deepEqual(reply('{ path: /x, redirect: https }'), {
      ...redirect,
      how: 'scheme',
      to: 'https',
    })
    assert.deepEqual(reply('{ path: /x, redirect: "https://b/" }'), {
      ...{ ...redirect, how: 'at', to: 'https://b/' },
    })
    assert.deepEqual(reply('{ path: /x, redirect: { under: /new, code: 302 } }'), {
      ...{ ...redirect, status: 302, how: 'under', to: '/new' },
    })
    assert.deepEqual(reply('{ path: /x, refuse: 403 }'), { kind: 'refuse', status: 403 })
  })

  test('is refused when it leads nowhere, twice, or cannot mean what it says', () => {
    const refused: readonly [string, RegExp][] = [
      ['{ path: /x }', /leads nowhere/],
      ['{ path: /x, to: web, refuse: 403 }', /cannot stand beside/],
      ['{ exact: true, to: web }', /needs a `path`/],
      ['{ strip_prefix: true, to: web }', /no `path` to strip/],
      ['{ path: /x, to: web, canary: { to: nxt, share: 5% } }', /no service `nxt`/],
      ['{ path: /x, to: web, canary: { to: next, share: 500% } }', /percentage/],
      ['{ path: /x, to: web, request_headers: { remove: [Connection] } }', /frames messages/],
      ['{ path: /x, to: web, request_headers: { set: { X: "a\\nb" } } }', /control/],
      ['{ path: /x, redirect: { code: 301 } }', /one of `to`/],
      ['{ path: /x, redirect: "ftp://x" }', /expected/],
    ]
    for (const [text, wanted] of refused) {
      assert.match(parse(`routes:\n  - ${text}\nto: web`).problems.join('\n'), wanted, text)
    }
    const message = parse('mode: tcp\nto: web\nmax_body: 1KiB').problems.join()
    assert.match(message, /in TCP mode/)
  })

  test('does not cover another when it asks for more than host and path', () => {
    const both = (first: string) =>
      parse(`routes:\n  - ${first}\n  - { path: /a, to: next }\nto: web`)
    assert.deepEqual(both('{ path: /a, methods: [GET], to: web }').problems, [])
    assert.match(both('{ path: /a, to: web }').problems.join(), /never matches/)
  })
})

suite('the rules of a frontend and of its routes', () => {
  test('are joined, the route’s own going first', () => {
    const all = { bodyMost: 5, request: { remove: ['a'], set: [['X', '1']] as const } }
    assert.deepEqual(joinRules(all, { request: { remove: ['b'], set: [['x', '2']] } }), {
      bodyMost: 5,
      request: { remove: ['a', 'b'], set: [['x', '2']] },
    })
    assert.equal(joinRules(all, undefined), all)
  })
})

suite('maintenance', () => {
  test('is on, off, or ready to be switched on', () => {
    const of = (value: string) => parse(`to: web\nmaintenance: ${value}`).frontend?.maintenance
    assert.deepEqual(of('true'), { on: true, retryAfterSeconds: 60, allow: [] })
    assert.equal(of('false'), undefined)
    assert.deepEqual(of('{ on: false, page: ./x.html, retry_after: 90s, allow: [10.0.0.0/8] }'), {
      ...{ on: false, retryAfterSeconds: 90, allow: ['10.0.0.0/8'], page: 'page /srv/x.html' },
    })
    assert.match(parse('to: web\nmaintenance: { allow: [10.0.0.0/99] }').problems.join(), /network/)
  })
})
