// What is said to a MySQL, and in which order? To a server that only answers by a script: none of
// this says that MySQL does what its manual promises.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { MemberOptions } from '../../src/databases/engine.ts'
import { mysql } from '../../src/databases/engines/mysql/kin.ts'
import { Lookout } from '../../src/databases/engines/mysql/look.ts'
import { becomePrimary, enforce } from '../../src/databases/engines/mysql/promote.ts'
import { rejoin, toReplica } from '../../src/databases/engines/mysql/rejoin.ts'
import { applyReceived, receiveFrom } from '../../src/databases/engines/mysql/replication.ts'
import { MysqlServer } from '../../src/databases/engines/mysql/server.ts'
import { wordsOf } from '../../src/databases/engines/mysql/words.ts'
import { readMark, writeMark } from '../../src/databases/engines/mysql-kin/data-folder.ts'
import { ensureReceivers } from '../../src/databases/engines/mysql-kin/gate.ts'
import { drain } from '../../src/databases/engines/mysql-kin/quiesce.ts'
import { Receivers } from '../../src/databases/engines/mysql-kin/receivers.ts'
import { instant, ms } from '../../src/foundation/time.ts'
import { accounts, anyOf, machineTls, soon } from '../conformance/database-scene.ts'
import {
  type Answers,
  ScriptedHost,
  ScriptedMysql,
  type ScriptedState,
} from '../support/scripted-mysql.ts'

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const other = '3e11fa47-71ca-11e1-9e33-c80aa9429563'
const words = wordsOf([8, 0, 36])

interface Stage extends AsyncDisposable {
  readonly fake: ScriptedMysql
  readonly source: ScriptedMysql
  readonly server: MysqlServer
  readonly host: ScriptedHost
}

