// What goes wrong with PostgreSQL, and what its engine makes of it: seen on servers of the package.

import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { parseControlFile } from '../../src/databases/engines/postgresql/control-file.ts'
import { openPostgres } from '../../src/databases/engines/postgresql/engine.ts'
import { findPostgresVouchers } from '../../src/databases/engines/postgresql/vouch.ts'
import { Fault } from '../../src/foundation/fault.ts'
import { ms } from '../../src/foundation/time.ts'
import {
  accounts,
  alone,
  anyOf,
  type MemberKind,
  patience,
  Scene,
  soon,
} from '../conformance/database-scene.ts'
import { insert, pending, received } from '../conformance/database-watch.ts'
import { connectPostgres } from './postgresql-client.ts'
import { until } from './waiting.ts'

const kind: MemberKind = {
  name: 'PostgreSQL',
  open: openPostgres,
  vouchers: { find: findPostgresVouchers, socketOf: ({ run }) => run },
  copies: true,
  home: undefined,
  connect: connectPostgres,
}

/** Resolves once a member says that it can never follow whom it was told to. */
const saysDiverged = (scene: Scene, name: string): Promise<void> =>
  until(`${name} has diverged`, async () => (await scene.look(name)).diverged, patience)

test('says that it can never follow, and comes back all the same', async () => {
  await using scene = await Scene.open(kind, 2)
  await scene.begin()
  await scene.engine('m2').freeze(soon())
  await scene.query('m1', insert(1))
  await scene.seat('m1').host.crash()
  await scene.engine('m2').promote({ epoch: 2, acks: alone }, soon())
  await scene.engine('m1').follow(scene.order('m2', 'follow'), soon())
  await saysDiverged(scene, 'm1')
  // It has fetched a history by now that is not its own, and has to be able to start without.
  await scene.engine('m1').stop(ms(20_000), soon())
  await scene.engine('m1').freeze(soon())
  await scene.engine('m1').follow(scene.order('m2', 'rewind'), soon())
  await scene.receives('m1', 'm2')
  assert.deepEqual(await scene.ids('m1'), [])
})

test('copies anew what was away for longer than the log is kept', async () => {
  await using scene = await Scene.open(kind, 2)
  const settings = { wal_keep_size: '0', max_slot_wal_keep_size: '64MB', max_wal_size: '32MB' }
  await scene.reopen('m1', { settings })
  await scene.begin()
  await scene.engine('m2').stop(ms(20_000), soon())
  const { address, run } = scene.seat('m1').options
  const admin = await connectPostgres({ host: run, port: address.port }, accounts.admin, 'postgres')
  await using _ = admin
  for (let segment = 0; segment < 12; segment += 1) {
    await admin.query("SELECT pg_logical_emit_message(true, 'test', repeat('x', 1000000))")
    await admin.query('SELECT pg_switch_wal()')
    await admin.query('CHECKPOINT')
  }
  await scene.engine('m2').follow(scene.order('m1', 'follow'), soon())
  await saysDiverged(scene, 'm2')
  await scene.query('m1', insert(1))
  await scene.engine('m2').follow(scene.order('m1', 'clone'), soon())
  await scene.receives('m2', 'm1')
  await scene.shows('m2', 1)
})

test('makes a slot anew that is gone, and misses nothing', async () => {
  await using scene = await Scene.open(kind, 2)
  await scene.begin()
  const { address, run } = scene.seat('m1').options
  const admin = await connectPostgres({ host: run, port: address.port }, accounts.admin, 'postgres')
  await using _ = admin
  scene.seat('m2').host.suspend()
  await admin.query(
    'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active',
  )
  await until(
    'nobody uses it',
    async () => {
      const rows = await admin.query('SELECT 1 FROM pg_replication_slots WHERE active')
      return rows.length === 0
    },
    patience,
  )
  await admin.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots')
  scene.seat('m2').host.resume()
  await scene.query('m1', insert(1))
  await until('it is missed', async () => (await scene.look('m2')).upstream === undefined, patience)
  await scene.engine('m2').follow(scene.order('m1', 'follow'), soon())
  await scene.receives('m2', 'm1')
  await scene.shows('m2', 1)
})

test('names a port that is taken, and a setting that does not exist', async () => {
  await using scene = await Scene.open(kind, 1)
  const seat = scene.seat('m1')
  await scene.initialise(seat)
  const { host, port } = seat.options.address
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  const refused = (words: RegExp) => (thrown: unknown) =>
    thrown instanceof Fault && words.test(thrown.message) && thrown.remedy !== undefined
  try {
    await assert.rejects(seat.engine.freeze(soon()), refused(/could not bind/))
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
  await scene.reopen('m1', { settings: { no_such_setting: 'on' } })
  await assert.rejects(seat.engine.freeze(soon()), refused(/no_such_setting/))
  await scene.reopen('m1')
  await seat.engine.freeze(soon())
  assert.equal((await scene.look('m1')).server, 'replica')
})

test('takes no write after a crash at any moment of a promotion', async () => {
  await using scene = await Scene.open(kind, 1)
  await scene.begin()
  await scene.query('m1', insert(1))
  const { engine, host } = scene.seat('m1')
  for (const [round, wait] of [0, 20, 50, 100, 200, 400].entries()) {
    await engine.freeze(soon())
    const agent = new AbortController()
    const promotion = engine.promote({ epoch: 2 + round, acks: alone }, agent.signal)
    promotion.catch(() => {})
    await pause(wait)
    // Who promotes dies with the server that it promotes.
    agent.abort()
    await host.crash()
    await promotion.catch((thrown: unknown) => assert.ok(thrown instanceof Fault))
    assert.equal((await scene.look('m1')).writable, false)
    await engine.freeze(soon())
    assert.equal((await scene.look('m1')).server, 'replica')
    await assert.rejects(scene.query('m1', insert(2)))
  }
  await engine.promote({ epoch: 20, acks: alone }, soon())
  assert.deepEqual(await scene.ids('m1'), [1])
  await scene.query('m1', insert(2))
})

test('starts as a standby also by hand, and keeps passwords to itself', async () => {
  await using scene = await Scene.open(kind, 1)
  await scene.begin()
  const { engine, host, options } = scene.seat('m1')
  const pid = (host.observe() as { readonly pid: number }).pid
  const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1)
  await host.crash()
  const { uid, gid } = statSync(options.data)
  const log = join(options.run, 'server.log')
  await host.start({ argv, cwd: options.data, env: { LC_ALL: 'C' }, uid, gid, log })
  await until('it answers', async () => (await scene.look('m1')).server === 'replica', patience)
  await assert.rejects(scene.query('m1', insert(1)))
  await engine.promote({ epoch: 2, acks: alone }, soon())
  const shown = [readFileSync(log, 'utf8'), argv.join(' ')]
  for (const name of ['postgresql.conf', 'hba.conf']) {
    shown.push(readFileSync(join(options.run, name), 'utf8'))
  }
  for (const { password } of Object.values(accounts)) {
    for (const text of shown) assert.ok(!text.includes(password))
  }
})

