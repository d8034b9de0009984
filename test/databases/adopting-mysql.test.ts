// What is seen of MySQL servers that somebody else has set up, what is said of that, and in which
// order they are told what to do: by servers that only answer by a script. None of this says that
// MySQL does what its manual promises.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { describeAdoption } from '../../src/databases/adoption/describe.ts'
import { mysqlAdopter } from '../../src/databases/engines/mysql/adopt.ts'
import { configurationOf } from '../../src/databases/engines/mysql/settings.ts'
import { sha2Verifier } from '../../src/databases/engines/mysql/sha256-crypt.ts'
import { wordsOf } from '../../src/databases/engines/mysql/words.ts'
import { readMark } from '../../src/databases/engines/mysql-kin/data-folder.ts'
import { Fault } from '../../src/foundation/fault.ts'
import { accounts, soon } from '../conformance/database-scene.ts'
import type { ForeignFacts } from '../support/foreign-mysql.ts'
import {
  type Change,
  looked,
  openMysqlPair as openPair,
  uuid,
} from '../support/foreign-mysql-pair.ts'

const other = '3e11fa47-71ca-11e1-9e33-c80aa9429563'

/** Of two servers that receive. */
const twice = [102, 103].map((Server_Id) => ({ Server_Id, Host: '' }))

const refusal =
  (what: RegExp, remedy: RegExp) =>
  (thrown: unknown): true => {
    assert.ok(thrown instanceof Fault)
    assert.match(thrown.message, what)
    assert.match(thrown.remedy ?? '', remedy)
    return true
  }

