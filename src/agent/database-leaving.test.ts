// A member that leaves the file is looked after until no acknowledged write can be on it alone.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plan, record } from '../../test/fixtures/database-views.ts'
import type { DatabaseBoard } from '../databases/board.ts'
import type { DatabaseRecord } from '../databases/model.ts'
import { leavingOf, untilMayLeave } from './database-leaving.ts'

const three = plan()
const two = plan({ members: three.members.slice(0, 2) })

test('whoever is named no more has to go, unless named again meanwhile', () => {
  const leaving = leavingOf(three, two, [])
  assert.deepEqual(
    leaving.map(({ member }) => member.name),
    ['orders-3'],
  )
  assert.equal(leaving[0]?.plan, three)
  assert.deepEqual(leavingOf(two, two, leaving), leaving)
  assert.deepEqual(leavingOf(two, three, leaving), [])
})

function boardOf(first: DatabaseRecord): [DatabaseBoard, (next: DatabaseRecord) => void] {
  let kept = first
  const listeners = new Set<() => void>()
  const board = {
    view: () => ({ record: kept, connected: true }),
    onChange(listener: () => void) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
  }
  return [
    board as unknown as DatabaseBoard,
    (next) => {
      kept = next
      for (const listener of listeners) listener()
    },
  ]
}

test('goes once no set names it, while there is a primary', async () => {
  const [board, write] = boardOf(record())
  let isGone = false
  const going = untilMayLeave(board, 'orders-3', new AbortController().signal).then(() => {
    isGone = true
  })
  const others = { members: ['orders-2'], needed: 1 }
  write(record({ acks: [{ members: ['orders-2', 'orders-3'], needed: 1 }, others] }))
  await new Promise(setImmediate)
  write(record({ acks: [others], phase: { kind: 'new' } }))
  await new Promise(setImmediate)
  assert.equal(isGone, false)
  write(record({ acks: [others] }))
  await going
  assert.equal(isGone, true)
})

test('is waited for no longer when the agent ends', async () => {
  const [board] = boardOf(record())
  const stop = new AbortController()
  const going = untilMayLeave(board, 'orders-3', stop.signal)
  stop.abort(new Error('the agent ends'))
  await assert.rejects(going, /the agent ends/)
})
