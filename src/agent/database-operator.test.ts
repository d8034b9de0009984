// What may an operator ask of a database, and is what would lose data refused with the reason?

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  lost,
  now,
  plan,
  primary,
  record,
  refusing,
  replica,
  silent,
  view,
} from '../../test/fixtures/database-views.ts'
import type { DatabaseView, Request } from '../databases/model.ts'
import { Fault } from '../foundation/fault.ts'
import { instant } from '../foundation/time.ts'
import { databaseAnswers } from './database-answers.ts'
import {
  approve,
  failOver,
  type Ordered,
  promote,
  reinit,
  setPaused,
  switchOver,
} from './database-operator.ts'

const asked = ({ change }: Ordered): Request | undefined =>
  change({ paused: false, request: undefined }).request

const electing = record({
  epoch: 5,
  phase: {
    ...{ kind: 'electing', from: 'orders-1', since: now, why: 'machine-lost' },
    prefer: undefined,
  },
})
const alone = [
  primary({ heard: silent }),
  replica('orders-2', { heard: silent }),
  replica('orders-3', { promised: 5, upstream: undefined }),
]
const ask = plan({ failover: 'ask' })
const cooling = record({ lastFailover: instant(now - 1000), failovers: 9 })

suite('what is asked for', () => {
  const further = { received: { line: 4, at: 23_000_900 } }
  const near = view({ members: [primary(), replica('orders-2'), replica('orders-3', further)] })
  const rows: readonly (readonly [name: string, ordered: () => Ordered, wish: Request])[] = [
    [
      'a move to whoever is nearest',
      () => switchOver(near, now, undefined),
      { kind: 'switchover', to: 'orders-3', epoch: 4 },
    ],
    [
      'a move to one that is named',
      () => switchOver(near, now, 'orders-2'),
      { kind: 'switchover', to: 'orders-2', epoch: 4 },
    ],
    [
      'a promotion while all is well',
      () => promote(near, now, 'orders-2'),
      { kind: 'switchover', to: 'orders-2', epoch: 4 },
    ],
    [
      'an approval of a later epoch',
      () => approve(refusing(), now),
      { kind: 'approve-failover', epoch: 4 },
    ],
    [
      'a failover that waits',
      () => approve(view({ plan: ask, members: lost }), now),
      { kind: 'approve-failover', epoch: 4 },
    ],
    [
      'the same, by its other name',
      () => failOver(view({ plan: ask, members: lost }), now, false),
      { kind: 'approve-failover', epoch: 4 },
    ],
    [
      'a loss that is accepted',
      () => failOver(view({ record: electing, members: alone }), now, true),
      { kind: 'accept-data-loss', epoch: 5 },
    ],
    [
      'a copy',
      () => reinit(view(), now, 'orders-2'),
      { kind: 'reinit', member: 'orders-2', id: '10000000' },
    ],
  ]
  for (const [name, ordered, wish] of rows) {
    test(name, () => assert.deepEqual(asked(ordered()), wish))
  }

  test('a pause, and its end', () => {
    const wish = { paused: false, request: undefined }
    assert.equal(setPaused(view(), true).change(wish).paused, true)
    const after = setPaused(view({ paused: true }), false).change({ ...wish, paused: true })
    assert.equal(after.paused, false)
  })
})

