// Is every change of a file told, whatever it is, and no secret with it?

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { fc } from '../../test/fixtures/properties.ts'
import { sharedPair } from '../../test/support/certificates.ts'
import { diff } from './diff.ts'
import type { Spec } from './model.ts'
import { parseSpec } from './parse.ts'

const pair = sharedPair()
const files: Readonly<Record<string, string>> = { pem: pair.certificate, key: pair.key }

/** With a word of every kind that a file may say. */
const text = `
name: shop
edges: 3
metrics: ":\${env.PORT}"
stats_socket: { path: "\${env.SOCKET}", mode: "0660" }
machines:
  a: { address: 10.0.0.1, zone: z1, capacity: 2 }
  b: 10.0.0.2
  c: "\${env.MACHINE}"
coordination:
  zookeeper: "\${env.ZOOKEEPER}:2181"
  chroot: /shop
  session: 8s
services:
  web:
    run: [node, srv.js, --title, "a b", "it's"]
    replicas: 2
    on: [a, b]
    cwd: app
    env: { TOKEN: "\${env.TOKEN}", PLAIN: x }
    ready: 20s
    drain: 9s
    stop: { signal: SIGINT, within: 3s }
    restart: { first: 1s, factor: 3, most: 9s, jitter: 0.5, well_after: 7s, loop_after: 4 }
    logs: { size: 2MB, keep: 3 }
    check:
      http: /health
      method: HEAD
      host: "\${env.HOST}"
      expect: [200, 3xx]
      headers: { Authorization: "\${env.AUTHORIZATION}" }
      every: 2s
      fast: 100ms
      timeout: 1s
      fall: 3
      rise: 4
      port: 8081
      agent: { port: 9000, host: 10.9.9.9, every: 3s, timeout: 1s, send: "\${env.SEND}" }
    balance: { hash: uri, depth: 2, query: true, bound: 2 }
    slow_start: 5s
    sticky:
      { cookie: SID, idle: 1h, life: 2h, path: /p, domain: shop.example, same_site: None, wait: 2s }
    maintenance: { page: sorry.html, retry_after: 30s, allow: [10.0.0.0/8], on: false }
    tls: { verify: true, ca: ca.pem, server_name: "\${env.SERVER}" }
    hold: { wait: 4s, requests: 9, memory: 1MB }
    timeouts: { connect: 500ms, response: 90s }
    kept_bodies: { each: 1KiB, memory: 1MB }
    hedge: { after: 80ms, share: 0.2, methods: idempotent }
    max_connections: 40
  old:
    servers:
      - { at: "10.1.0.1:80", name: first, weight: 2, backup: true, check: tcp, max_connections: 5 }
      - "10.1.0.2:80"
    check: { http: /, body: { contains: yes, lacks: no, matches: "o+k" } }
    hold: "\${env.HOLD}"
    hedge: off
    send_proxy: v2
  rpc: { servers: ["10.1.0.3:80"], protocol: http2, check: { grpc: shop.Cart } }
frontends:
  public:
    bind: [":80", "\${env.BIND}"]
    to: web
    balance: leastconn
    routes:
      - { host: "\${env.NAME}", path: /a, exact: true, to: old, max_body: 1MB }
      - path: /api
        methods: [GET]
        headers: { X-Beta: "1" }
        path_end: [.jpg]
        strip_prefix: true
        add_prefix: /v2
        request_headers: { set: { X-Key: "\${env.ROUTE}" }, remove: [Cookie] }
        canary: { to: old, share: 5%, header: { X-Canary: always }, cookie: seat }
        to: web
      - { path: /gone, refuse: 410 }
      - { path: /new, redirect: { under: "https://new.example", code: 301 } }
    request_headers: { set: { X-Key: "\${env.FIELD}" } }
    response_headers: { remove: [Server] }
    max_body: 5MB
    limits:
      - { rate: 9/s, burst: 20, by: header, name: X-User }
      - { concurrent: 7, trust: [10.0.0.0/8] }
    maintenance: { page: sorry.html, allow: [10.0.0.0/8] }
    accept_proxy: [10.2.0.0/16]
    timeouts:
      { idle: 9s, head: 8s, tunnel: 7m, half_closed: 6s, request: 5m, slow: { below: 1B, for: 9s } }
    max_connections: 500
    error_pages: { 503: busy.html }
    tls:
      certificates: [{ certificate: shop.pem, key: shop.key }]
      acme:
        directory: https://ca.example/dir
        email: "\${env.EMAIL}"
        names: [shop.example]
        challenge: tls-alpn-01
        ca: ca.pem
        agree_to_terms: true
      min_version: TLSv1.3
    forwarded: { as: both, trust: [10.0.0.0/8], via: "\${env.VIA}", request_id: true }
    tracing: { sample: 0.5 }
    access_log: { file: "\${env.LOG}", only: errors, sample: 0.5, query: true, size: 1MB, keep: 2 }
  plain: { bind: ":81", redirect: { to: https, status: 301, port: 8443 } }
  raw: { bind: ":82", mode: tcp, to: old }
databases:
  orders:
    engine: postgresql
    members: { on: [a, b, c], ports: 7001 }
    durability: async
    failover: { mode: ask, within: 9s }
    bind: { write: ":5432", read: ":5433" }
    read_lag: 5s
    hold: { wait: 8s, connections: 9 }
    on_divergence: hold
    home: /usr/lib/pg
    data: /data
    user: postgres
    settings: { work_mem: "\${env.SETTING}" }
    app: { user: u, database: d }
    tls: true
    backups: { to: /backups, every: 1h, keep: 3, try_every: 1d }
  stock:
    engine: mariadb
    credentials: { user: root, password: "\${env.PASSWORD}" }
    durability: async
    members: [{ at: "10.3.0.1:3306", on: a }, { at: "\${env.MEMBER}:3306", on: b }]
`

