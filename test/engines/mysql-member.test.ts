// MySQL keeps the promises of a member's engine, where it is installed; elsewhere that is said.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMysql } from '../../src/databases/engines/mysql/engine.ts'
import { findPrograms } from '../../src/databases/engines/mysql/programs.ts'
import { Fault } from '../../src/foundation/fault.ts'
import { databaseMemberConformance } from '../conformance/database-member.ts'
import { mariadb } from './mariadb-member.ts'

const found = await findPrograms(process.env.MYSQL_HOME).catch((thrown: unknown) => thrown)

if (!(found instanceof Fault)) {
  const settings = { innodb_buffer_pool_size: '16M', innodb_redo_log_capacity: '16M' }
  databaseMemberConformance({
    ...mariadb,
    name: 'MySQL as installed',
    open: (options) => openMysql({ ...options, settings }),
    home: process.env.MYSQL_HOME,
  })
} else {
  test('MySQL is not on this machine, and whoever asks for it is told how to have it', (t) => {
    t.diagnostic('its engine was not tried: set MYSQL_HOME to try it')
    assert.match(found.message, /mysqld/)
    assert.match(found.remedy ?? '', /install MySQL 8/)
  })
}