suite('refused with the reason', () => {
  const rows: readonly (readonly [name: string, ordered: () => Ordered, why: RegExp])[] = [
    ['a move to the primary', () => switchOver(view(), now, 'orders-1'), /is primary .* already/],
    ['a move to nobody known', () => switchOver(view(), now, 'x'), /has no member x/],
    [
      'a move to one that does not follow',
      () =>
        switchOver(
          view({ members: [primary(), replica('orders-2', { upstream: undefined })] }),
          now,
          'orders-2',
        ),
      /cannot take over now: it receives from nobody/,
    ],
    [
      'a move where nobody follows',
      () => switchOver(view({ members: [primary()] }), now, undefined),
      /no replica of orders could take over/,
    ],
    [
      'a move of a lost primary',
      () => switchOver(view({ members: lost }), now, undefined),
      /is lost/,
    ],
    ['a move while paused', () => switchOver(view({ paused: true }), now, undefined), /is paused/],
    [
      'a promotion that could lose a write',
      () => promote(view({ record: electing, members: alone }), now, 'orders-3'),
      /orders-3 is not promoted: without .*orders-2.* an acknowledged write could be lost/,
    ],
    [
      'a failover that could lose a write',
      () => failOver(view({ record: electing, members: alone }), now, false),
      /is not failed over: without .* an acknowledged write could be lost/,
    ],
    ['a loss without need', () => failOver(view(), now, true), /nothing to give up/],
    ['an approval of nothing', () => approve(view(), now), /no failover of orders waits/],
    ['a copy of the primary', () => reinit(view(), now, 'orders-1'), /the others copy from it/],
    [
      'a copy of one that nobody hears',
      () =>
        reinit(
          view({
            members: [primary(), replica('orders-2', { heard: silent }), replica('orders-3')],
          }),
          now,
          'orders-2',
        ),
      /nobody could do it/,
    ],
    ['a pause of what is paused', () => setPaused(view({ paused: true }), true), /paused already/],
    [
      'anything while nothing certain is known',
      () => switchOver(view({ connected: false }), now, undefined),
      /nothing certain is known/,
    ],
  ]
  for (const [name, ordered, why] of rows) {
    test(name, () => {
      assert.throws(ordered, (thrown) => {
        assert.ok(thrown instanceof Fault)
        assert.match(thrown.message, why)
        assert.notEqual(thrown.remedy, undefined)
        return true
      })
    })
  }

  test('a failover that only cools down is let go on', () => {
    const seen = view({ record: cooling, members: lost })
    assert.deepEqual(asked(approve(seen, now)), { kind: 'acknowledge' })
  })

  test('after a failover it may be said that it was looked at, and no other is begun', () => {
    const seen = view({ record: { ...cooling, lastFailover: now } })
    assert.deepEqual(asked(approve(seen, now)), { kind: 'acknowledge' })
    assert.throws(() => failOver(seen, now, false), /no failover of orders waits for anybody/)
  })
})

suite('the answers', () => {
  const noted: string[] = []
  const answers = (views: readonly DatabaseView[]) => {
    const changes: Request[] = []
    const made = databaseAnswers(
      {
        views: () => views,
        passwordOf: () => 'pass word',
        ask: async (_, change) => {
          const { request } = change({ paused: false, request: undefined })
          if (request !== undefined) changes.push(request)
        },
        beside: () => ({ failover: undefined, work: [], backups: undefined }),
        backUp: async () => 'work-1',
        restore: async () => 'work-2',
        verify: async () => 'work-3',
      },
      () => now,
      (verb, subject) => noted.push(`${verb} ${subject}`),
    )
    return { changes, made }
  }

  test('say what was ordered, and tell the journal', async () => {
    const { changes, made } = answers([view()])
    const ordered = await made['/database']({ verb: 'promote', member: 'orders-2' })
    assert.deepEqual(ordered, { database: 'orders', epoch: 4, member: 'orders-2' })
    const work = await made['/database']({ verb: 'backup', database: 'orders' })
    assert.deepEqual(work, { database: 'orders', epoch: 4, work: 'work-1' })
    assert.deepEqual(changes, [{ kind: 'switchover', to: 'orders-2', epoch: 4 }])
    assert.deepEqual(noted, ['promote orders-2', 'backup orders'])
  })

  test('tell an application how a database is reached', async () => {
    const { made } = answers([view()])
    assert.deepEqual(await made['/database-url']({ database: 'orders', door: 'read' }), {
      url: 'postgresql://orders:pass%20word@127.0.0.1:5433/orders',
    })
  })

  test('refuse what is not there', async () => {
    const none = answers([]).made
    const one = answers([view()]).made
    const order = { verb: 'pause', database: 'stock' } as const
    await assert.rejects(async () => none['/database'](order), /there is no database stock/)
    await assert.rejects(async () => one['/database'](order), /there is no database stock/)
    const copy = { verb: 'reinit', member: 'stock-1' } as const
    await assert.rejects(async () => one['/database'](copy), /there is no member stock-1/)
  })
})
