// What does a right file ask for? Short forms, defaults, references, anchors.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { RunService, ServersService, Spec } from './model.ts'
import { parseSpec } from './parse.ts'

const env = { DB_PASSWORD: 'hunter2', PORT_OF_SHOP: '8080', COUNT: '4', EMPTY: '', DEBUG: 'true' }

function specOf(text: string): Spec {
  const readFile = (path: string): string => `body of ${path}`
  const parsed = parseSpec({ text, file: '/srv/shop/alwayson.yaml', env, cores: 1, readFile })
  assert.equal(parsed.kind, 'spec', JSON.stringify(parsed))
  return parsed.kind === 'spec' ? parsed.spec : assert.fail()
}

const runOf = (lines: string): RunService =>
  specOf(`services:\n  web:\n${lines.replace(/^/gm, '    ')}\n`).services.web as RunService

const serversOf = (lines: string): ServersService =>
  specOf(`services:\n  old:\n${lines.replace(/^/gm, '    ')}\n`).services.old as ServersService

test('the shortest file is filled in with defaults', () => {
  const spec = specOf('services: { web: { run: node server.js } }')
  const timing = { every: 1000, fast: 200, timeout: 1000, fall: 2, rise: 2 }
  assert.deepEqual(spec, {
    name: 'shop',
    machines: {},
    coordination: { kind: 'embedded' },
    edges: 2,
    frontends: {},
    databases: {},
    written: {},
    services: {
      web: {
        kind: 'run',
        name: 'web',
        argv: ['node', 'server.js'],
        cwd: '/srv/shop',
        replicas: 2,
        env: {},
        secrets: [],
        check: { kind: 'tcp', ...timing },
        balance: undefined,
        hold: { wait: 15_000, requests: 10_000, bytes: 67_108_864 },
        connectTimeout: 1000,
        responseTimeout: 60_000,
        keptBodies: { each: 65_536, bytes: 67_108_864 },
        hedge: { after: undefined, share: 0.1, unsafe: false },
        maxConnections: undefined,
        stopSignal: 'SIGTERM',
        stopWithin: 10_000,
        readyWithin: 60_000,
        drainWithin: 30_000,
        restart: {
          backoff: { first: 100, factor: 2, most: 30_000, jitter: 0.2 },
          wellAfter: 10_000,
          loopAfter: 5,
        },
        logs: { size: 10_485_760, keep: 5 },
      },
    },
  })
})

suite('a check', () => {
  test('by its path is a GET that expects 200 to 399', () => {
    const { check } = runOf('run: x\ncheck: /health?full')
    assert.deepEqual(check, {
      kind: 'http',
      method: 'GET',
      path: '/health?full',
      host: undefined,
      expect: [[200, 399]],
      every: 1000,
      fast: 200,
      timeout: 1000,
      fall: 2,
      rise: 2,
    })
  })

  test('in its long form says everything', () => {
    const { check } = runOf(
      'run: x\ncheck: { http: /h, method: HEAD, host: "a:${port}", expect: [200, 3xx], ' +
        'every: 100ms, fall: 3, rise: 1, timeout: 5s }',
    )
    assert.deepEqual(check, {
      kind: 'http',
      method: 'HEAD',
      path: '/h',
      host: 'a:${port}',
      expect: [
        [200, 200],
        [300, 399],
      ],
      every: 100,
      fast: 50,
      timeout: 5000,
      fall: 3,
      rise: 1,
    })
  })

  test('may be none, or of one server only', () => {
    assert.deepEqual(runOf('run: x\ncheck: none').check, { kind: 'none' })
    const { servers } = serversOf('servers: ["a:1", { at: "b:1", check: none }]\ncheck: /h')
    assert.deepEqual(
      servers.map(({ check }) => check.kind),
      ['http', 'none'],
    )
  })

  test('is never faster in doubt than it is slow', () => {
    const { check } = runOf('run: x\ncheck: { tcp: true, every: 20ms }')
    assert.equal(check.kind === 'tcp' && check.fast, 20)
  })
})

test('servers take their short and their long form', () => {
  const { servers, hold, maxConnections } = serversOf(
    'servers:\n  - 192.168.1.100:80\n  - { at: "db.internal:81", name: main, weight: 3, ' +
      'backup: true, max_connections: 9 }\nhold: 5s\nmax_connections: 50',
  )
  const short = { host: '192.168.1.100', port: 80, weight: 1, backup: false, maxConnections: 50 }
  const long = { host: 'db.internal', port: 81, weight: 3, backup: true, maxConnections: 9 }
  assert.deepEqual(
    servers.map(({ check: _, ...server }) => server),
    [
      { id: 'old-1', ...short },
      { id: 'main', ...long },
    ],
  )
  assert.equal(hold.wait, 5000)
  assert.equal(maxConnections, 50)
})

