// Does what is shown of a database say what is amiss, and which command would help?

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
import { instant, ms } from '../foundation/time.ts'
import type { DatabaseView } from './model.ts'
import { overviewOf } from './overview.ts'
import { databaseRules } from './rules.ts'

const states = (seen: DatabaseView): string[] =>
  overviewOf(seen, now).members.map(({ state, standing, reason }) =>
    reason === '' ? `${state} ${standing}` : `${state} ${standing}: ${reason}`,
  )

test('a database that is well says who leads and how far the others are', () => {
  const { standing, primary, epoch, rule, acks, members, reasons } = overviewOf(view(), now)
  assert.deepEqual([standing, primary, epoch, rule], ['good', 'orders-1', 4, 'steady'])
  assert.deepEqual(acks, ['any 1 of orders-2, orders-3'])
  assert.deepEqual(
    members.map(({ state, lag, behind, position }) => [state, lag, behind, position]),
    [
      ['primary', undefined, undefined, '4:0/15EF3C0'],
      ['replica', 12, 1000, '4:0/15EF3C0'],
      ['replica', 12, 1000, '4:0/15EF3C0'],
    ],
  )
  assert.deepEqual(reasons.remedies, [])
})

suite('a member', () => {
  const with2 = (change: Parameters<typeof replica>[1]): DatabaseView =>
    view({ members: [primary(), replica('orders-2', change), replica('orders-3')] })
  const rows: readonly (readonly [change: Parameters<typeof replica>[1], state: string])[] = [
    [{ heard: silent }, 'silent bad: its agent on b was last heard 1m ago'],
    [{ server: 'stopped', upstream: undefined }, 'stopped bad: its server does not run'],
    [
      { upstream: undefined },
      'not receiving bad: it receives from nobody, and should from orders-1',
    ],
    [{ lag: ms(60_000) }, 'catching up doubtful: it is 1m behind'],
    [{ diverged: true }, 'diverged bad: it has writes that nobody else has, and does not follow'],
    [{ server: 'broken', trouble: 'its disk is full' }, 'broken bad: its disk is full'],
    [
      { server: 'absent', upstream: undefined, busy: { step: 'copying', done: 43, of: 100 } },
      'copying doubtful: copying 43 %',
    ],
  ]
  for (const [change, state] of rows) {
    test(`is ${state}`, () => assert.equal(states(with2(change))[1], state))
  }

  test('that nobody has heard of is not called well', () => {
    const told = states(view({ members: [primary()] }))[2]
    assert.equal(told, 'not heard doubtful: no agent has told of it on c')
  })
})

suite('what waits says what would help', () => {
  const electing = record({
    epoch: 5,
    phase: {
      ...{ kind: 'electing', from: 'orders-1', since: now, why: 'machine-lost' },
      prefer: undefined,
    },
  })
  const rows: readonly (readonly [
    seen: DatabaseView,
    rule: string,
    says: RegExp,
    remedies: readonly string[],
  ])[] = [
    [view({ paused: true }), 'paused', /whatever happens/, ['alwayson resume orders']],
    [
      view({ plan: plan({ failover: 'ask' }), members: lost }),
      'would-fail-over',
      /orders-1 is lost \(machine-lost\)/,
      ['alwayson approve orders', 'bring a back, and start its agent there: alwayson up'],
    ],
    [
      refusing(),
      'would-raise-epoch',
      /orders-3 has promised a later epoch, to a record that is gone/,
      ['to begin a later one, for which orders-1 stops for a moment: alwayson approve orders'],
    ],
    [
      view({
        record: electing,
        members: [
          lost[0]!,
          replica('orders-2', { heard: silent }),
          replica('orders-3', { heard: silent }),
        ],
      }),
      'hold-for-members',
      /without .* an acknowledged write could be lost/,
      [
        'bring b back, and start its agent there: alwayson up',
        'bring c back, and start its agent there: alwayson up',
        'to give up what they may have: alwayson failover orders --accept-data-loss',
        'bring a back, and start its agent there: alwayson up',
      ],
    ],
    [
      view({ members: [primary({ heard: silent }), replica('orders-2'), replica('orders-3')] }),
      'vouched-for',
      /orders-2, orders-3 receives/,
      ['bring a back, and start its agent there: alwayson up'],
    ],
    [
      view({ connected: false }),
      'not-connected',
      /what serves goes on/,
      ['alwayson status shows what the coordinator says; mend that'],
    ],
    [
      view({ members: [primary(), replica('orders-2', { diverged: true }), replica('orders-3')] }),
      'rejoin',
      /orders-2: it has writes that nobody else has/,
      ['alwayson reinit orders-2'],
    ],
  ]
  for (const [seen, rule, says, remedies] of rows) {
    test(`while ${rule} holds`, () => {
      const told = overviewOf(seen, now)
      assert.equal(told.rule, rule)
      assert.match(told.reasons.now.join('\n'), says)
      assert.deepEqual(told.reasons.remedies, remedies)
    })
  }

  test('and does so for every rule that does nothing but wait', () => {
    const seen = view({ record: record({ lastFailover: instant(now - 1000) }), members: lost })
    const told = overviewOf(seen, now)
    assert.ok(databaseRules.some(({ id }) => id === told.rule))
    assert.notDeepEqual(told.reasons.remedies, [])
  })
})
