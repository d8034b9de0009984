// What a server is configured by: nothing that durability rests on is left to the file.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defeats } from '../../durable-settings.ts'
import { canonicalName } from '../mysql-kin/option-file.ts'
import { configurationOf, enforcedSettings, ownedSettings, refusalOf } from './settings.ts'

const place = {
  member: 'm1',
  data: '/var/lib/ao/m1',
  run: '/run/ao/m1',
  temporary: '/var/lib/ao/m1.tmp',
  socket: '/run/ao/m1/sql.sock',
  host: '10.0.0.1',
  port: 3306,
  serverId: 1,
}

/** What the server would take: of two lines that set the same, the last. */
function inForce(settings: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const lines = configurationOf(place, settings).split('\n')
  return new Map(
    lines
      .filter((line) => line.includes(' = '))
      .map((line) => {
        const [name = '', ...value] = line.split(' = ')
        return [canonicalName(name), value.join(' = ')]
      }),
  )
}

test('takes nothing from the file that it enforces, and says why', () => {
  for (const { name, value, why } of enforcedSettings) {
    assert.equal(refusalOf(name, 'anything else'), why)
    assert.equal(inForce({ [name]: 'anything else' }).get(name), value)
  }
})

test('a value that is the enforced one is no reason to refuse it', () => {
  assert.equal(refusalOf('sync_binlog', ' 1 '), undefined)
  assert.equal(refusalOf('log-slave-updates', 'true'), undefined)
  assert.equal(refusalOf('rpl_semi_sync_slave_enabled', '0'), undefined)
  assert.equal(refusalOf('rpl_semi_sync_master_wait_point', 'after_sync'), undefined)
  assert.notEqual(refusalOf('rpl_semi_sync_master_wait_point', 'AFTER_COMMIT'), undefined)
})

test('knows a setting by each of its spellings', () => {
  for (const name of ['SYNC-BINLOG', 'loose_sync_binlog', 'maximum-sync-binlog', 'Sync_Binlog']) {
    assert.notEqual(refusalOf(name, '0'), undefined, `${name} would be taken`)
  }
  for (const name of ['slave_start', 'name-resolve', 'enable-event-scheduler', 'disable_log_bin']) {
    assert.notEqual(refusalOf(name, '1'), undefined, `${name} would be taken`)
  }
})

test('what says who somebody is, or where things are, is ours', () => {
  for (const name of ['server_id', 'datadir', 'init-rpl-role', 'log_bin', 'skip-grant-tables']) {
    assert.equal(refusalOf(name, '1'), 'Always On sets it itself')
  }
})

test('a name or value that would be another line is no setting', () => {
  assert.notEqual(refusalOf('max_connections', '10\nread_only = OFF'), undefined)
  assert.notEqual(refusalOf('max_connections = 1\nread_only', 'OFF'), undefined)
  assert.notEqual(refusalOf('[mysqld]', ''), undefined)
  assert.ok(!configurationOf(place, { 'x\ny': '1' }).includes('\ny'))
})

test('writes what the file may ask for, quoted where the server would read it otherwise', () => {
  const taken = inForce({ max_connections: '50', init_file_x: 'a # b', ft_stopword_file: '"q"' })
  assert.equal(taken.get('max_connections'), '50')
  assert.equal(taken.get('init_file_x'), '"a # b"')
  assert.equal(taken.get('ft_stopword_file'), String.raw`"\"q\""`)
})

test('a file is checked by the same rules before it is applied', () => {
  for (const name of [...enforcedSettings.map((each) => each.name), ...ownedSettings]) {
    const found = defeats('mariadb', name, 'anything else', 'quorum')
    assert.ok(found !== undefined, `${name} would be taken from the file and not be in force`)
  }
})

test('has temporary tables in a folder of its own, which no other server clears', () => {
  for (const settings of [{}, { tmpdir: '/tmp' }, { loose_tmpdir: '/tmp' }]) {
    assert.equal(inForce(settings).get('tmpdir'), place.temporary)
  }
})
