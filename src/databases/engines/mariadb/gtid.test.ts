// What a GTID says: epochs and members in server ids, and which of two lists is further.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../../../test/fixtures/properties.ts'
import { origin } from '../../position.ts'
import {
  epochMost,
  epochOf,
  formatGtid,
  furthest,
  furthestGtid,
  membersMost,
  parseGtids,
  positionOf,
  primaryServerId,
  replicaServerId,
} from './gtid.ts'

const epochs = fc.integer({ min: 1, max: epochMost })
const places = fc.integer({ min: 0, max: membersMost - 1 })

test('a server id says the epoch, and no two of them are the same', () => {
  fc.assert(
    fc.property(epochs, places, epochs, places, (epoch, index, other, otherIndex) => {
      const id = primaryServerId(epoch, index)
      assert.equal(epochOf(id), epoch)
      assert.ok(id > 0 && id < 2 ** 32)
      const isSame = epoch === other && index === otherIndex
      assert.equal(id === primaryServerId(other, otherIndex), isSame)
    }),
  )
})

test('a replica goes by an id that no primary writes by', () => {
  for (let index = 0; index < membersMost; index += 1) {
    assert.equal(epochOf(replicaServerId(index)), 0)
    assert.ok(replicaServerId(index) > 0)
    assert.ok(replicaServerId(index) < primaryServerId(1, 0))
  }
})

test('reads what it writes', () => {
  const number = fc.integer({ min: 0, max: 2 ** 32 - 1 })
  const gtids = fc.array(
    fc.tuple(number, number, fc.maxSafeNat()).map(([domain, server, seq]) => ({
      ...{ domain, server, seq },
    })),
  )
  fc.assert(
    fc.property(gtids, (list) => {
      assert.deepEqual(parseGtids(list.map(formatGtid).join(',')), list)
    }),
  )
})

test('reads lists as the server breaks them, and nothing else', () => {
  assert.deepEqual(parseGtids(' 0-128-11,\n0-192-12 ').map(formatGtid), ['0-128-11', '0-192-12'])
  assert.deepEqual(parseGtids(''), [])
  for (const text of ['0-128', '0-128-11-1', 'a-b-c', '0-128-', '0--1-2', '0-1-2;0-1-3']) {
    assert.throws(() => parseGtids(text), /is no GTID/)
  }
})

test('a later epoch is further, however few it has written', () => {
  const old = `0-${primaryServerId(3, 1)}-900`
  const young = `0-${primaryServerId(4, 0)}-12`
  assert.deepEqual(furthest(`${old},${young}`), { line: 4, at: 12 })
  assert.deepEqual(furthest(young, old), { line: 4, at: 12 })
  const best = furthestGtid(old, young)
  assert.ok(best !== undefined)
  assert.equal(formatGtid(best), young)
  assert.deepEqual(positionOf(best), { line: 4, at: 12 })
})

test('another domain is no history of ours', () => {
  assert.deepEqual(furthest('7-128-99'), origin)
  assert.equal(furthestGtid('7-128-99'), undefined)
  assert.deepEqual(furthest('7-640-99,0-128-3'), { line: 2, at: 3 })
})
