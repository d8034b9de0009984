// What databases come to: members, ports, addresses, and what a service is told of them.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { fillDatabaseReferences } from './database-words.ts'
import type { Spec } from './model.ts'
import { parseSpec } from './parse.ts'

function specOf(text: string): Spec {
  const env = { PGPASSWORD: 's3cret' }
  const parsed = parseSpec({ text, file: '/srv/a.yaml', env, cores: 2, readFile: () => '' })
  return parsed.kind === 'spec' ? parsed.spec : assert.fail(JSON.stringify(parsed.problems))
}

const plan = (text: string, name = 'orders') =>
  specOf(text).databases[name] ?? assert.fail(`there is no ${name}`)

const three = `
machines:
  a: 10.0.0.1
  b: { address: 10.0.0.2, zone: east }
  c: { address: 10.0.0.3, zone: east }
  d: 10.0.0.4
coordination: managed
`

test('the shortest database is filled in with defaults', () => {
  const { members, bind, ...rest } = plan('databases: { orders: { engine: postgresql } }')
  assert.deepEqual(rest, {
    name: 'orders',
    engine: 'postgresql',
    durability: 'quorum',
    failover: 'auto',
    target: 4000,
    onDivergence: 'quarantine',
    readLag: 10_000,
    hold: { wait: 30_000, connections: 1000 },
    home: undefined,
    data: undefined,
    user: undefined,
    settings: {},
    app: { user: 'orders', database: 'orders' },
    backups: undefined,
    tls: undefined,
  })
  const { write, read } = bind
  assert.deepEqual([write.host, read], ['127.0.0.1', undefined])
  assert.deepEqual(
    members,
    [1, 2, 3].map((number) => ({
      name: `orders-${number}`,
      machine: undefined,
      host: '127.0.0.1',
      port: write.port + 1 + number,
      adopt: undefined,
    })),
  )
})

test('everything that the file says is in the plan', () => {
  const orders = plan(`
databases:
  orders:
    engine: mariadb
    members: { count: 2, ports: [7001, 7005] }
    durability: async
    failover: { mode: ask, within: 6s }
    bind: { write: ":3306", read: "[::]:3307" }
    read_lag: 5s
    hold: 10s
    on_divergence: hold
    home: /opt/mariadb
    data: ./data
    user: mysql
    settings: { innodb_buffer_pool_size: 1G, max_connections: 200 }
    app: { database: shop }
    backups: { to: ../backups, keep: 2, try_every: 7d }
`)
  assert.deepEqual(
    orders.members.map(({ port }) => port),
    [7001, 7005],
  )
  assert.deepEqual(
    { ...orders, members: undefined },
    {
      name: 'orders',
      engine: 'mariadb',
      members: undefined,
      durability: 'async',
      failover: 'ask',
      target: 6000,
      onDivergence: 'hold',
      bind: { write: { host: '0.0.0.0', port: 3306 }, read: { host: '::', port: 3307 } },
      readLag: 5000,
      hold: { wait: 10_000, connections: 1000 },
      home: '/opt/mariadb',
      data: '/srv/data',
      user: 'mysql',
      settings: { innodb_buffer_pool_size: '1G', max_connections: '200' },
      app: { user: 'orders', database: 'shop' },
      backups: { to: '/backups', every: 86_400_000, keep: 2, tryEvery: 604_800_000 },
      tls: undefined,
    },
  )
})

suite('TLS between machines', () => {
  const refusals = (text: string): readonly string[] => {
    const parsed = parseSpec({ text, file: '/a.yaml', env: {}, cores: 2, readFile: () => '' })
    return parsed.kind === 'spec' ? [] : parsed.problems.map(({ message }) => message)
  }

  test('is as the file says', () => {
    const tls = (words: string): unknown =>
      plan(`${three}databases: { orders: { engine: mariadb${words} } }`).tls
    assert.deepEqual([tls(', tls: true'), tls(', tls: false'), tls('')], [true, false, undefined])
  })

  test('is not the file’s to say on one machine, and of MySQL', () => {
    const here = refusals('databases: { orders: { engine: mariadb, tls: true } }')
    assert.match(here.join(), /all members are on this machine/)
    const mysql = refusals(`${three}databases: { orders: { engine: mysql, tls: false } }`)
    assert.match(mysql.join(), /members of MySQL cannot be brought/)
  })

  test('leaves a server’s own certificates to the file where it is off', () => {
    const settings = 'settings: { ssl_cert: /my.pem }'
    const words = (tls: string): readonly string[] =>
      refusals(`${three}databases: { orders: { engine: mariadb, ${settings}${tls} } }`)
    assert.match(words('').join(), /show certificates of the cluster/)
    assert.deepEqual(words(', tls: false'), [])
  })
})