/** Two values for each variable of the text; none may ever be shown. */
const variables: Readonly<Record<string, readonly [string, string]>> = {
  PORT: ['19101', '19102'],
  SOCKET: ['/run/secret-1.sock', '/run/secret-2.sock'],
  MACHINE: ['10.77.0.1', '10.77.0.2'],
  ZOOKEEPER: ['secret-1.example', 'secret-2.example'],
  TOKEN: ['secret-token-1', 'secret-token-2'],
  HOST: ['secret-1.host', 'secret-2.host'],
  AUTHORIZATION: ['Bearer secret-1', 'Bearer secret-2'],
  SEND: ['secret-send-1', 'secret-send-2'],
  SERVER: ['secret-1.server', 'secret-2.server'],
  HOLD: ['7777s', '8888s'],
  BIND: ['127.0.0.77:7701', '127.0.0.78:7702'],
  NAME: ['secret-1.name', 'secret-2.name'],
  ROUTE: ['secret-route-1', 'secret-route-2'],
  FIELD: ['secret-field-1', 'secret-field-2'],
  EMAIL: ['secret-1@shop.example', 'secret-2@shop.example'],
  VIA: ['secret-via-1', 'secret-via-2'],
  LOG: ['/var/secret-1.log', '/var/secret-2.log'],
  SETTING: ['7771kB', '7772kB'],
  PASSWORD: ['secret-password-1', 'secret-password-2'],
  MEMBER: ['10.78.0.1', '10.78.0.2'],
}
const shown = /secret|1910[12]|10\.7[78]\.|7777|8888|2\.1h|2\.5h|770[12]|777[12]/

function specOf(which: 0 | 1, only?: string): Spec {
  const env = Object.fromEntries(
    Object.entries(variables).map(([name, values]) => [
      name,
      values[only === undefined || only === name ? which : 0],
    ]),
  )
  const readFile = (path: string): string => files[path.split('.').at(-1) ?? ''] ?? `in ${path}`
  const parsed = parseSpec({ text, file: '/srv/shop/a.yaml', env, cores: 2, readFile })
  return parsed.kind === 'spec' ? parsed.spec : assert.fail(JSON.stringify(parsed.problems))
}

type Step = string | number
type Place = readonly Step[]

/** Where a spec says something that is neither a list nor a map. */
function placesOf(value: unknown, at: Place = []): readonly Place[] {
  if (value === undefined) return []
  if (typeof value !== 'object' || value === null) return [at]
  const steps = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(value)
  return steps.flatMap((step) => placesOf((value as never)[step], [...at, step]))
}

/** The same with another value there, or, of a list, with one value less. */
function withOther(value: unknown, [step, ...rest]: Place, isGone: boolean): unknown {
  if (step === undefined) return other(value)
  if (!Array.isArray(value)) {
    const record = value as Readonly<Record<Step, unknown>>
    return { ...record, [step]: withOther(record[step], rest, isGone) }
  }
  const at = Number(step)
  if (at >= value.length) return value
  if (isGone && rest.length === 0) return value.toSpliced(at, 1)
  return value.with(at, withOther(value[at], rest, isGone))
}

function other(value: unknown): unknown {
  if (typeof value === 'number') return value + 1
  return typeof value === 'boolean' ? !value : `${value}1`
}

const base = specOf(0)
const places = placesOf(base).filter(
  ([top, ...rest]) => top !== 'written' && rest.at(-1) !== 'kind',
)

const told = (was: Spec, is: Spec): readonly string[] => diff(was, is).map((one) => one.sentence)

suite('a change is told', () => {
  test('wherever it is, in words of the file', () => {
    const ours = /^[^ ]*\b[a-z]+[A-Z]\w* changed$/
    const wrong = places.filter((at) => {
      const sentences = told(base, withOther(base, at, false) as Spec)
      return sentences.length === 0 || sentences.some((sentence) => ours.test(sentence))
    })
    assert.deepEqual(wrong, [])
    assert.ok(places.length > 200, `only ${places.length} places`)
  })

  test('whatever else changes with it', () => {
    const change = fc.record({ at: fc.constantFrom(...places), isGone: fc.boolean() })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const is = changes.reduce<unknown>((spec, one) => withOther(spec, one.at, one.isGone), base)
        if (!isDeepStrictEqual(base, is)) assert.notDeepEqual(told(base, is as Spec), [])
      }),
    )
  })

  test('but not where there is none', () => {
    assert.deepEqual(told(base, specOf(0)), [])
  })
})

suite('no value from the environment is shown', () => {
  for (const name of Object.keys(variables)) {
    test(`when ${name} changes`, () => {
      const sentences = told(base, specOf(1, name))
      assert.notDeepEqual(sentences, [])
      for (const sentence of sentences) assert.doesNotMatch(sentence, shown)
    })
  }
})
