// Are changes of databases told in sentences, and refused where data would be lost?

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { diff } from './diff.ts'
import type { Spec } from './model.ts'
import { parseSpec } from './parse.ts'
import { refusals } from './refuse.ts'

function specOf(databases: string, env: Readonly<Record<string, string>> = {}): Spec {
  const text = `
machines: { a: 10.0.0.1, b: 10.0.0.2, c: 10.0.0.3, d: 10.0.0.4, e: 10.0.0.5 }
coordination: managed
databases: { ${databases}, other: { engine: mariadb, members: 1 } }
`
  const parsed = parseSpec({ text, file: '/srv/a.yaml', env, cores: 2, readFile: () => '' })
  return parsed.kind === 'spec' ? parsed.spec : assert.fail(JSON.stringify(parsed.problems))
}

const orders = (text: string): Spec =>
  specOf(`orders: { engine: postgresql, members: { on: [a, b, c], ports: 7001 }, ${text} }`)
const on = (...machines: readonly string[]): Spec =>
  specOf(`orders: {
    engine: postgresql, durability: async, bind: ":5432",
    members: { on: [${machines.join()}], ports: 7001 } }`)

suite('a difference of databases', () => {
  const rows: readonly (readonly [was: Spec, is: Spec, ...sentences: string[]])[] = [
    [on('a'), on('a')],
    [
      orders('bind: ":5432"'),
      orders('bind: { write: ":5432", read: ":5433" }, durability: async, failover: ask'),
      'databases.orders.durability changed from `quorum` to `async`',
      'databases.orders.failover changed from `auto` to `ask`',
      'databases.orders.bind.read is set to `0.0.0.0:5433`',
    ],
    [
      orders('settings: { work_mem: 4MB, max_connections: 10 }, backups: { to: /b }'),
      orders('settings: { work_mem: 8MB, jit: off }, backups: { to: /b, keep: 2 }'),
      'databases.orders.backups changed from `to /b every 1d, keep 7` to `to /b every 1d, keep 2`',
      'databases.orders.settings.work_mem changed from `4MB` to `8MB`',
      'databases.orders.settings.max_connections is no longer set',
      'databases.orders.settings.jit is set to `off`',
    ],
    [
      on('a', 'b'),
      on('a', 'c', 'd'),
      'member orders-2 moves: 10.0.0.2:7002 on b to 10.0.0.3:7002 on c',
      'member orders-3 is new: 10.0.0.4:7003 on d',
    ],
    [on('a', 'b'), on('a'), 'member orders-2 is gone'],
    [
      specOf('a: { engine: mysql, members: 3 }'),
      specOf('b: { engine: mariadb, members: 1 }'),
      'database a is gone: its members are stopped, their data stay',
      'database b is new: 1 member of mariadb, async',
    ],
  ]
  for (const [index, [was, is, ...expected]] of rows.entries()) {
    test(`of row ${index + 1}`, () => {
      assert.deepEqual(
        diff(was, is).map(({ sentence }) => sentence),
        expected,
      )
    })
  }
})

test('credentials are not shown when they change', () => {
  const file = `orders: {
    engine: postgresql, credentials: { user: postgres, password: "\${env.SECRET}" },
    members: [{ at: "10.0.0.1:1" }, { at: "10.0.0.2:1" }, { at: "10.0.0.3:1" }] }`
  const [was, is] = [specOf(file, { SECRET: 'one' }), specOf(file, { SECRET: 'two' })]
  assert.deepEqual(
    diff(was, is).map(({ sentence }) => sentence),
    [1, 2, 3].map((number) => `credentials of member orders-${number} changed`),
  )
})

suite('a change is refused', () => {
  const refused = (was: Spec, is: Spec, primary?: string): string[] =>
    refusals(was, is, (name) => (name === 'orders' ? primary : undefined)).map(
      ({ path, message }) => `${path}: ${message}`,
    )

  test('where what is written would be out of reach', () => {
    const was = specOf('orders: { engine: mariadb, members: 3, bind: ":1" }')
    const is = specOf(
      'orders: { engine: mysql, members: 3, bind: ":1", data: /d, app: { user: u, database: x } }',
    )
    assert.deepEqual(refused(was, is), [
      'databases.orders.engine: `engine` of orders cannot change from `mariadb` to `mysql`: ' +
        'its data are those of the other server',
      'databases.orders.data: `data` of orders cannot change from `the state folder` to `/d`: ' +
        'its members have their data there',
      'databases.orders.app.database: `app.database` of orders cannot change from `orders` to ' +
        '`x`: the rows are in there',
      'databases.orders.app.user: `app.user` of orders cannot change from `orders` to `u`: ' +
        'it owns the rows',
    ])
  })

  test('where too few members would stay', () => {
    assert.deepEqual(refused(on('a', 'b', 'c'), on('a', 'd', 'e')), [
      'databases.orders.members: only 1 of the 3 members of orders would stay where they are, ' +
        'and the others might have writes that those lack',
    ])
    assert.deepEqual(refused(on('a'), on('b')).length, 1)
  })

  test('where the primary would leave', () => {
    assert.deepEqual(refused(on('a', 'b', 'c'), on('a', 'b'), 'orders-3'), [
      'databases.orders.members: orders-3 is the primary of orders, and would leave',
    ])
  })

  test('and no other: one member after another comes and goes', () => {
    for (const [was, is] of [
      [on('a', 'b', 'c'), on('a', 'b')],
      [on('a', 'b'), on('a')],
      [on('a'), on('a', 'b', 'c')],
      [on('a', 'b', 'c'), on('a', 'b', 'd')],
      [on('a', 'b', 'c'), specOf('new: { engine: postgresql, members: 1 }')],
    ] as const) {
      assert.deepEqual(refused(was, is, 'orders-1'), [])
    }
  })
})
