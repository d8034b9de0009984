// Backups of PostgreSQL from its package: what is kept, what comes back, and what befalls them.

import assert from 'node:assert/strict'
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { openPostgresBackups } from '../../src/databases/engines/postgresql/backups.ts'
import { openPostgres } from '../../src/databases/engines/postgresql/engine.ts'
import { findPostgresVouchers } from '../../src/databases/engines/postgresql/vouch.ts'
import { Fault } from '../../src/foundation/fault.ts'
import { type Instant, ms } from '../../src/foundation/time.ts'
import { accounts, alone, type MemberKind, patience, soon } from '../conformance/database-scene.ts'
import { insert } from '../conformance/database-watch.ts'
import { BackupBed } from './backup-bed.ts'
import { connectPostgres } from './postgresql-client.ts'
import { until } from './waiting.ts'

const kind: MemberKind = {
  name: 'PostgreSQL with backups',
  open: openPostgres,
  vouchers: { find: findPostgresVouchers, socketOf: ({ run }) => run },
  copies: true,
  home: undefined,
  connect: connectPostgres,
}

/** All files below a folder. */
const filesIn = (folder: string): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : []

test('restores exactly what there was between two commits, while others are written', async () => {
  await using bed = await BackupBed.open(kind, openPostgresBackups, 2)
  const stop = new AbortController()
  const load = (async () => {
    for (let id = 1000; !stop.signal.aborted; id += 1) await bed.scene.query('m1', insert(id))
  })()
  const base = await bed.bases(1)
  assert.equal(base.source, 'm2')
  await bed.scene.query('m1', insert(1))
  stop.abort()
  await load
  const before = await bed.scene.ids('m1')
  const between = await bed.moment()
  await bed.scene.query('m1', insert(2))
  const undoable = await bed.moment()

  const first = await bed.restore(between)
  assert.ok(first.last !== undefined && first.last <= between)
  const replaced = await bed.scene.ids('m1')
  assert.deepEqual(await bed.idsAfter('restored', '1'), before)
  assert.ok(replaced.includes(2))
  assert.ok(existsSync(join(bed.scene.seat('m1').options.aside, 'before-restore-1')))

  for (const file of filesIn(bed.folder)) assert.equal(statSync(file).mode & 0o077, 0, file)
  for (const file of filesIn(bed.folder).filter((each) => each.endsWith('.json'))) {
    for (const { password } of Object.values(accounts)) {
      assert.ok(!readFileSync(file, 'utf8').includes(password))
    }
  }
  // The restored one is on a history of its own, which has no backup yet.
  bed.serving = { member: 'm1', epoch: 101 }
  await until('it is known as another', async () => (await bed.kept()).length === 2, patience)
  const [old, fresh] = await bed.kept()
  assert.notEqual(old?.origin, fresh?.origin)
  // What the restore has undone can still be had.
  const undone = await bed.restore(undoable, 'undone')
  assert.ok(undone.last !== undefined && undone.last > between)
  // Both were made of the same data: they are two histories all the same.
  assert.ok((await bed.idsAfter('undone', '2')).includes(2))
  bed.serving = { member: 'm1', epoch: 102 }
  await until('it is known as a third', async () => (await bed.kept()).length === 3, patience)
})

test('goes on over a failover, and restores to moments before and after it', async () => {
  await using bed = await BackupBed.open(kind, openPostgresBackups, 2)
  await bed.bases(1)
  await bed.scene.query('m1', insert(1))
  const early = await bed.moment()
  await bed.scene.query('m1', insert(2))
  await bed.scene.shows('m2', 2)
  await bed.scene.seat('m1').host.crash()
  await bed.scene.engine('m2').promote({ epoch: 2, acks: alone }, soon())
  bed.serving = { member: 'm2', epoch: 2 }
  await bed.scene.query('m2', insert(3))
  const late = await bed.moment()
  await bed.scene.query('m2', insert(4))
  await bed.moment()
  await bed.restore(early, 'early')
  assert.deepEqual(await bed.idsAfter('early', '1'), [1])
  await bed.restore(late, 'late')
  assert.deepEqual(await bed.idsAfter('late', '2'), [1, 2, 3])
  await bed.restore(undefined, 'all')
  assert.deepEqual(await bed.idsAfter('all', '3'), [1, 2, 3, 4])
  assert.equal((await bed.kept()).length, 1)
})

test('takes nothing for a backup that was broken off, and removes it', async () => {
  await using bed = await BackupBed.open(kind, openPostgresBackups, 1)
  // A copy takes long enough to be broken off once there is something to copy.
  const many = "INSERT INTO entries SELECT n, repeat('x', 80) FROM generate_series(1, 50000) n"
  await bed.scene.query('m1', many)
  await until('a copy is under way', () => filesIn(bed.folder).some(isData), patience)
  await bed.restart()
  await bed.bases(1)
  const kept = (await bed.kept())[0]
  assert.equal(kept?.bases.length, 1)
  const folders = readdirSync(join(bed.folder, kept?.origin ?? '', 'bases'))
  assert.deepEqual(folders, [kept?.bases[0]?.id])
  assert.ok(!filesIn(bed.folder).some((file) => file.endsWith('.draft')))
})

const isData = (file: string): boolean => file.includes('data.tar.zst')

