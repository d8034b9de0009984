// Ends are foreseen, keys are turned, and renewals are spread.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inWords, isDue, mayTry, standingOf, ticketKeyLife, turnTicketKeys } from './rules.ts'

const day = 24 * 3600 * 1000
const now = 1_800_000_000_000

test('tells how the time of a certificate stands', () => {
  const from = now - 10 * day
  const kindAt = (until: number, begins = from) => standingOf({ from: begins, until }, now).kind
  assert.equal(kindAt(now + 15 * day), 'valid')
  assert.equal(kindAt(now + 13 * day), 'expires-soon')
  assert.equal(kindAt(now), 'expired')
  assert.equal(kindAt(now + 30 * day, now + day), 'not-yet-valid')
  assert.match(standingOf({ from, until: now + 61 * day }, now).why, /ends in 61 days/)
  assert.equal(inWords(90 * 60_000), '1 hour')
  assert.equal(inWords(10), 'less than an hour')
})

test('renews after two thirds of a life, some a little earlier, none later', () => {
  const life = { from: now, until: now + 90 * day }
  const dueAt = (fingerprint: string): number => {
    let at = now
    while (!isDue({ ...life, fingerprint }, at)) at += 3_600_000
    return (at - now) / day
  }
  assert.ok(Math.abs(dueAt('00000000ab') - 60) < 0.1)
  assert.ok(Math.abs(dueAt('ffffffffab') - 55.5) < 0.1)
})

test('turns keys in time, and takes old tickets for as long again', () => {
  let made = 0
  const make = (): string => {
    made += 1
    return `key ${made}`
  }
  const first = turnTicketKeys([], now, make)
  assert.deepEqual(first, [{ bytes: 'key 1', made: now }])
  assert.equal(turnTicketKeys(first, now + ticketKeyLife - 1, make), first)
  const second = turnTicketKeys(first, now + ticketKeyLife, make)
  assert.deepEqual(
    second.map(({ bytes }) => bytes),
    ['key 2', 'key 1'],
  )
  const third = turnTicketKeys(second, now + 2 * ticketKeyLife, make)
  assert.deepEqual(
    third.map(({ bytes }) => bytes),
    ['key 3', 'key 2'],
  )
  const setBack = turnTicketKeys(third, now - day, make)
  assert.deepEqual(
    setBack.map(({ bytes }) => bytes),
    ['key 4'],
    'a clock that was set back does not keep keys for ever',
  )
})

test('an agent that is started asks at once, unless it is started again and again', () => {
  const minute = 60_000
  const failed = { at: now, failures: 1, notBefore: now + 60 * minute, why: 'no' }
  const often = { ...failed, failures: 3 }
  assert.equal(mayTry(undefined, now, now), true)
  assert.equal(mayTry(failed, now - 1, now + minute), false, 'it has wanted it before')
  assert.equal(mayTry(failed, now + 1, now + minute), true)
  assert.equal(mayTry(often, now + 1, now + minute), false)
  assert.equal(mayTry(often, now + 1, now + 20 * minute), true)
  assert.equal(mayTry(often, now - 1, now + 60 * minute), true)
})