test('a frontend takes its short and its long forms', () => {
  const spec = specOf(`
services: { web: { run: x }, old: { servers: ["a:1"] } }
frontends:
  public:
    bind: [":80", "[::1]:8080"]
    to: web
    routes: [{ path: /old/, to: old }, { host: "*.Old.example", to: old }]
    balance: leastconn
    limits: [{ rate: 60/m }, { concurrent: 20 }]
    timeouts: { idle: 5s, request: 5m, slow: { for: 1m } }
    error_pages: { 503: sorry.html }
  database: { bind: 127.0.0.1:5432, mode: tcp, to: old }
`)
  assert.deepEqual(spec.frontends.public, {
    name: 'public',
    mode: 'http',
    binds: [
      { host: '0.0.0.0', port: 80 },
      { host: '::1', port: 8080 },
    ],
    balance: { policy: 'leastconn' },
    routes: [
      { host: undefined, path: '/old', to: 'old' },
      { host: '*.old.example', path: undefined, to: 'old' },
    ],
    to: 'web',
    idleTimeout: 5000,
    headTimeout: 10_000,
    tunnelTimeout: 3_600_000,
    halfClosedTimeout: 10_000,
    limits: [{ id: 'public/0', by: 'source', perSecond: 1, burst: 1 }],
    concurrency: [{ by: 'source', concurrent: 20 }],
    pace: { request: 300_000, slow: { below: 1024, for: 60_000 } },
    maxConnections: 50_000,
    errorPages: { 503: 'body of /srv/shop/sorry.html' },
    tls: undefined,
    redirect: undefined,
  })
  assert.equal(spec.frontends.database?.idleTimeout, 3_600_000)
})

suite('references', () => {
  test('to the environment make secrets, and are remembered as they were written', () => {
    const spec = specOf(
      'services: { web: { run: x, env: { URL: "pg://u:${env.DB_PASSWORD}@h" }, ' +
        'replicas: "${env.COUNT}" } }',
    )
    const web = spec.services.web as RunService
    assert.equal(web.env.URL, 'pg://u:hunter2@h')
    assert.deepEqual(web.secrets, ['hunter2'])
    assert.equal(web.replicas, 4)
    assert.deepEqual(spec.written, {
      'services.web.env.URL': 'pg://u:${env.DB_PASSWORD}@h',
      'services.web.replicas': '${env.COUNT}',
    })
  })

  test('to the environment may have a default, which is no secret', () => {
    const web = runOf(
      'run: x\nenv: { A: "${env.NOPE:-a b}", B: "${env.EMPTY:-c}", C: "${env.EMPTY}" }',
    )
    assert.deepEqual(web.env, { A: 'a b', B: 'c', C: '' })
    assert.deepEqual(web.secrets, [])
  })

  test('to a frontend give an address that reaches it from this machine', () => {
    const spec = specOf(`
services:
  web:
    run: node "\${frontends.public.url}"
    env: { P: "\${frontends.six.url} \${frontends.public.port} \${frontends.db.address}" }
frontends:
  public: { bind: ":\${env.PORT_OF_SHOP}", to: web }
  six: { bind: "[::]:80", to: web }
  db: { bind: [127.0.0.1:5432], mode: tcp, to: web }
`)
    const web = spec.services.web as RunService
    assert.deepEqual(web.argv, ['node', 'http://127.0.0.1:8080'])
    assert.equal(web.env.P, 'http://[::1] 8080 127.0.0.1:5432')
  })

  test('to servers list their addresses', () => {
    const spec = specOf(
      'services: { db: { servers: ["a:1", { at: "b:2" }] }, ' +
        'web: { run: x, env: { DB: "${services.db.servers}" } } }',
    )
    assert.equal((spec.services.web as RunService).env.DB, 'a:1,b:2')
  })

  test('to a replica’s own values stay in place', () => {
    const web = runOf('run: node --port ${port}\nenv: { ID: "${replica}@${host}" }')
    assert.deepEqual(web.argv, ['node', '--port', '${port}'])
    assert.equal(web.env.ID, '${replica}@${host}')
  })

  test('can be escaped', () => {
    assert.equal(runOf('run: x\nenv: { A: "$${HOME} $HOME" }').env.A, '${HOME} $HOME')
  })
})

suite('environment variables', () => {
  test('keep numbers and truths as they were written', () => {
    const { env: variables } = runOf('run: x\nenv: { A: 1.10, B: true, C: 0x10, D: "no", E: on }')
    assert.deepEqual(variables, { A: '1.10', B: 'true', C: '0x10', D: 'no', E: 'on' })
  })

  test('may have a name that JavaScript knows otherwise', () => {
    const { env: variables } = runOf('run: x\nenv: { __proto__: a, constructor: b }')
    assert.deepEqual(Object.entries(variables), [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ])
  })
})

