// What of a configuration is not in force, and what does the file of a running server say then?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configurationOf } from '../mariadb/settings.ts'
import { asNumber, changesBetween, withoutThose } from './in-force.ts'

const place = {
  ...{ member: 'm1', data: '/d', run: '/r', temporary: '/d.tmp', socket: '/r/sql.sock' },
  ...{ host: '127.0.0.1', port: 3306, serverId: 1 },
}
const text = (settings: Readonly<Record<string, string>>): string =>
  configurationOf(place, settings)

test('what is added, changed and taken back is a change, however it is written', () => {
  const was = text({ 'max-connections': '100', back_log: '60', sql_mode: 'a "b"' })
  const is = text({ max_connections: '120', sql_mode: 'a "b"', wait_timeout: '5' })
  assert.deepEqual(changesBetween(was, is), [
    { name: 'max_connections', value: '120' },
    { name: 'back_log', value: undefined },
    { name: 'wait_timeout', value: '5' },
  ])
  assert.deepEqual(changesBetween(was, was), [])
})

test('the file keeps what waits for a start as it is', () => {
  const was = text({ back_log: '60', wait_timeout: '5' })
  const is = text({ back_log: '70', wait_timeout: '6', thread_stack: '300K' })
  const kept = withoutThose(was, is, ['back_log', 'thread_stack'])
  assert.deepEqual(changesBetween(kept, is), [
    { name: 'back_log', value: '70' },
    { name: 'thread_stack', value: '300K' },
  ])
  assert.deepEqual(changesBetween(kept, text({ back_log: '60', wait_timeout: '6' })), [])
  assert.match(kept, /^# Written .*\n\[mariadbd\]\n/)
})

test('sizes are numbers to a statement', () => {
  assert.equal(asNumber('16M'), 16n * 1024n * 1024n)
  assert.equal(asNumber('5'), 5n)
  assert.equal(asNumber('1.5'), undefined)
  assert.equal(asNumber('ON'), undefined)
})
