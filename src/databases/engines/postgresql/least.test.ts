// A standby has at least what its primary has had.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heldAt } from './least.ts'
import { configuration } from './settings.ts'

const least = {
  ...{ max_connections: 200, max_worker_processes: 8, max_wal_senders: 32 },
  ...{ max_prepared_transactions: 0, max_locks_per_transaction: 64 },
}

test('what the file has less of stays as it was, also where it says nothing', () => {
  assert.deepEqual(heldAt({ max_connections: '50' }, least), { max_connections: '200' })
  assert.deepEqual(heldAt({}, least), { max_connections: '200' })
  assert.deepEqual(heldAt({ max_connections: '300' }, least), {})
  assert.deepEqual(heldAt({ max_connections: '50' }, undefined), {})
})

test('the last line for it counts', () => {
  const address = { member: 'a', host: '127.0.0.1', port: 5432 }
  const place = { address, run: '/r', major: 18, freeBytes: 1e9 }
  const lines = configuration(place, { max_connections: '50' }, least).split('\n')
  assert.equal(
    lines.findLast((line) => line.startsWith('max_connections')),
    "max_connections = '200'",
  )
})