test('finds a damaged backup, and falls back on none of it', async () => {
  await using bed = await BackupBed.open(kind, openPostgresBackups, 1)
  const base = await bed.bases(1)
  const trial = bed.archivist.tryLatest(soon())
  await until('it was tried', () => bed.works.isBusy('trial') === false, patience)
  assert.match(bed.events.join('\n'), /trial done: \S+ can be restored: \d+ tables, \d+ rows/)
  assert.ok(trial.startsWith('trial-'))
  const data = filesIn(bed.folder).find(isData) ?? ''
  const bytes = readFileSync(data)
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 100) ^ 1, bytes.length - 100)
  writeFileSync(data, bytes)
  const damaged = (thrown: unknown): boolean =>
    thrown instanceof Fault && thrown.code === 'corrupt' && thrown.message.includes(base.id)
  await assert.rejects(bed.restore(undefined), damaged)
  assert.ok(!existsSync(join(bed.scene.folder, 'restored', 'data')))
  bed.archivist.tryLatest(soon())
  await until('it was tried', () => bed.works.isBusy('trial') === false, patience)
  assert.match(bed.events.join('\n'), /trial failed: data.tar.zst of the backup/)
  assert.equal(bed.archivist.overview().tried?.well, false)
})

test('makes another backup where the log was lost, and refuses what lies in between', async () => {
  await using bed = await BackupBed.open(kind, openPostgresBackups, 1)
  const first = await bed.bases(1)
  await bed.scene.query('m1', insert(1))
  const lost = await bed.moment()
  await bed.scene.query('m1', 'SELECT 1')
  for (const file of filesIn(bed.folder)) if (/\/log\/[0-9A-F]{24}/.test(file)) rmSync(file)
  await bed.restart()
  const second = await bed.bases(2)
  assert.notEqual(second.id, first.id)
  assert.ok(bed.events.some((event) => event.startsWith('log-broken')))
  await assert.rejects(bed.restore(lost), /is not among what is kept/)
  await bed.scene.query('m1', insert(2))
  await bed.moment()
  await bed.restore(undefined)
  assert.deepEqual(await bed.idsAfter('restored', '1'), [1, 2])
})

test('makes another backup where the primary has no more of the log', async () => {
  await using bed = await BackupBed.open(kind, openPostgresBackups, 1)
  const first = await bed.bases(1)
  await bed.moment()
  let lost: Instant | undefined
  await bed.restart(async () => {
    lost = await loseLog(bed)
  })
  const second = await bed.bases(2)
  assert.notEqual(second.id, first.id)
  assert.ok(bed.events.some((event) => event.startsWith('log-broken')))
  await assert.rejects(bed.restore(lost), /is not among what is kept/)
  await bed.scene.query('m1', insert(2))
  await bed.moment()
  // Whoever receives it next does not ask for what is gone either.
  const told = bed.events.length
  await bed.restart()
  await bed.moment()
  assert.ok(!bed.events.slice(told).some((event) => event.startsWith('log-broken')))
  await bed.restore(undefined)
  assert.deepEqual(await bed.idsAfter('restored', '1'), [1, 2])
})

/** What m1 wrote while nobody received it is kept by nothing; returns a moment within it. */
async function loseLog(bed: BackupBed): Promise<Instant> {
  const { run, address, data } = bed.scene.seat('m1').options
  const door = { host: run, port: address.port }
  await using admin = await connectPostgres(door, accounts.admin, 'postgres')
  await bed.scene.query('m1', insert(1))
  const lost = bed.clock.now()
  await until(
    'nobody receives',
    async () => (await admin.query(inactiveSlots)).length === 1,
    patience,
  )
  await admin.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots')
  for (let each = 0; each < 3; each += 1) {
    await admin.query('SELECT txid_current(), pg_switch_wal()')
  }
  await admin.query('CHECKPOINT')
  const [row] = await admin.query('SELECT pg_walfile_name(pg_current_wal_lsn()) AS name')
  // As a checkpoint removes them once there are more than are kept for replicas.
  for (const name of readdirSync(join(data, 'pg_wal'))) {
    if (/^[0-9A-F]{24}$/.test(name) && name < String(row?.name)) rmSync(join(data, 'pg_wal', name))
  }
  return lost
}

const inactiveSlots = 'SELECT FROM pg_replication_slots WHERE NOT active'

test('begins no restore with less of the log than the base itself needs', async () => {
  await using bed = await BackupBed.open(kind, openPostgresBackups, 2)
  const base = await bed.bases(1)
  assert.equal(base.source, 'm2')
  await bed.scene.seat('m1').engine.stop(ms(20_000), soon())
  await until('it is noticed', () => bed.archivist.overview().receiving === false, patience)
  // As it is while the last of what the copy needs is on its way.
  for (const file of filesIn(bed.folder).filter((each) => each.endsWith('.growing'))) {
    truncateSync(file, 100)
  }
  await assert.rejects(bed.restore(undefined), /no backup has an unbroken log/)
})

test('refuses a moment of which nobody knows yet what was committed', async () => {
  await using bed = await BackupBed.open(kind, openPostgresBackups, 1)
  await bed.bases(1)
  await bed.moment()
  await bed.scene.seat('m1').engine.stop(ms(20_000), soon())
  await until('it is noticed', () => bed.archivist.overview().receiving === false, patience)
  await pause(50)
  await assert.rejects(bed.restore(bed.clock.now()), /is not among what is kept: it ends at/)
})
