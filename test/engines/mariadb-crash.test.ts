// What MariaDB's own crashes must not cost: acknowledged rows of a replica, and a whole copy.

import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { Logs } from '../../src/databases/engines/mariadb/logs.ts'
import { voucherOf } from '../../src/databases/engines/vouchers.ts'
import { accounts, anyOf, patience, Scene, soon } from '../conformance/database-scene.ts'
import {
  ahead,
  caughtUp,
  insert,
  isAhead,
  type Pending,
  pending,
  received,
} from '../conformance/database-watch.ts'
import { mariadb } from './mariadb-member.ts'
import { until } from './waiting.ts'

const begin = (scene: Scene): Promise<void> =>
  scene.begin(scene.seats.length === 2 ? anyOf('m2') : anyOf('m2', 'm3'))

async function administer(scene: Scene, name: string, sql: string): Promise<void> {
  const { address } = scene.seat(name).options
  await using session = await mariadb.connect(address, accounts.admin, 'alwayson')
  await session.query(sql)
}

/** What these statements write the primary has in its log, and nobody else. */
async function leaveTail(scene: Scene, ...statements: readonly string[]): Promise<void> {
  const waiting: Pending[] = []
  for (const sql of statements) {
    const before = await received(scene, 'm1')
    waiting.push(pending(scene.query('m1', sql)))
    await until(
      'the primary has what nobody else has',
      async () => ahead(await received(scene, 'm1'), before) > 0,
      patience,
    )
  }
  await scene.seat('m1').host.crash()
  for (const { outcome } of waiting) await assert.rejects(outcome)
}

/** Behind the last transaction of a log comes another one, whose last event is not all there. */
function beginTransaction(data: string): void {
  const { path = '', groups = [] } = new Logs(data).newest('binlog') ?? {}
  const { from = 0, to = 0 } = groups.at(-1) ?? {}
  const next = readFileSync(path).subarray(from, to - 10)
  // Its first event holds its number behind the header, and ends with a sum of its bytes.
  next.writeBigUInt64LE(next.readBigUInt64LE(19) + 1n, 19)
  const sum = next.readUInt32LE(9) - 4
  next.writeUInt32LE(crc32(next.subarray(0, sum)), sum)
  appendFileSync(path, next)
}

/** The logs that a member keeps until it is known who leads. */
function keptLogs(scene: Scene, name: string): readonly string[] {
  const folder = join(scene.seat(name).options.aside, 'pending')
  return existsSync(folder) ? readdirSync(folder).filter((each) => !each.endsWith('.index')) : []
}

const many = Array.from({ length: 100 }, (_, at) => 1000 + at)

/** Rows 2 and 1000 to 1099: those fill the log, and row 2, behind them, lies in the next one. */
async function leaveTailOfTwoLogs(scene: Scene): Promise<void> {
  await administer(scene, 'm1', 'SET GLOBAL max_binlog_size = 4096')
  const rows = many.map((id) => `(${id}, REPEAT('x', 80))`)
  await leaveTail(scene, `INSERT INTO entries VALUES ${rows.join(', ')}`, insert(2))
}