suite('members', () => {
  const hosts = (text: string): string[] =>
    plan(
      `${three}databases: { orders: { engine: postgresql, durability: async, ${text} } }`,
    ).members.map(({ machine, host }) => `${machine} ${host}`)

  test('spread over zones first, in the order of the file', () => {
    assert.deepEqual(hosts('members: 3'), ['a 10.0.0.1', 'b 10.0.0.2', 'd 10.0.0.4'])
    const five = hosts('members: 5').map((one) => one[0])
    assert.deepEqual(five, ['a', 'b', 'd', 'c', 'a'])
  })

  test('run on the machines that are named, one on each', () => {
    assert.deepEqual(hosts('members: { on: [c, a] }'), ['c 10.0.0.3', 'a 10.0.0.1'])
    assert.deepEqual(hosts('members: { on: b, count: 2 }'), ['b 10.0.0.2', 'b 10.0.0.2'])
  })

  test('of one machine that has a name listen on loopback', () => {
    const [one] = plan(
      'machines: { a: 10.0.0.1 }\ndatabases: { orders: { engine: postgresql } }',
    ).members
    assert.deepEqual([one?.machine, one?.host], [undefined, '127.0.0.1'])
  })

  test('that are taken over keep their addresses', () => {
    const { members } = plan(`${three}
databases:
  orders:
    engine: postgresql
    credentials: { user: postgres, password: "\${env.PGPASSWORD}" }
    members: [{ at: "10.0.0.1:5432" }, { at: "10.0.0.2:5433" }, { at: "db:1", on: d }]
`)
    const adopt = { user: 'postgres', password: 's3cret' }
    assert.deepEqual(members, [
      { name: 'orders-1', machine: 'a', host: '10.0.0.1', port: 5432, adopt },
      { name: 'orders-2', machine: 'b', host: '10.0.0.2', port: 5433, adopt },
      { name: 'orders-3', machine: 'd', host: 'db', port: 1, adopt },
    ])
  })
})

test('a database keeps its ports whatever others come and go, and no two share any', () => {
  const word = fc.stringMatching(/^[a-z]{1,6}$/)
  fc.assert(
    fc.property(fc.uniqueArray(word, { minLength: 2, maxLength: 12 }), (names) => {
      const file = (of: readonly string[]): string =>
        JSON.stringify({
          databases: Object.fromEntries(
            of.map((name) => [name, { engine: 'postgresql', app: { user: 'u', database: 'd' } }]),
          ),
        })
      const all = Object.values(specOf(file(names)).databases)
      const ports = all.flatMap(({ bind, members }) => [
        bind.write.port,
        ...members.map(({ port }) => port),
      ])
      assert.equal(new Set(ports).size, ports.length)
      assert.ok(ports.every((port) => port >= 21_000 && port < 32_768))
      const [first = ''] = names
      assert.deepEqual(plan(file([first]), first), all[0])
    }),
    { numRuns: 30 },
  )
})

test('ports that are chosen keep clear of those that the file names', () => {
  const alone = plan('databases: { orders: { engine: postgresql } }').bind.write.port
  const spec = specOf(`
services: { web: { run: x } }
frontends: { public: { bind: ":${alone + 5}", to: web } }
databases: { orders: { engine: postgresql } }
`)
  assert.notEqual(spec.databases.orders?.bind.write.port, alone)
})

suite('what a service is told of a database', () => {
  const file = (bind: string, engine = 'postgresql'): Spec =>
    specOf(`
services:
  web:
    run: x
    env:
      URL: "<\${databases.orders.url}>"
      READ: "\${databases.orders.read_url}"
      HOST: "\${databases.orders.host}:\${databases.orders.port}"
      WHO: "\${databases.orders.user} \${databases.orders.database}"
      PGPASSWORD: "\${databases.orders.password}"
      PLAIN: "$\${databases.orders.other}"
databases: { orders: { engine: ${engine}, bind: ${bind}, app: { user: shop, database: sales } } }
`)
  const filled = (spec: Spec) => {
    const { web } = spec.services
    assert.ok(web?.kind === 'run')
    return fillDatabaseReferences(web.env, spec.databases, (name) => `p@${name}`)
  }

  test('is filled in where the password is known, and kept secret', () => {
    const spec = file('{ write: ":5432", read: "[::]:5433" }')
    const url = 'postgresql://shop:p%40orders@127.0.0.1:5432/sales'
    const read = 'postgresql://shop:p%40orders@[::1]:5433/sales'
    assert.deepEqual(filled(spec), {
      env: {
        URL: `<${url}>`,
        READ: read,
        HOST: '127.0.0.1:5432',
        WHO: 'shop sales',
        PGPASSWORD: 'p@orders',
        PLAIN: '${databases.orders.other}',
      },
      secrets: ['p@orders', read, url].toSorted(),
    })
    assert.doesNotMatch(JSON.stringify(spec), /p@orders|p%40orders/)
  })

  test('has the scheme that every driver of MySQL and MariaDB takes', () => {
    for (const engine of ['mysql', 'mariadb']) {
      const { env } = filled(file('{ write: "127.0.0.1:3306", read: ":3307" }', engine))
      assert.match(env.READ ?? '', /^mysql:/)
    }
  })
})