test('tells of commits that do not wait, and reads a stopped server as it is', async () => {
  await using scene = await Scene.open(kind, 1)
  await scene.begin()
  await scene.query('m1', 'ALTER ROLE CURRENT_USER SET synchronous_commit = off')
  await scene.engine('m1').promote({ epoch: 1, acks: alone }, soon())
  assert.ok(scene.told.some(({ rule }) => rule === 'impatient-commits'))
  await scene.engine('m1').stop(ms(20_000), soon())
  const path = join(scene.seat('m1').options.data, 'global', 'pg_control')
  const bytes = readFileSync(path)
  const control = parseControlFile(bytes)
  assert.equal(control?.state, 'shut-down')
  assert.equal(control.checkpoint.line, (await received(scene, 'm1')).line)
  for (const at of [0, 32, 48, 100, 228]) {
    const damaged = Buffer.from(bytes)
    damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at)
    assert.equal(parseControlFile(damaged), undefined)
  }
})

test('lets a new set wait for as many as it says', async () => {
  await using scene = await Scene.open(kind, 3)
  await scene.begin(anyOf('m2', 'm3'))
  const two = { members: ['m2', 'm3'], needed: 2 }
  await scene.engine('m1').setAcks(two, soon(30_000))
  await scene.engine('m1').tryWrite(soon(30_000))
  scene.seat('m3').host.suspend()
  const waiting = scene.query('m1', insert(2)).then(() => 'acknowledged')
  await assert.rejects(scene.engine('m1').tryWrite(soon(500)))
  assert.equal(await Promise.race([waiting, pause(1).then(() => 'waits')]), 'waits')
  scene.seat('m3').host.resume()
  assert.equal(await waiting, 'acknowledged')
})

test('goes on as primary of an epoch that its data are from after', async () => {
  await using scene = await Scene.open(kind, 1)
  await scene.begin()
  const { engine } = scene.seat('m1')
  await engine.freeze(soon())
  await engine.promote({ epoch: 50, acks: alone }, soon())
  // As the record of another cluster has it, that these data have come to.
  await engine.freeze(soon())
  await engine.promote({ epoch: 2, acks: alone }, soon())
  const client = await scene.client('m1')
  await engine.promote({ epoch: 2, acks: alone }, soon())
  await client.query(insert(1))
})

test('goes on as primary where the connection that asks it is ended meanwhile', async () => {
  await using scene = await Scene.open(kind, 1)
  await scene.begin()
  const { engine, options } = scene.seat('m1')
  const client = await scene.client('m1')
  const { address, run } = options
  const admin = await connectPostgres({ host: run, port: address.port }, accounts.admin, 'postgres')
  await using _ = admin
  // Whoever asks which epoch it has reached waits for this.
  await admin.query('BEGIN')
  await admin.query('LOCK TABLE alwayson.epoch IN ACCESS EXCLUSIVE MODE')
  const promotion = pending(engine.promote({ epoch: 1, acks: alone }, soon()))
  const waiting = `FROM pg_stat_activity WHERE wait_event_type = 'Lock'`
  await until(
    'it is asked',
    async () => (await admin.query(`SELECT pid ${waiting}`)).length > 0,
    patience,
  )
  await admin.query(`SELECT pg_terminate_backend(pid) ${waiting}`)
  await admin.query('COMMIT')
  await promotion.outcome
  await client.query(insert(1))
})

test('takes its settings by no connection that an order is carried out by', async () => {
  await using scene = await Scene.open(kind, 1)
  await scene.begin()
  const { engine, options } = scene.seat('m1')
  const { address, run } = options
  const admin = await connectPostgres({ host: run, port: address.port }, accounts.admin, 'postgres')
  await using _ = admin
  await admin.query('BEGIN')
  await admin.query('LOCK TABLE alwayson.epoch IN ACCESS EXCLUSIVE MODE')
  const promotion = pending(engine.promote({ epoch: 1, acks: alone }, soon()))
  const waiting = `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'`
  await until('it is asked', async () => (await admin.query(waiting)).length > 0, patience)
  await engine.refresh(soon(20_000))
  assert.equal(promotion.done(), false)
  await admin.query('COMMIT')
  await promotion.outcome
})