suite('MariaDB after a crash', () => {
  test('a replica has what it acknowledged and had not applied', async () => {
    await using scene = await Scene.open(mariadb, 2)
    await begin(scene)
    await administer(scene, 'm2', 'STOP SLAVE SQL_THREAD')
    for (const id of [1, 2, 3]) await scene.query('m1', insert(id))
    const all = await received(scene, 'm1')
    assert.ok(ahead((await scene.look('m2')).applied, all) < 0)
    await Promise.all([scene.seat('m1').host.crash(), scene.seat('m2').host.crash()])
    assert.ok(ahead(await received(scene, 'm2'), all) >= 0)
    await scene.engine('m2').freeze(soon())
    assert.ok(ahead(await received(scene, 'm2'), all) >= 0)
    await scene.engine('m2').promote({ epoch: 2, acks: anyOf('m1') }, soon())
    assert.deepEqual(await scene.ids('m2'), [1, 2, 3])
  })

  test('a primary that stopped for an election keeps what nobody acknowledged', async () => {
    await using scene = await Scene.open(mariadb, 2)
    await begin(scene)
    await scene.query('m1', insert(1))
    await scene.engine('m2').freeze(soon())
    await leaveTail(scene, insert(2))
    const crashed = await received(scene, 'm1')
    await scene.engine('m1').freeze(soon())
    assert.deepEqual(await received(scene, 'm1'), crashed)
    await scene.engine('m1').promote({ epoch: 2, acks: anyOf('m2') }, soon())
    assert.deepEqual(await scene.ids('m1'), [1, 2])
    await scene.engine('m2').follow(scene.order('m1', 'follow'), soon())
    await scene.shows('m2', 2)
  })

  test('a primary that was killed in the midst of a write repeats what is whole', async () => {
    await using scene = await Scene.open(mariadb, 2)
    await begin(scene)
    await scene.query('m1', insert(1))
    await scene.engine('m2').freeze(soon())
    await leaveTail(scene, insert(2))
    beginTransaction(scene.seat('m1').options.data)
    await scene.engine('m1').freeze(soon())
    await scene.engine('m1').promote({ epoch: 2, acks: anyOf('m2') }, soon())
    assert.deepEqual(await scene.ids('m1'), [1, 2])
    await scene.engine('m2').follow(scene.order('m1', 'follow'), soon())
    await scene.shows('m2', 2)
  })

  test('a primary that was not elected is cut back, and not copied', async () => {
    await using scene = await Scene.open(mariadb, 2)
    await begin(scene)
    await scene.query('m1', insert(1))
    await caughtUp(scene, 'm2', 'm1')
    await scene.engine('m2').freeze(soon())
    await leaveTail(scene, insert(2))
    const { data, aside } = scene.seat('m1').options
    const folder = statSync(data).ino
    await scene.engine('m1').freeze(soon())
    await scene.engine('m2').promote({ epoch: 2, acks: anyOf('m1') }, soon())
    await scene.engine('m1').follow(scene.order('m2', 'rewind', 'epoch-2'), soon())
    await scene.receives('m1', 'm2')
    await scene.query('m2', insert(3))
    await scene.shows('m1', 3)
    assert.deepEqual(await scene.ids('m1'), [1, 3])
    assert.equal(statSync(data).ino, folder)
    assert.ok(existsSync(join(aside, 'epoch-2', 'summary.json')))
  })

  test('a primary that is elected again has what nobody acknowledged of all its logs', async () => {
    await using scene = await Scene.open(mariadb, 2)
    await begin(scene)
    await scene.query('m1', insert(1))
    await scene.engine('m2').freeze(soon())
    await leaveTailOfTwoLogs(scene)
    const crashed = await received(scene, 'm1')
    await scene.engine('m1').freeze(soon())
    assert.deepEqual(await scene.ids('m1'), [1])
    assert.equal(keptLogs(scene, 'm1').length, 2)
    assert.deepEqual(await received(scene, 'm1'), crashed)
    await scene.engine('m1').promote({ epoch: 2, acks: anyOf('m2') }, soon())
    assert.deepEqual(await scene.ids('m1'), [1, 2, ...many])
    await scene.engine('m2').follow(scene.order('m1', 'follow'), soon())
    await scene.shows('m2', 2)
    assert.deepEqual(await scene.ids('m2'), [1, 2, ...many])
    assert.deepEqual(keptLogs(scene, 'm1'), [])
  })

  test('a primary that was not elected sets aside what it has in all its logs', async () => {
    await using scene = await Scene.open(mariadb, 2)
    await begin(scene)
    await scene.query('m1', insert(1))
    await caughtUp(scene, 'm2', 'm1')
    await scene.engine('m2').freeze(soon())
    await leaveTailOfTwoLogs(scene)
    const { data, aside } = scene.seat('m1').options
    const folder = statSync(data).ino
    await scene.engine('m1').freeze(soon())
    await scene.engine('m2').promote({ epoch: 2, acks: anyOf('m1') }, soon())
    await scene.engine('m1').follow(scene.order('m2', 'rewind', 'epoch-2'), soon())
    await scene.query('m2', insert(3))
    await scene.shows('m1', 3)
    assert.deepEqual(await scene.ids('m1'), [1, 3])
    assert.equal(statSync(data).ino, folder)
    const summary = JSON.parse(readFileSync(join(aside, 'epoch-2', 'summary.json'), 'utf8'))
    assert.equal(summary.transactions, 2)
    assert.deepEqual(keptLogs(scene, 'm1'), [])
  })

  test('what is kept and does not follow is neither told nor repeated', async () => {
    await using scene = await Scene.open(mariadb, 2)
    await begin(scene)
    await scene.query('m1', insert(1))
    await scene.engine('m2').freeze(soon())
    const before = await received(scene, 'm1')
    await leaveTailOfTwoLogs(scene)
    await scene.engine('m1').freeze(soon())
    const [older = '', newer] = keptLogs(scene, 'm1').toSorted()
    const pendingFolder = join(scene.seat('m1').options.aside, 'pending')
    rmSync(join(pendingFolder, older))
    writeFileSync(join(pendingFolder, 'binlog.index'), `${newer}\n`)
    assert.deepEqual(await received(scene, 'm1'), before)
    const promote = () => scene.engine('m1').promote({ epoch: 2, acks: anyOf('m2') }, soon())
    await assert.rejects(promote(), /does not follow what the server has/)
    assert.deepEqual(keptLogs(scene, 'm1'), [newer])
    renameSync(pendingFolder, `${pendingFolder}.elsewhere`)
    await promote()
    assert.deepEqual(await scene.ids('m1'), [1])
  })

  test('replicas vouch for a primary as long as they receive', async () => {
    await using scene = await Scene.open(mariadb, 3)
    await begin(scene)
    const { run, address } = scene.seat('m1').options
    const find = await voucherOf('mariadb')
    const ask = (within?: number): Promise<readonly string[]> =>
      find(
        { engine: 'mariadb', socket: run, port: address.port, account: accounts.admin },
        ['m2', 'm3'],
        soon(within),
      )
    assert.deepEqual([...(await ask())].toSorted(), ['m2', 'm3'])
    await scene.engine('m3').freeze(soon())
    assert.deepEqual(await ask(3000), ['m2'])
  })

  test('a replica whose stream has broken off is acknowledged for with what it has', async () => {
    await using scene = await Scene.open(mariadb, 3)
    await begin(scene)
    await scene.engine('m1').setAcks(anyOf('m3'), soon())
    scene.seat('m3').host.suspend()
    const waiting = pending(scene.query('m1', insert(1)))
    await isAhead(scene, 'm1', 'm3')
    await caughtUp(scene, 'm2', 'm1')
    await administer(scene, 'm2', 'STOP SLAVE IO_THREAD')
    assert.equal(waiting.done(), false)
    await scene.engine('m1').setAcks(anyOf('m2', 'm3'), soon())
    await waiting.outcome
  })

  test('a replica whose stream has broken off says when something last came over it', async () => {
    await using scene = await Scene.open(mariadb, 2)
    await begin(scene)
    await scene.query('m1', insert(1))
    await scene.shows('m2', 1)
    const { receivedAt = Number.NaN } = await scene.look('m2')
    await scene.seat('m1').host.crash()
    const isCutOff = async (): Promise<boolean> => (await scene.look('m2')).upstream === undefined
    await until('it receives from nobody', isCutOff, patience)
    const { receivedAt: last = Number.NaN } = await scene.look('m2')
    assert.ok(last >= receivedAt)
  })
})