test('`run` may be a list of words, numbers among them', () => {
  assert.deepEqual(runOf('run: [node, server.js, 3000, true]').argv, [
    'node',
    'server.js',
    '3000',
    'true',
  ])
})

test('anchors, aliases, merge keys and a place for them are understood', () => {
  const spec = specOf(`
x-common: &common { check: /health, replicas: 3 }
services:
  web: { <<: *common, run: a }
  api: { <<: [*common, { replicas: 9, hold: 1s }], run: b, check: none }
`)
  const [web, api] = [spec.services.web as RunService, spec.services.api as RunService]
  assert.deepEqual([web.replicas, web.check.kind], [3, 'http'])
  assert.deepEqual([api.replicas, api.check.kind, api.hold.wait], [3, 'none', 1000])
})

test('a file may begin with a byte order mark and end its lines like Windows', () => {
  const web = specOf('services:\r\n  web:\r\n    run: x\r\n    replicas: 3\r\n').services.web
  assert.equal((web as RunService).replicas, 3)
  assert.deepEqual(Object.keys(specOf('\uFEFFservices: { web: { run: x } }').services), ['web'])
})

test('the folder gives its name to a file without one', () => {
  const parse = (file: string) =>
    parseSpec({ text: 'services: { w: { run: x } }', file, env, cores: 1, readFile: String })
  const nameOf = (file: string): string | undefined => {
    const parsed = parse(file)
    return parsed.kind === 'spec' ? parsed.spec.name : undefined
  }
  assert.equal(nameOf('/srv/My Shop!/alwayson.yaml'), 'my-shop')
  assert.equal(nameOf('/alwayson.yaml'), 'alwayson')
})

test('the examples in the documentation are right', () => {
  const folder = join(import.meta.dirname, '../..')
  for (const page of ['docs/file.md', 'README.md']) {
    const text = readFileSync(join(folder, page), 'utf8')
    for (const [, example = ''] of text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)) {
      const input = {
        file: '/srv/shop/a.yaml',
        env: { DATABASE_URL: 'x' },
        cores: 2,
        readFile: String,
      }
      const parsed = parseSpec({ text: example, ...input })
      assert.equal(parsed.kind, 'spec', `${page}: ${JSON.stringify(parsed)}`)
    }
  }
})

suite('machines', () => {
  const clusterOf = (lines: string) => {
    const { machines, coordination } = specOf(`services: { web: { run: x } }\n${lines}`)
    return { machines, coordination }
  }
  const four = 'machines: { a: 10.0.0.1, b: 10.0.0.2, c: 10.0.0.3, d: 10.0.0.4 }'

  test('have an address, and a zone if the file says so', () => {
    const { machines } = clusterOf('machines: { a: { address: "[FD00::1]", zone: east-1 } }')
    assert.deepEqual(machines, { a: { name: 'a', address: 'fd00::1', zone: 'east-1' } })
  })

  test('run an ensemble on an odd number of the first of them', () => {
    const { coordination } = clusterOf(`${four}\ncoordination: managed`)
    assert.ok(coordination.kind === 'managed')
    assert.deepEqual(
      coordination.members.map(({ name }) => name),
      ['a', 'b', 'c'],
    )
    const { chroot, session, ports, home, data } = coordination
    assert.deepEqual(ports, { client: 2181, peer: 2888, election: 3888 })
    assert.deepEqual({ chroot, session }, { chroot: '/alwayson/shop', session: 2000 })
    assert.deepEqual([home, data], [undefined, undefined])
  })

  test('run an ensemble where the file says so, as it says', () => {
    const settings = 'managed: [d, b, c], home: ./zk, data: /data, ports: { client: 2000 }'
    const { coordination } = clusterOf(`${four}\ncoordination: { ${settings} }`)
    assert.ok(coordination.kind === 'managed')
    const { members, ports, home, data } = coordination
    assert.deepEqual(
      members.map(({ name }) => name),
      ['d', 'b', 'c'],
    )
    assert.equal(ports.client, 2000)
    assert.deepEqual([home, data], ['/srv/shop/zk', '/data'])
  })

  test('agree through servers that something else runs', () => {
    const tls = 'tls: { ca: ca.pem }'
    for (const list of ['"zk1,zk2:2182"', '[zk1:2181, zk2:2182]']) {
      const { coordination } = clusterOf(
        `coordination: { zookeeper: ${list}, chroot: /a/b, session: 4s, ${tls} }`,
      )
      assert.deepEqual(coordination, {
        kind: 'zookeeper',
        servers: [
          { host: 'zk1', port: 2181 },
          { host: 'zk2', port: 2182 },
        ],
        chroot: '/a/b',
        session: 4000,
        tls: { ca: '/srv/shop/ca.pem', cert: undefined, key: undefined },
      })
    }
  })
})