suite('MySQL servers that run already', () => {
  test('are seen as they are, and nothing is changed by that', async () => {
    await using pair = await openPair()
    const [one, two] = await Promise.all([looked(pair.member(0)), looked(pair.member(1))])
    assert.equal(await pair.judged(), '')
    assert.deepEqual([one.role, two.role], ['primary', 'replica'])
    assert.deepEqual([one.version, one.series], ['8.0.36', '8.0'])
    assert.deepEqual(one.position, { line: 0, at: 9 })
    assert.equal(two.follows?.port, pair.one.port)
    assert.deepEqual([one.prepared, two.prepared, one.ours], [false, false, false])
    assert.deepEqual(one.receivers, ['server 102 (unnamed)'])
    assert.deepEqual(pair.changed(), [])
  })

  test('are told of by a dry run', async () => {
    const settings: ForeignFacts['settings'] = {
      ...{ sync_binlog: ['0', 'EXPLICIT'], event_scheduler: ['ON', 'COMPILED'] },
      mysqlx_port: ['33060', 'COMPILED'],
    }
    await using pair = await openPair({ facts: { settings } })
    const servers = await Promise.all([looked(pair.member(0)), looked(pair.member(1))])
    const { plan } = pair.member(0)
    const said = describeAdoption(plan, servers, () => undefined, mysqlAdopter).join('\n')
    for (const each of [
      /orders-1, MySQL 8\.0\.36 .*primary; orders-2, MySQL 8\.0\.36 .*replica/,
      /orders-1, .*set .*event_scheduler = OFF \(it is ON\), sync_binlog = 1 \(it is 0\)/,
      /orders-1, .*server_id = 1 \(it is 101\)/,
      /its X protocol, at port 33060, is shut/,
      /the plugins semisync_source\.so, semisync_replica\.so, mysql_clone\.so/,
      /its binary logs \(\/var\/lib\/mysql\/binlog\) go on/,
    ]) {
      assert.match(said, each)
    }
  })

  test('go on with what they were set up with, but for what is ours', async () => {
    const settings: ForeignFacts['settings'] = {
      ...{ sort_buffer_size: ['300000', 'EXPLICIT'], max_connections: ['500', 'DYNAMIC'] },
      ...{ long_query_time: ['2', 'PERSISTED'], sync_binlog: ['0', 'GLOBAL'] },
      ...{ super_read_only: ['OFF', 'PERSISTED'], log_bin_basename: ['/x', 'EXPLICIT'] },
      ...{ log_bin_trust_function_creators: ['ON', 'SERVER'], mysqlx_port: ['1', 'EXPLICIT'] },
      ...{ slow_query_log_file: ['/var/lib/mysql/slow.log', 'EXPLICIT'] },
      ...{ rpl_semi_sync_master_timeout: ['10', 'GLOBAL'], tmp_table_size: ['1', 'COMPILED'] },
    }
    const plugins = [
      { name: 'rpl_semi_sync_source', library: 'semisync_source.so' },
      { name: 'auth_socket', library: 'auth_socket.so' },
      { name: 'audit_log', library: 'audit_log.so' },
    ]
    const facts = { settings, plugins, installed: ['audit_log'] }
    await using pair = await openPair({ facts })
    const { inherited } = await looked(pair.member(0))
    assert.deepEqual(inherited.settings, {
      plugin_load_add: 'auth_socket.so',
      ...{ loose_sort_buffer_size: '300000', loose_max_connections: '500' },
      ...{ loose_long_query_time: '2', loose_log_bin_trust_function_creators: 'ON' },
    })
    const place = {
      ...{ member: 'm1', data: '/d', run: '/r', temporary: '/d.tmp', socket: '/r/s' },
      ...{ host: '::1', port: 1, serverId: 1 },
    }
    const text = configurationOf(place, inherited.settings, wordsOf([8, 0, 36]))
    assert.match(text, /plugin_load_add = .*mysql_clone\.so;auth_socket\.so"/)
    assert.match(text, /^loose_max_connections = 500$/m)
  })

  test('are refused as a whole by whoever may not come, or may not do all', async () => {
    await using pair = await openPair()
    const { one } = pair
    const member = pair.member(0)
    one.state.denied.set('root', 1045)
    await assert.rejects(looked(member), refusal(/does not let root in/, /credentials/))
    one.state.denied.set('root', 3159)
    const open = /require_secure_transport = OFF/
    await assert.rejects(looked(member), refusal(/lets nobody in without TLS/, open))
    one.state.denied.clear()
    Object.assign(one.facts, { privileges: one.facts.privileges.filter((p) => p !== 'SUPER') })
    await assert.rejects(looked(member), refusal(/may not do everything .*not SUPER/, /GRANT ALL/))
    Object.assign(one.facts, { version: '5.7.44' })
    await assert.rejects(looked(member), refusal(/runs MySQL 5\.7\.44/, /8\.0\.23/))
    Object.assign(one.facts, { version: '10.11.6-MariaDB' })
    await assert.rejects(looked(member), refusal(/is no MySQL/, /engine: mariadb/))
    await one[Symbol.asyncDispose]()
    await assert.rejects(looked({ ...member, member: { ...member.member, port: 1 } }), /not answer/)
  })

  const conflicts: readonly (readonly [string, Change, Change, RegExp])[] = [
    ['no GTIDs', { facts: { gtids: 'OFF' } }, {}, /orders-1 runs with gtid_mode = OFF/],
    ['encrypted logs', {}, { facts: { encrypts: 1 } }, /orders-2 encrypts its binary logs/],
    ['no log', { facts: { logs: 0 } }, {}, /orders-1 writes no binary log/],
    ['a part of a log', { facts: { ignored: 'tmp' } }, {}, /does not log all databases \(tmp\)/],
    ['semi-sync', { state: { semiSync: true } }, {}, /orders-1 waits for acknowledgements/],
    ['an id of ours', { facts: { serverId: 2 } }, {}, /server_id = 2, which member 2 /],
    [
      'several sources',
      {},
      { state: { links: [{ Channel_Name: 'a' }, { Channel_Name: 'b' }] } },
      /orders-2 receives from 2 servers at once/,
    ],
    [
      'filters',
      {},
      { state: { links: [{ Replicate_Wild_Ignore_Table: 'shop.log%' }] } },
      /orders-2 does not replicate everything \(Replicate_Wild_Ignore_Table\)/,
    ],
    ['a delay', {}, { state: { links: [{ SQL_Delay: 3600 }] } }, /behind on purpose, by 3600 s/],
    [
      'writes of its own',
      {},
      { state: { executed: `${uuid}:1-9,${other}:4` } },
      new RegExp(`orders-2 has writes of its own, which orders-1 lacks: ${other}:4`),
    ],
    [
      'a group',
      { facts: { plugins: [{ name: 'group_replication', library: 'group_replication.so' }] } },
      {},
      /has the plugin group_replication, by which a group elects/,
    ],
    [
      'early keys',
      { facts: { plugins: [{ name: 'keyring_file', library: 'keyring_file.so' }] } },
      {},
      /has its keys from the plugin keyring_file/,
    ],
    [
      'plugins of before',
      { facts: { installed: ['rpl_semi_sync_master'] } },
      {},
      /has rpl_semi_sync_master installed, beside which/,
    ],
    ['data elsewhere', { facts: { history: '/undo' } }, {}, /a part of its data in \/undo/],
    ['a table elsewhere', { facts: { files: ['/fast/t.ibd'] } }, {}, /its data in \/fast\/t\.ibd/],
    ['nameless users', { facts: { nameless: true } }, {}, /has users without a name/],
    [
      'a user of the same name',
      { state: { accounts: new Map([['orders', false]]) } },
      {},
      /has a user orders already/,
    ],
    [
      'another Always On',
      { state: { identity: 'theirs' }, facts: { own: 'shop-1' } },
      {},
      /looked after by another Always On, which calls it shop-1/,
    ],
    [
      'versions',
      {},
      { facts: { version: '8.4.3' } },
      /orders-2 .* runs version 8\.4\.3, and .*8\.0/,
    ],
    ['two primaries', {}, { state: { source: undefined, readOnly: false } }, /both take writes/],
    ['a standstill', {}, { state: { isApplying: false } }, /orders-2 .* receives from nobody/],
    [
      'a stream elsewhere',
      {},
      { state: { source: at(9) } },
      /receives from .*:9, not from orders-1/,
    ],
    ['a replica unnamed', { facts: { replicas: twice } }, {}, /2 servers receive from orders-1/],
    ['one far behind', { state: { executed: `${uuid}:1-99999` } }, {}, /orders-2 .*too far behind/],
  ]
  for (const [what, primary, replica, said] of conflicts) {
    test(`are left as they are with ${what}`, async () => {
      await using pair = await openPair(primary, replica)
      assert.match(await pair.judged(), said)
      assert.deepEqual(pair.changed(), [])
    })
  }

  test('come to know us without a restart, and replicas by what is logged', async () => {
    await using pair = await openPair()
    const { one, two } = pair
    assert.deepEqual(await mysqlAdopter.prepare(pair.member(0), soon()), {})
    assert.deepEqual(two.said, [])
    assert.ok((await looked(pair.member(0))).prepared)
    assert.ok(!(await looked(pair.member(1))).prepared)
    // Whom a primary lets in is its own matter; our own account and tables are everybody's.
    let isLogged = true
    for (const each of one.said) {
      if (/^SET SESSION sql_log_bin = /.test(each)) isLogged = each.endsWith('ON')
      if (/USER 'alwayson'/.test(each)) assert.ok(isLogged, each)
      if (/USER 'alwayson_replication_/.test(each)) assert.ok(!isLogged, each)
    }
    const { state } = one
    const receiver = 'alwayson_replication_orders-2'
    assert.deepEqual(
      [state.accounts.get(receiver), state.accounts.get(`${receiver}_ack`)],
      [false, true],
    )
    const { user, password } = accounts.admin
    two.state.accounts.set(user, false)
    two.state.verifiers.set(user, sha2Verifier(password, Buffer.alloc(20)))
    two.state.identity = 'made'
    assert.ok((await looked(pair.member(1))).prepared)
    two.state.verifiers.set(user, sha2Verifier('of another state', Buffer.alloc(20)))
    assert.ok(!(await looked(pair.member(1))).prepared)
  })

  test('have a replica apply what it received, and go on if it is not ended', async () => {
    const state = { executed: `${uuid}:1-7`, retrieved: `${uuid}:1-9`, identity: 'made' }
    await using pair = await openPair({}, { state })
    const ending = await mysqlAdopter.beforeEnd(pair.member(1), { kept: 'yes' }, soon())
    const { seal } = ending
    assert.equal(seal.position, `${uuid}:1-9`)
    assert.deepEqual(
      [seal.role, seal.identity, seal.kept, seal.line],
      ['replica', 'made', 'yes', '0'],
    )
    assert.equal(mysqlAdopter.lineOf(seal), 0)
    assert.deepEqual(pair.changed(), ['STOP REPLICA IO_THREAD', 'STOP REPLICA'])
    await ending[Symbol.asyncDispose]()
    assert.equal(pair.two.said.at(-1), 'START REPLICA')
  })

  test('have a replica go on that does not come to have applied all', async () => {
    const links = [{ Retrieved_Gtid_Set: `${uuid}:1-99` }]
    await using pair = await openPair({}, { state: { links } })
    const stop = new AbortController()
    const ending = mysqlAdopter.beforeEnd(pair.member(1), {}, stop.signal)
    await seen(() => pair.two.said.includes('STOP REPLICA IO_THREAD'))
    stop.abort(new Error('that is enough'))
    await assert.rejects(ending, /that is enough/)
    assert.equal(pair.two.said.at(-1), 'START REPLICA')
  })

  test('have a primary stand still, and its replicas have all before it is ended', async () => {
    await using pair = await openPair({ facts: { clients: [7] } })
    const { one, two } = pair
    one.state.executed = `${uuid}:1-20`
    const ending = mysqlAdopter.beforeEnd(pair.member(0), {}, soon())
    let isOver = false
    const over = ending.then(() => {
      isOver = true
    })
    await seen(() => one.said.includes('KILL CONNECTION 7'))
    assert.ok(!isOver, 'a replica lacks something')
    Object.assign(two.state, { executed: `${uuid}:1-20`, retrieved: undefined })
    await over
    const { seal } = await ending
    assert.deepEqual([seal.role, seal.position], ['primary', `${uuid}:1-20`])
    assert.deepEqual(pair.changed(), ['FLUSH TABLES WITH READ LOCK', 'KILL CONNECTION 7'])
    await (await ending)[Symbol.asyncDispose]()
    assert.equal(one.said.at(-1), 'KILL CONNECTION 7')
  })

  test('go on if a primary does not come to stand still', async () => {
    await using pair = await openPair({ facts: { busy: 1205 } })
    const ending = mysqlAdopter.beforeEnd(pair.member(0), {}, soon())
    await assert.rejects(ending, refusal(/does not come to stand still/, /SHOW PROCESSLIST/))
  })

  test('go on with their logs, wherever these are', async () => {
    const root = mkdtempSync(join(tmpdir(), 'ao-my-take-'))
    try {
      const [data, logs] = [join(root, 'ours'), join(root, 'logs')]
      for (const each of [data, logs]) mkdirSync(each)
      await using pair = await openPair()
      const member = pair.member(0)
      const seal = { version: '8.0.36', position: `${uuid}:1-9`, identity: 'made', folder: '/old' }
      const index = (): readonly string[] =>
        readFileSync(join(data, 'binlog.index'), 'utf8').trimEnd().split('\n')
      writeFileSync(join(data, 'binlog.index'), './binlog.000001\n/old/binlog.000002\n')
      const usual = { ...seal, log: '/old/binlog', logs: '/old/binlog.index' }
      for (const time of ['once', 'twice']) {
        mysqlAdopter.settle(member, data, usual)
        assert.deepEqual(
          index(),
          [1, 2].map((n) => `./binlog.00000${n}`),
          time,
        )
      }
      const { begins, ...mark } = readMark(data) ?? assert.fail()
      assert.equal(begins, `${uuid}:1-9`)
      assert.deepEqual(mark, {
        database: 'orders',
        identity: 'made',
        version: '8.0.36',
        waits: false,
      })
      writeFileSync(join(logs, 'my.index'), `${logs}/my.000007\n./my.000008\n`)
      const apart = { ...seal, log: join(logs, 'my'), logs: join(logs, 'my.index') }
      mysqlAdopter.settle(member, data, apart)
      assert.deepEqual(
        index(),
        [7, 8].map((n) => join(logs, `my.00000${n}`)),
      )
      rmSync(join(logs, 'my.index'))
      assert.throws(
        () => mysqlAdopter.settle(member, data, apart),
        refusal(/cannot be read/, /let/),
      )
      rmSync(join(data, 'binlog.index'))
      mysqlAdopter.settle(member, data, { ...seal, log: '', logs: '' })
      assert.throws(index, /ENOENT/)
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  })
})

/** Whom a stranger is. */
function at(port: number) {
  return { host: '127.0.0.1', port, user: 'copier' }
}

async function seen(isSo: () => boolean): Promise<void> {
  const signal = soon()
  while (!isSo()) {
    signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
