// MySQL keeps the promises of a member’s engine and of its backups, where it is installed;
// elsewhere that is said.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMysqlBackups } from '../../src/databases/engines/mysql/backups.ts'
import { openMysql } from '../../src/databases/engines/mysql/engine.ts'
import { findPrograms } from '../../src/databases/engines/mysql/programs.ts'
import { Fault } from '../../src/foundation/fault.ts'
import { databaseMemberConformance } from '../conformance/database-member.ts'
import type { MemberKind } from '../conformance/database-scene.ts'
import { insert } from '../conformance/database-watch.ts'
import { BackupBed } from './backup-bed.ts'
import { mariadb } from './mariadb-member.ts'

const found = await findPrograms(process.env.MYSQL_HOME).catch((thrown: unknown) => thrown)

const settings = { innodb_buffer_pool_size: '16M', innodb_redo_log_capacity: '16M' }
const kind: MemberKind = {
  ...mariadb,
  name: 'MySQL as installed',
  open: (options) => openMysql({ ...options, settings }),
  home: process.env.MYSQL_HOME,
}

if (!(found instanceof Fault)) {
  databaseMemberConformance(kind)

  test('restores what there was between two commits', async () => {
    await using bed = await BackupBed.open(kind, openMysqlBackups, 2)
    await bed.bases(1)
    await bed.scene.query('m1', insert(1))
    const between = await bed.moment()
    await bed.scene.query('m1', insert(2))
    await bed.moment()
    await bed.restore(between)
    assert.deepEqual(await bed.idsAfter('restored', '1'), [1])
  })
} else {
  test('MySQL is not on this machine, and whoever asks for it is told how to have it', (t) => {
    t.diagnostic('its engine was not tried: set MYSQL_HOME to try it')
    assert.match(found.message, /mysqld/)
    assert.match(found.remedy ?? '', /install MySQL 8/)
  })
}
