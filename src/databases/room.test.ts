// A disk is full below a bound, and has room again only well above it.

import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { freeBytesAt, Room, roomLeast } from './room.ts'

test('a disk with little room makes its member unfit, until there is clearly more', () => {
  const room = new Room(() => Promise.resolve(0))
  assert.equal(room.unfit, undefined)
  room.saw(roomLeast - 1)
  assert.equal(room.unfit, 'its disk is full')
  room.saw(roomLeast + 1)
  assert.equal(room.unfit, 'its disk is full')
  room.saw(2 * roomLeast)
  assert.equal(room.unfit, undefined)
})

test('what cannot be asked changes nothing, and is asked again', async () => {
  const answers = [() => Promise.reject(new Error('no')), () => Promise.resolve(1)]
  const room = new Room(() => (answers.shift() ?? answers[0])?.() ?? Promise.resolve(1))
  room.look()
  await new Promise(setImmediate)
  assert.equal(room.unfit, undefined)
  room.look()
  await new Promise(setImmediate)
  assert.equal(room.unfit, 'its disk is full')
})

test('the room of a folder that is not there yet is that of the one it will be in', async () => {
  const bytes = await freeBytesAt(join(tmpdir(), 'not', 'there', 'yet'))
  assert.ok(bytes > 0)
})
