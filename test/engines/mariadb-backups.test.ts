// Backups of MariaDB as installed: what is kept, and what comes back.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { openMariadbBackups } from '../../src/databases/engines/mariadb/backups.ts'
import { accounts, alone, patience, soon } from '../conformance/database-scene.ts'
import { insert } from '../conformance/database-watch.ts'
import { BackupBed } from './backup-bed.ts'
import { mariadb } from './mariadb-member.ts'
import { until } from './waiting.ts'

test('restores exactly what there was between two commits, while others are written', async () => {
  await using bed = await BackupBed.open(mariadb, openMariadbBackups, 2)
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
  // What is received within a tenth of a second counts as of one moment.
  await pause(300)
  const between = await bed.moment()
  await bed.scene.query('m1', insert(2))
  await pause(1100)
  const undoable = await bed.moment()
  await bed.restore(between)
  assert.ok((await bed.scene.ids('m1')).includes(2))
  assert.deepEqual(await bed.idsAfter('restored', '1'), before)
  assert.ok(existsSync(join(bed.scene.seat('m1').options.aside, 'before-restore-1')))
  for (const entry of readdirSync(bed.folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) assert.equal(statSync(path).mode & 0o077, 0, path)
  }
  // The restored one is on a history of its own, and others are copied from it.
  bed.serving = { member: 'm1', epoch: 101 }
  await until('it is known as another', async () => (await bed.kept()).length === 2, patience)
  await bed.scene.engine('m2').follow(bed.scene.order('m1', 'clone'), soon())
  await bed.scene.receives('m2', 'm1')
  assert.deepEqual(await bed.scene.ids('m2'), before)
  // What undoes it is made of the same data, and is on another history all the same.
  await bed.restore(undoable, 'undone')
  assert.ok((await bed.idsAfter('undone', '2')).includes(2))
  bed.serving = { member: 'm1', epoch: 102 }
  await until('it is known as a third', async () => (await bed.kept()).length === 3, patience)
})

test('goes on over a failover, and tries what it has', async () => {
  await using bed = await BackupBed.open(mariadb, openMariadbBackups, 2)
  await bed.bases(1)
  await bed.scene.query('m1', insert(1))
  await bed.scene.shows('m2', 1)
  // Its log tells whole seconds: within one, what was received last may count as later.
  await pause(1100)
  const early = await bed.moment()
  await pause(1100)
  await bed.scene.query('m1', insert(2))
  await bed.scene.shows('m2', 2)
  await bed.moment()
  await bed.scene.seat('m1').host.crash()
  await bed.scene.engine('m2').promote({ epoch: 2, acks: alone }, soon())
  bed.serving = { member: 'm2', epoch: 2 }
  await bed.scene.query('m2', insert(3))
  await bed.moment()
  bed.archivist.tryLatest(soon())
  await until('it was tried', () => bed.works.isBusy('trial') === false, patience)
  assert.match(bed.events.join('\n'), /trial done: \S+ can be restored: \d+ tables, \d+ rows/)
  await bed.restore(early, 'early')
  assert.deepEqual(await bed.idsAfter('early', '1'), [1])
  await bed.restore(undefined, 'all')
  assert.deepEqual(await bed.idsAfter('all', '2'), [1, 2, 3])
  assert.equal((await bed.kept()).length, 1)
})

test('begins anew behind a gap where the primary has no more of what comes next', async () => {
  await using bed = await BackupBed.open(mariadb, openMariadbBackups, 1)
  await bed.bases(1)
  await bed.scene.query('m1', insert(1))
  await bed.moment()
  await bed.restart(async () => {
    await bed.scene.query('m1', insert(2))
    const { address } = bed.scene.seat('m1').options
    await using session = await mariadb.connect(address, accounts.admin, 'alwayson')
    await session.query('FLUSH BINARY LOGS')
    const logs = async () => (await session.query('SHOW BINARY LOGS')).map((row) => row.Log_name)
    // It keeps one that it still sends to whoever has gone.
    await until('the log is gone', async () => {
      await session.query(`PURGE BINARY LOGS TO '${(await logs()).at(-1)}'`)
      return (await logs()).length === 1
    })
  })
  const second = await bed.bases(2)
  await bed.scene.query('m1', insert(3))
  await bed.moment()
  // What follows is asked for from the new side of the gap: the log leads on from that base.
  await bed.restart(() => bed.scene.query('m1', insert(4)).then(() => undefined))
  await bed.moment()
  const [history] = await bed.kept()
  assert.equal(history?.bases.length, 2)
  assert.deepEqual(history?.unbroken, [second.id])
  await bed.restore(undefined, 'behind')
  assert.deepEqual(await bed.idsAfter('behind', '1'), [1, 2, 3, 4])
})
