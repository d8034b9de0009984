// Every version is spoken to by its own words, and nothing that durability rests on is left open.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { defeats, durableSettings } from '../../durable-settings.ts'
import { configurationOf, enforcedSettings, isAllowed } from './settings.ts'
import { isAtLeast, semiSetting, versionIn, wordsOf } from './words.ts'

suite('versions of MySQL', () => {
  test('are read from what servers say, and MariaDB is none', () => {
    assert.deepEqual(versionIn('8.0.36-0ubuntu0.22.04.1'), [8, 0, 36])
    const said = '/usr/sbin/mysqld  Ver 8.4.3 for Linux on x86_64 (MySQL Community Server - GPL)'
    assert.deepEqual(versionIn(said), [8, 4, 3])
    assert.equal(versionIn('mysqld  Ver 10.11.6-MariaDB for debian-linux-gnu'), undefined)
    assert.equal(versionIn('no version at all'), undefined)
  })

  test('are compared part by part', () => {
    assert.ok(isAtLeast([8, 0, 26], [8, 0, 26]))
    assert.ok(isAtLeast([8, 4, 0], [8, 0, 26]))
    assert.ok(isAtLeast([9, 0, 0], [8, 4, 9]))
    assert.ok(!isAtLeast([8, 0, 25], [8, 0, 26]))
  })

  test('have the words of their manual', () => {
    const old = wordsOf([8, 0, 25])
    assert.equal(old.semiSource, 'rpl_semi_sync_master_enabled')
    assert.equal(old.waitCount, 'rpl_semi_sync_master_wait_for_slave_count')
    assert.equal(old.waitForNobody, 'rpl_semi_sync_master_wait_no_slave')
    assert.equal(semiSetting(old, 'timeout'), 'rpl_semi_sync_master_timeout')
    assert.deepEqual(old.libraries.slice(0, 2), ['semisync_master.so', 'semisync_slave.so'])
    assert.equal(old.skipReplicaStart, 'skip_slave_start')
    const now = wordsOf([8, 0, 26])
    assert.equal(now.waitCount, 'rpl_semi_sync_source_wait_for_replica_count')
    assert.equal(now.isWaiting, 'Rpl_semi_sync_source_status')
    assert.equal(now.showReplicaAuthInfo, 'show_replica_auth_info')
    assert.equal(now.resetLogs, 'RESET MASTER')
    assert.equal(wordsOf([8, 4, 0]).resetLogs, 'RESET BINARY LOGS AND GTIDS')
  })
})

const place = {
  ...{
    member: 'm1',
    data: '/d',
    run: '/r',
    temporary: '/d.tmp',
    socket: '/r/sql.sock',
    host: '10.0.0.1',
  },
  ...{ port: 3306, serverId: 1 },
}

suite('the configuration of a MySQL', () => {
  test('boots read-only for everybody, and without its other door', () => {
    const text = configurationOf(place, {}, wordsOf([8, 0, 36]))
    for (const line of [
      ...['super_read_only = ON', 'read_only = ON', 'skip_replica_start = ON', 'mysqlx = OFF'],
      'persisted_globals_load = OFF',
      ...['gtid_mode = ON', 'sync_binlog = 1', 'rpl_semi_sync_source_wait_point = AFTER_SYNC'],
      'plugin_load_add = "semisync_source.so;semisync_replica.so;mysql_clone.so"',
    ]) {
      assert.ok(text.split('\n').includes(line), line)
    }
  })

  test('names its logs so that its folder may be moved', () => {
    const text = configurationOf(place, {}, wordsOf([8, 0, 36]))
    assert.match(text, /^log_bin = binlog$/m)
    assert.match(text, /^relay_log = relay$/m)
  })

  test('shows a certificate between machines, and lets clients of doors come as they do', () => {
    const tls = { ca: '/r/ca', cert: '/r/cert', key: '/r/key' }
    const text = configurationOf({ ...place, tls }, { ssl_ca: '/elsewhere' }, wordsOf([8, 4, 0]))
    assert.match(text, /ssl_ca = \/elsewhere[\s\S]*ssl_ca = \/r\/ca\nssl_cert = \/r\/cert\n/)
    assert.doesNotMatch(text, /require_secure_transport/)
  })

  test('is refused in the file wherever it would not be followed', () => {
    for (const version of [
      [8, 0, 23],
      [8, 4, 0],
    ] as const) {
      for (const [name] of enforcedSettings(wordsOf(version))) {
        assert.ok(defeats('mysql', name, 'anything else', 'quorum') !== undefined, name)
      }
    }
  })

  test('lets nothing of the file undo what is enforced', () => {
    const words = wordsOf([8, 4, 0])
    for (const [name] of enforcedSettings(words)) {
      for (const way of [name, `loose_${name}`, name.replaceAll('_', '-'), `skip_${name}`]) {
        assert.ok(!isAllowed(words, way, 'anything'), way)
      }
    }
    for (const [name, { keeps }] of Object.entries(durableSettings.mysql)) {
      if (keeps.length === 0) assert.ok(!isAllowed(words, name, '1'), name)
    }
    assert.ok(!isAllowed(words, 'max_connections', '1\nskip_grant_tables'))
    const text = configurationOf(place, { max_connections: '77', server_id: '9' }, words)
    assert.match(text, /^max_connections = 77$/m)
    assert.equal(text.match(/^server_id = /gm)?.length, 1)
  })
})
