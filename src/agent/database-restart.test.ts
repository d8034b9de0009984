// May servers be restarted now? What is refused says why.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  lost,
  now,
  primary,
  record,
  replica,
  silent,
  view,
} from '../../test/fixtures/database-views.ts'
import type { DatabaseView } from '../databases/model.ts'
import { overviewOf } from '../databases/overview.ts'
import { Fault } from '../foundation/fault.ts'
import { restart, stopRestart } from './database-restart.ts'

const blank = { paused: false, request: undefined }
const all = ['orders-1', 'orders-2', 'orders-3']

test('asks for all members, or for one', () => {
  const wish = (only?: string) => restart(view(), now, only).change(blank).request
  assert.deepEqual(wish(), { kind: 'restart', members: all, id: String(Math.floor(now)) })
  assert.deepEqual(wish('orders-2'), { ...wish(), members: ['orders-2'] })
})

test('is refused with the reason, and what would help', () => {
  const rows: readonly (readonly [RegExp, DatabaseView, string | undefined])[] = [
    [/paused/, view({ paused: true }), undefined],
    [/no member orders-9/, view(), 'orders-9'],
    [/orders-1 is lost/, view({ members: lost }), undefined],
    [
      /while orders-2 is missing: its agent/,
      view({ members: [primary(), replica('orders-2', { heard: silent }), replica('orders-3')] }),
      undefined,
    ],
    [/no primary now/, view({ record: record({ phase: { kind: 'new' } }) }), undefined],
  ]
  for (const [words, seen, only] of rows) {
    assert.throws(
      () => restart(seen, now, only),
      (thrown) =>
        thrown instanceof Fault && words.test(thrown.message) && thrown.remedy !== undefined,
      String(words),
    )
  }
})

const request = { kind: 'restart', members: all, id: '7' } as const

test('can be stopped, where there is one', () => {
  assert.deepEqual(stopRestart(view({ request })).change({ paused: false, request }), blank)
  assert.throws(() => stopRestart(view()), Fault)
})

test('who is left, and what it waits for, is shown', () => {
  const broken = replica('orders-2', { server: 'broken', trouble: 'its disk is full' })
  const members = [primary(), broken, replica('orders-3', { restartedFor: '7' })]
  const seen = overviewOf(view({ request, members }), now)
  assert.equal(seen.rule, 'restart-waits')
  const left = seen.members.map((each) => each.restart !== undefined)
  assert.deepEqual(left, [true, true, false])
  assert.ok(seen.reasons.now.some((line) => line === 'the next waits for orders-2'))
  assert.ok(seen.reasons.now.some((line) => line.includes('its disk is full')))
  assert.ok(seen.reasons.remedies.some((line) => line.includes('restart orders --stop')))
})
