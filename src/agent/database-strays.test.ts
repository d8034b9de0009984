// Servers that the file has no place for on this machine are found by the guards that hold them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plan } from '../../test/fixtures/database-views.ts'
import { straysAmong } from './database-strays.ts'

const orders = plan()
const guards = ['orders-1', 'orders-2', 'orders-3', 'orders-4', 'stock-1', 'orders-old-1']
const found = straysAmong(guards, [orders], new Set(['orders-1', 'orders-2']))

test('a member that is named, and not here, has moved', () => {
  assert.deepEqual(found[0], { member: 'orders-3', database: 'orders', moved: true })
})

test('one that is not named has left its database, or that has left the file', () => {
  assert.deepEqual(found.slice(1), [
    { member: 'orders-4', database: 'orders', moved: false },
    { member: 'stock-1', database: undefined, moved: false },
    { member: 'orders-old-1', database: undefined, moved: false },
  ])
})

test('who is looked after is none', () => {
  assert.deepEqual(straysAmong(guards, [orders], new Set(guards)), [])
})