async function openStage(
  state: Partial<ScriptedState>,
  sourceState: Partial<ScriptedState> = {},
  more: Partial<MemberOptions> = {},
  answers: Answers = [],
): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'ao-my-'))
  const [data, run] = [join(folder, 'data'), join(folder, 'run')]
  mkdirSync(data)
  writeMark(data, { database: 'orders', identity: 'one', version: '8.0.36' })
  const fake = new ScriptedMysql({ identity: 'one', folder: data, ...state }, answers)
  const source = new ScriptedMysql({ identity: 'one', isShut: false, ...sourceState })
  await fake.open(run)
  await source.open()
  const host = new ScriptedHost()
  const at = (member: string, port: number) => ({ member, host: '127.0.0.1', port })
  const peers = [at('m1', fake.port), at('m2', source.port), at('m3', 1)]
  const options: MemberOptions = {
    ...{ database: 'orders', member: 'm1', address: at('m1', fake.port), peers, accounts },
    ...{ data, run, aside: join(folder, 'aside'), home: undefined, user: undefined },
    ...{ settings: {}, durability: 'quorum', host, now: () => 0 as never, event: () => undefined },
    ...more,
  }
  const programs = { server: 'mysqld', binlog: 'mysqlbinlog', version: [8, 0, 36], words } as const
  const server = new MysqlServer(options, programs, undefined)
  return {
    ...{ fake, source, server, host },
    async [Symbol.asyncDispose]() {
      server[Symbol.dispose]()
      await fake[Symbol.asyncDispose]()
      await source[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The place of the only statement that begins so. */
function at(said: readonly string[], begins: string): number {
  const found = said.flatMap((each, index) => (each.startsWith(begins) ? [index] : []))
  assert.equal(found.length, 1, `${begins}: ${said.join('\n')}`)
  return found[0] ?? -1
}

function inOrder(said: readonly string[], ...begins: readonly string[]): void {
  const places = begins.map((each) => at(said, each))
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
    said.join('\n'),
  )
}

const follows = (retrieved: string): Partial<ScriptedState> => ({
  ...{ source: { host: '127.0.0.1', port: 2, user: 'x' }, retrieved, io: 'Yes' },
  isApplying: true,
})

suite('statements to a MySQL', () => {
  test('open the door last, when the acknowledgements are in force', async () => {
    await using stage = await openStage({ executed: `${uuid}:1-5`, ...follows(`${uuid}:1-9`) })
    await becomePrimary(stage.server, { epoch: 4, acks: anyOf('m2', 'm3') }, soon())
    const { said, state } = stage.fake
    inOrder(
      said,
      'STOP REPLICA IO_THREAD',
      'RESET REPLICA ALL',
      'SET GLOBAL read_only = ON',
      'SET GLOBAL super_read_only = OFF',
      'REPLACE INTO alwayson.epoch',
      'SET GLOBAL rpl_semi_sync_source_wait_for_replica_count = 1',
      'SET GLOBAL rpl_semi_sync_source_enabled = ON',
      // It may have been about to end, and let nobody in any more.
      "SET GLOBAL init_connect = ''",
      'SET GLOBAL read_only = OFF',
    )
    assert.equal(said.at(-1), 'SET GLOBAL read_only = OFF')
    assert.equal(state.executed, `${uuid}:1-9`, 'all that was received is applied first')
    const role = (member: string, suffix: string): boolean | undefined =>
      state.accounts.get(`alwayson_replication_${member}${suffix}`)
    assert.deepEqual([role('m2', '_ack'), role('m2', '')], [false, true])
    assert.deepEqual([role('m3', '_ack'), role('m3', '')], [false, true])
  })

  test('make nobody primary twice at one epoch', async () => {
    await using stage = await openStage({ isShut: false, readOnly: false, epoch: 4 })
    await becomePrimary(stage.server, { epoch: 4, acks: anyOf('m2') }, soon())
    assert.deepEqual(
      stage.fake.said.filter((each) => !each.startsWith('SET SESSION')),
      [],
    )
  })

  test('keep what replicas do not log out of the log', async () => {
    await using stage = await openStage({ isShut: false, readOnly: false, epoch: 4 })
    const session = await stage.server.session(soon())
    await enforce(stage.server, session, anyOf('m2'), soon())
    let isLogged = true
    for (const each of stage.fake.said) {
      if (each === 'SET SESSION sql_log_bin = OFF') isLogged = false
      if (each === 'SET SESSION sql_log_bin = ON') isLogged = true
      if (/USER 'alwayson_replication_/.test(each)) assert.ok(!isLogged, each)
    }
    assert.ok(isLogged)
  })

  test('leave no session that logs nothing, where an order is given up in the middle', async () => {
    await using stage = await openStage({})
    const session = await stage.server.session(soon())
    const stop = new AbortController()
    const kin = {
      ...mysql,
      knownAccounts: async () => {
        stop.abort(new Error('something else was ordered'))
        return new Map()
      },
    }
    const peers = stage.server.options.peers.slice(1)
    const made = ensureReceivers(kin, session, accounts, peers, false, stop.signal)
    await assert.rejects(made, /something else was ordered/)
    assert.notEqual(await stage.server.session(soon()), session)
  })

  test('give nobody a password twice, and say none', async () => {
    await using stage = await openStage({ isShut: false, readOnly: false, epoch: 4 })
    const session = await stage.server.session(soon())
    const given = (): number =>
      stage.fake.said.filter((each) => / USER .* IDENTIFIED/.test(each)).length
    await enforce(stage.server, session, anyOf('m2'), soon())
    assert.equal(given(), 4)
    await enforce(stage.server, session, anyOf('m3'), soon())
    assert.equal(given(), 4)
    stage.fake.state.verifiers.set('alwayson_replication_m2', 'of another one')
    await enforce(stage.server, session, anyOf('m3'), soon())
    assert.equal(given(), 5)
    const { password } = accounts.replication
    assert.ok(stage.fake.said.every((each) => !each.includes(password)))
  })

  test('let in over the network only who shows a certificate, between machines', async () => {
    await using stage = await openStage({}, {}, { tls: machineTls() })
    await becomePrimary(stage.server, { epoch: 4, acks: anyOf('m2', 'm3') }, soon())
    const { said, state } = stage.fake
    const names = ['m2', 'm3'].flatMap((each) => [each, `${each}_ack`])
    const receivers = names.map((each) => `alwayson_replication_${each}`)
    assert.deepEqual(
      [...state.certified].toSorted(),
      [...receivers, accounts.admin.user].toSorted(),
    )
    // Ours comes through the socket, too, where nobody can show any: that account is there first.
    inOrder(
      said,
      `CREATE USER '${accounts.admin.user}'@'localhost' IDENTIFIED`,
      `GRANT ALL PRIVILEGES ON *.* TO '${accounts.admin.user}'@'localhost' WITH GRANT OPTION`,
      `ALTER USER '${accounts.admin.user}'@'%' REQUIRE X509`,
      'SET GLOBAL read_only = OFF',
    )
    for (const each of receivers) {
      inOrder(said, `CREATE USER '${each}'@'%'`, `ALTER USER '${each}'@'%' REQUIRE X509`)
    }
  })

  test('have a replica believe its primary by a certificate, between machines', async () => {
    await using stage = await openStage({}, {}, { tls: machineTls() })
    const { options } = stage.server
    const session = await stage.server.session(soon())
    const primary = options.peers[1] ?? assert.fail()
    await receiveFrom(session, { primary, role: 'plain' }, options, words, soon())
    const told = stage.fake.said.find((each) => each.startsWith('CHANGE REPLICATION SOURCE'))
    assert.match(told ?? '', /SOURCE_SSL = 1, SOURCE_SSL_VERIFY_SERVER_CERT = 1/)
    assert.match(told ?? '', /SOURCE_SSL_CERT = '[^']+machine\.pem'/)
  })

  test('let whoever waits go only where nobody has to acknowledge', async () => {
    await using stage = await openStage({ isShut: false, epoch: 4, semiSync: true })
    const session = await stage.server.session(soon())
    await enforce(stage.server, session, { members: ['m2'], needed: 2 }, soon())
    assert.ok(!stage.fake.said.includes('SET GLOBAL rpl_semi_sync_source_enabled = OFF'))
    at(stage.fake.said, 'SET GLOBAL rpl_semi_sync_source_wait_for_replica_count = 2')
    await enforce(stage.server, session, { members: [], needed: 0 }, soon())
    assert.equal(stage.fake.said.at(-1), 'SET GLOBAL rpl_semi_sync_source_enabled = OFF')
  })

  test('apply what was received before anything stops', async () => {
    const apart = { isApplying: false, io: 'No' } as const
    await using stage = await openStage({ ...follows(`${uuid}:1-9`), ...apart })
    await applyReceived(await stage.server.session(soon()), soon())
    inOrder(stage.fake.said, 'START REPLICA SQL_THREAD', 'STOP REPLICA')
  })

  test('have a member follow by what it has, and by the account that is open', async () => {
    const locks = new Map([['alwayson_replication_m1_ack', true]])
    const source = { executed: `${uuid}:1-9,${other}:1-3`, accounts: locks }
    await using stage = await openStage({ executed: `${uuid}:1-9` }, source)
    const address = stage.server.options.peers[1] ?? assert.fail()
    const order = { primary: address, way: 'follow', label: 'test', progress: () => {} } as const
    assert.equal(await rejoin(stage.server, order, soon()), undefined)
    inOrder(
      stage.fake.said,
      "SET GLOBAL init_connect = ''",
      'STOP REPLICA',
      'SET GLOBAL rpl_semi_sync_replica_enabled = OFF',
      'CHANGE REPLICATION SOURCE TO',
    )
    const [change = ''] = stage.fake.said.filter((each) => each.startsWith('CHANGE'))
    assert.match(change, /SOURCE_USER = 'alwayson_replication_m1',/)
    assert.match(change, /SOURCE_AUTO_POSITION = 1/)
    assert.match(change, /GET_SOURCE_PUBLIC_KEY = 1/)
    assert.equal(stage.fake.said.at(-1), 'START REPLICA')
    assert.deepEqual(stage.host.ended, [])
  })

  test('hand everything to those that answer, and end although another is gone', async () => {
    const dumps = ['m2', 'm3'].map((member) => ({
      ...{ user: `alwayson_replication_${member}_ack`, command: 'Binlog Dump GTID' },
    }))
    const answers: Answers = [
      [/^SELECT trx_mysql_thread_id/, () => []],
      [/^SELECT ID AS id, USER AS user, COMMAND AS command/, () => []],
      [/^SELECT USER AS user, COMMAND AS command/, () => dumps],
    ]
    const has = { isShut: false, epoch: 4, executed: `${uuid}:1-9` }
    let time = 0
    const now = () => {
      time += 500
      return instant(time)
    }
    const open = { ...has, readOnly: false }
    await using stage = await openStage(open, has, { now }, answers)
    using receivers = new Receivers(mysql, stage.server.options)
    await drain(mysql, stage.server, receivers, ms(5000), soon())
    assert.deepEqual(stage.host.ended, ['SIGTERM'])
  })

  test('tell where a replica is although another who asks gives up meanwhile', async () => {
    const stop = new AbortController()
    let isToStop = false
    const answers: Answers = [
      [
        /^SELECT @@global\.super_read_only AS shut/,
        ({ executed, folder }) => {
          if (isToStop) stop.abort(new Error('it takes too long'))
          return [{ shut: 1, readOnly: 1, executed, folder }]
        },
      ],
    ]
    await using stage = await openStage({ executed: `${uuid}:1-9` }, {}, {}, answers)
    using receivers = new Receivers(mysql, stage.server.options)
    const at = await receivers.position('m1', soon())
    isToStop = true
    const givenUp = receivers.position('m1', stop.signal)
    const asked = receivers.position('m1', soon())
    await assert.rejects(givenUp, /it takes too long/)
    assert.deepEqual(await asked, at)
  })

  test('say what a member alone has, and change nothing then', async () => {
    const source = { executed: `${uuid}:1-9` }
    await using stage = await openStage({ executed: `${uuid}:1-9,${other}:4-5` }, source)
    const address = stage.server.options.peers[1] ?? assert.fail()
    const order = { primary: address, way: 'follow', label: 'test', progress: () => {} } as const
    const tail = await rejoin(stage.server, order, soon())
    assert.deepEqual(tail, new Map([[other, [[4, 5]]]]))
    assert.ok(!stage.fake.said.some((each) => /^(CHANGE|START|RESET)/.test(each)))
  })

  test('end one that could be written to before it follows', async () => {
    await using stage = await openStage({ isShut: false, executed: `${uuid}:1` }, { executed: '' })
    const address = stage.server.options.peers[1] ?? assert.fail()
    const order = { primary: address, way: 'follow', label: 'test', progress: () => {} } as const
    await rejoin(stage.server, order, soon()).catch(() => undefined)
    assert.deepEqual(stage.host.ended, ['SIGKILL'])
  })

  test('refuse a primary of another database', async () => {
    await using stage = await openStage({}, { identity: 'two' })
    const address = stage.server.options.peers[1] ?? assert.fail()
    const order = { primary: address, way: 'clone', label: 'test', progress: () => {} } as const
    await assert.rejects(rejoin(stage.server, order, soon()), /serves another database than m1/)
    assert.deepEqual(stage.fake.said, [])
  })

  test('forget once whom a server that was taken over received from', async () => {
    await using stage = await openStage({ executed: `${uuid}:1-9` }, { executed: `${uuid}:1-9` })
    const { data, peers } = stage.server.options
    const mark = { database: 'orders', identity: 'one', version: '8.0.36' }
    writeMark(data, { ...mark, begins: `${uuid}:1-9` })
    const primary = peers[1] ?? assert.fail()
    const order = { primary, way: 'follow', label: 'test', progress: () => {} } as const
    assert.equal(await rejoin(stage.server, order, soon()), undefined)
    inOrder(stage.fake.said, 'RESET REPLICA ALL', 'CHANGE REPLICATION SOURCE TO')
    assert.equal(readMark(data)?.begins, undefined)
    await toReplica(stage.server, soon())
    at(stage.fake.said, 'RESET REPLICA ALL')
  })

  test('are not needed to see what a member has, and who it receives from', async () => {
    await using stage = await openStage({ epoch: 3, executed: `${uuid}:1-5` })
    const look = new Lookout(
      stage.server,
      new Receivers(mysql, { ...stage.server.options, peers: [] }),
    )
    const { port } = stage.source
    Object.assign(stage.fake.state, {
      ...{ source: { host: '127.0.0.1', port, user: 'x' }, io: 'Yes', retrieved: `${uuid}:4-8` },
    })
    const seen = await look.look(soon())
    assert.equal(seen.server, 'replica')
    assert.equal(seen.upstream, 'm2')
    assert.deepEqual(seen.received, { line: 3, at: 8 })
    assert.deepEqual(seen.applied, { line: 3, at: 5 })
    assert.ok(!seen.writable)
    Object.assign(stage.fake.state, { ioError: 1236, io: 'No' })
    assert.ok((await look.look(soon())).diverged)
    assert.deepEqual(
      stage.fake.said.filter((each) => !each.startsWith('SET SESSION')),
      [],
    )
  })
})
