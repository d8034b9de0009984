// Are differences told in sentences that give no secret away?

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { diff } from './diff.ts'
import type { Spec } from './model.ts'
import { parseSpec } from './parse.ts'

type Env = Readonly<Record<string, string>>

function specOf(text: string, env: Env = {}): Spec {
  const readFile = (path: string): string => path
  const parsed = parseSpec({ text, file: '/srv/shop/a.yaml', env, cores: 2, readFile })
  return parsed.kind === 'spec' ? parsed.spec : assert.fail(JSON.stringify(parsed.problems))
}

const sentences = (before: string, after: string, was: Env = {}, is: Env = was): string[] =>
  diff(specOf(before, was), specOf(after, is)).map(({ sentence }) => sentence)

const web = (lines: string): string =>
  `services: { web: { ${lines.startsWith('run:') ? '' : 'run: node a.js, '}${lines} } }`

suite('a difference', () => {
  const rows: readonly (readonly [was: string, is: string, ...sentences: string[]])[] = [
    ['', ''],
    ['replicas: 2', 'replicas: 3', 'services.web.replicas changed from `2` to `3`'],
    ['', 'balance: leastconn', 'services.web.balance is set to `leastconn`'],
    ['max_connections: 5', '', 'services.web.max_connections is no longer set'],
    ['env: { A: old-value }', 'env: { A: new-value }', 'env A of web changed'],
    ['env: { A: x }', 'env: { B: x }', 'env A of web is removed', 'env B of web is added'],
    [
      `run: node b.js --title 'a b'`,
      'run: node b.js --title a b',
      "services.web.run changed from `node b.js --title 'a b'` to `node b.js --title a b`",
    ],
    ['hold: 90001ms', 'hold: 1.5m', 'services.web.hold.wait changed from `90001ms` to `1.5m`'],
    [
      'maintenance: { page: a.html }',
      'maintenance: { page: b.html }',
      'services.web.maintenance.page changed',
    ],
    ['env: { A: x }', 'env: { A: "${env.A}" }', 'which values in env of web are secret changed'],
    ['hold: 1s', 'hold: 2s', 'services.web.hold.wait changed from `1s` to `2s`'],
    ['check: none', 'check: tcp', 'services.web.check changed from `none` to `tcp`'],
    ['check: /a', 'check: /b', 'services.web.check changed from `GET /a` to `GET /b`'],
    [
      'check: { http: /a, rise: 1 }',
      'check: { http: /a, expect: [200, 3xx], every: 2s }',
      'services.web.check.expect changed from `200-399` to `200,300-399`',
      'services.web.check.every changed from `1s` to `2s`',
      'services.web.check.fast changed from `200ms` to `400ms`',
      'services.web.check.rise changed from `1` to `2`',
    ],
  ]
  for (const [was, is, ...expected] of rows) {
    test(`from "${was}" to "${is}"`, () => {
      assert.deepEqual(sentences(web(was), web(is), { A: 'x' }), expected)
    })
  }
})

test('services, servers and frontends that come, go and change are named', () => {
  const before = `
services:
  web: { run: a }
  old: { servers: ["a:1", "b:1"] }
  both: { run: a }
frontends:
  public: { bind: ":80", to: web, error_pages: { 503: a.html } }
  gone: { bind: ":81", to: web }
`
  const after = `
services:
  api: { servers: ["c:1"] }
  old: { servers: [{ at: "a:1", weight: 2 }, "d:1", "e:1"] }
  both: { servers: ["a:1"] }
frontends:
  public: { bind: ":8080", to: old, error_pages: { 503: b.html } }
  new: { bind: ":82", to: old }
edges: 4
`
  assert.deepEqual(sentences(before, after), [
    'edges changed from `2` to `4`',
    'service web is gone',
    'server old-1: weight changed',
    'server old-2: address changed',
    'server old-3 is new',
    'service both changes its kind: 1 server that something else runs',
    'service api is new: 1 server that something else runs',
    'frontends.public.bind changed from `0.0.0.0:80` to `0.0.0.0:8080`',
    'frontends.public.to changed from `web` to `old`',
    'error page 503 of public changed',
    'frontend gone is gone',
    'frontend new is new',
  ])
})

test('where nothing was wanted before, everything is new', () => {
  assert.deepEqual(
    diff(undefined, specOf(web('replicas: 3'))).map(({ kind, sentence }) => `${kind} ${sentence}`),
    ['added service web is new: 3 replicas that Always On runs'],
  )
})

test('a value from the environment is shown as it is written', () => {
  const file = (bind: string): string => `${web('env: { URL: "${env.URL}" }')}
frontends: { public: { bind: "${bind}", to: web } }`
  const was = { URL: 'pg://secret-one', PORT: '7001' }
  const is = { URL: 'pg://secret-two', PORT: '7002' }
  const [byValue, byText] = [
    sentences(file(':${env.PORT}'), file(':${env.PORT}'), was, is),
    sentences(file(':${env.PORT}'), file(':80'), was),
  ]
  assert.deepEqual(byValue, [
    'env URL of web changed',
    'frontends.public.bind changed: `:${env.PORT}` stands for another value',
  ])
  assert.deepEqual(byText, ['frontends.public.bind changed from `:${env.PORT}` to `0.0.0.0:80`'])
  for (const sentence of [...byValue, ...byText]) {
    assert.doesNotMatch(sentence, /secret|7001|7002/)
  }
})

test('a value deep inside one from the environment is not shown', () => {
  const file = web('check: { http: /, host: "${env.HOST}" }')
  assert.deepEqual(sentences(file, file, { HOST: 'secret-a' }, { HOST: 'secret-b' }), [
    'services.web.check.host changed: `${env.HOST}` stands for another value',
  ])
})
