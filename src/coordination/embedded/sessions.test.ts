// When does a session end? By the time that is handed in, tick by tick.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { negotiatedTimeout, Sessions } from './sessions.ts'

const limits = { tickMs: 100, timeoutLeastMs: 200, timeoutMostMs: 2000 }
const password = Buffer.alloc(16, 7)

const idsOf = (sessions: readonly { id: number }[]): readonly number[] =>
  sessions.map(({ id }) => id)

test('agrees to what is asked within its limits', () => {
  assert.equal(negotiatedTimeout(500, limits), 500)
  assert.equal(negotiatedTimeout(1, limits), 200)
  assert.equal(negotiatedTimeout(-1, limits), 200)
  assert.equal(negotiatedTimeout(1e9, limits), 2000)
})

test('ends a session after its time and at most a tick more, unless it was heard', () => {
  for (let begin = 1000; begin < 1200; begin += 7) {
    const sessions = new Sessions(limits, begin)
    const quiet = sessions.open(1, 500, password, begin)
    const loud = sessions.open(2, 500, password, begin)
    let endedAt = 0
    for (let now = begin; now < begin + 1000; now += 10) {
      loud.heardAt = now
      const over = idsOf(sessions.expired(now))
      assert.ok(!over.includes(loud.id))
      if (over.includes(quiet.id)) endedAt = now
    }
    const lasted = endedAt - begin
    assert.ok(lasted >= 500 && lasted <= 500 + 100 + 10, `lasted ${lasted} from ${begin}`)
  }
})

test('ends each session once', () => {
  const sessions = new Sessions(limits, 0)
  for (let id = 1; id <= 1000; id += 1) sessions.open(id, 200 + (id % 5) * 100, password, 0)
  const over: number[] = []
  for (let now = 0; now < 2000; now += 50) over.push(...idsOf(sessions.expired(now)))
  assert.equal(over.length, 1000)
  assert.equal(new Set(over).size, 1000)
})

test('catches up when nobody looked for a long time', () => {
  const sessions = new Sessions(limits, 0)
  sessions.open(1, 300, password, 0)
  assert.deepEqual(idsOf(sessions.expired(1_000_000)), [1])
  sessions.open(2, 300, password, 1_000_000)
  assert.deepEqual(idsOf(sessions.expired(1_000_100)), [])
  assert.deepEqual(idsOf(sessions.expired(1_000_500)), [2])
})

test('does not hold the absence of the server against its sessions', () => {
  const sessions = new Sessions(limits, 0)
  sessions.open(1, 300, password, 0)
  sessions.forgive(10_000)
  assert.deepEqual(idsOf(sessions.expired(10_200)), [])
  assert.deepEqual(idsOf(sessions.expired(10_500)), [1])
})

test('gives a session back to who has its password, and to nobody else', () => {
  const sessions = new Sessions(limits, 0)
  const session = sessions.open(5, 300, password, 0)
  assert.equal(sessions.reopen(5, Buffer.alloc(16), 400, 10), undefined)
  assert.equal(sessions.reopen(5, password.subarray(1), 400, 10), undefined)
  assert.equal(sessions.reopen(6, password, 400, 10), undefined)
  assert.equal(session.timeoutMs, 300)
  assert.equal(sessions.reopen(5, password, 400, 10), session)
  assert.equal(session.timeoutMs, 400)
  session.closing = true
  assert.equal(sessions.reopen(5, password, 400, 10), undefined)
})

test('never gives an id twice, also when the clock was set back', () => {
  const sessions = new Sessions(limits, 5000)
  const ids = new Set(Array.from({ length: 5000 }, () => sessions.nextId()))
  assert.equal(ids.size, 5000)
  const again = new Sessions(limits, 1000)
  again.skipTo(sessions.lastId)
  assert.ok(!ids.has(again.nextId()))
})
