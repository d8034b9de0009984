// How does a database begin whose servers were taken over? With whoever took writes, and with
// nobody copied anew.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { instant, ms } from '../../foundation/time.ts'
import { firstRecord } from '../board.ts'
import { boundsFor } from '../budget.ts'
import { decide } from '../decide.ts'
import type {
  DatabaseObservation,
  DatabaseRecord,
  FailoverBounds,
  MemberSighting,
  Request,
} from '../model.ts'
import { tailOf } from '../position.ts'
import { isFulfilled } from '../requests.ts'

const now = instant(1_000_000)
const bounds = boundsFor(ms(4000), 'postgresql') as FailoverBounds

const member = (
  name: string,
  at: number,
  change: Partial<MemberSighting> = {},
): MemberSighting => ({
  ...{ member: name, heard: now, server: 'stopped', epoch: 7, promised: 7, writable: false },
  ...{ received: { line: 1, at }, applied: { line: 1, at }, upstream: undefined },
  ...{ receivedAt: undefined, acks: undefined, acksVersion: 0, acksSince: undefined },
  ...{ diverged: false, failingSince: undefined },
  ...change,
})

const adopt: Request = { kind: 'adopt', primary: 'b' }

const seen = (
  members: readonly MemberSighting[],
  record: DatabaseRecord = firstRecord,
  request: Request | undefined = adopt,
): DatabaseObservation => ({
  ...{ now, record, members, request, paused: false },
  wish: { name: 'db', members: ['a', 'b'], durability: 'async', failover: 'auto', bounds },
})

/** The record that is written down, after so many others have been. */
function written(observation: DatabaseObservation): DatabaseRecord {
  const [action] = decide(observation).actions
  if (action?.kind !== 'record') throw new Error(`${decide(observation).rule} writes nothing down`)
  return action.record
}

suite('a database whose servers were taken over', () => {
  const replica = member('a', 100, { server: 'replica', upstream: 'b' })

  test('does not begin before all of them are heard', () => {
    const { rule, actions } = decide(seen([member('b', 100)]))
    assert.deepEqual([rule, actions], ['wait-for-all', []])
    assert.equal(decide(seen([replica])).rule, 'wait-for-all')
  })

  test('begins with whoever took writes, of equals', () => {
    const record = written(seen([replica, member('b', 100)]))
    assert.ok(record.epoch > 7)
    const frozen = { promised: record.epoch, upstream: undefined }
    const both = [member('a', 100, { ...frozen, server: 'replica' }), member('b', 100, frozen)]
    const next = written(seen(both, record))
    assert.ok(next.phase.kind === 'promoting')
    assert.equal(next.phase.winner, 'b')
  })

  test('begins with whoever has most, whoever took writes', () => {
    const record = written(seen([replica, member('b', 90)]))
    const frozen = { promised: record.epoch, upstream: undefined }
    const both = [member('a', 100, { ...frozen, server: 'replica' }), member('b', 90, frozen)]
    const next = written(seen(both, record))
    assert.ok(next.phase.kind === 'promoting')
    assert.equal(next.phase.winner, 'a')
  })

  test('copies nobody anew who has no more than that', () => {
    const record = written(seen([replica, member('b', 100)]))
    const frozen = { promised: record.epoch, upstream: undefined }
    const both = [member('a', 100, { ...frozen, server: 'replica' }), member('b', 100, frozen)]
    const promoting = written(seen(both, record))
    assert.equal(tailOf({ line: 1, at: 100 }, 7, promoting).kind, 'none')
    assert.equal(tailOf({ line: 1, at: 101 }, 7, promoting).kind, 'unacknowledged')
  })

  test('has what was asked for once somebody serves', () => {
    const serving = { ...firstRecord, phase: { kind: 'serving', primary: 'b' } } as const
    assert.ok(!isFulfilled(seen([])))
    assert.ok(isFulfilled(seen([], serving)))
  })
})
