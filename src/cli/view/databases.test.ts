// The databases on the page of the status, and all that is known of one: on 80 columns, with the
// reason under whatever is not well.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { assertGolden, statusIn } from '../../../test/fixtures/cli.ts'
import * as views from '../../../test/fixtures/database-views.ts'
import { healthyWorld } from '../../../test/fixtures/world.ts'
import type { Status } from '../../agent/model.ts'
import type { DatabaseView } from '../../databases/model.ts'
import { type BesideView, overviewOf } from '../../databases/overview.ts'
import { instant, ms } from '../../foundation/time.ts'
import { databaseStory } from './databases.ts'
import { statusLines, summary } from './status.ts'
import { paintOf } from './style.ts'

const { now, primary, replica, record, view } = views
const plain = paintOf({ hasColor: false })

const status = (seen: DatabaseView, beside?: BesideView): Status => ({
  ...statusIn(healthyWorld()),
  now,
  databases: [overviewOf(seen, now, beside)],
})
const page = (shown: Status): string => `${statusLines(shown, 80, plain).join('\n')}\n`

const proof = {
  ...{ epoch: 4, at: instant(now - 7_200_000), from: 'orders-3', to: 'orders-1' },
  ...{ why: 'machine-lost', acks: [{ members: ['orders-1', 'orders-2'], needed: 1 }] },
  confirmed: { 'orders-1': { line: 3, at: 99 }, 'orders-2': { line: 3, at: 90 } },
  ...{ start: { line: 3, at: 99 }, acceptedLoss: false },
}
const beside: BesideView = {
  failover: {
    ...{ at: instant(now - 7_200_000), planned: false, took: ms(640) },
    phases: [
      { name: 'stop the others and compare', took: ms(210) },
      { name: 'promote', took: ms(430) },
    ],
  },
  work: [
    {
      ...{ id: '1', kind: 'backup', since: instant(now - 12_000), step: 'copying' },
      ...{ done: 430_000_000, of: 1_000_000_000, ended: undefined },
    },
  ],
  backups: {
    ...{ to: '/backups', count: 3, last: instant(now - 86_400_000), tried: undefined },
    ...{ from: instant(now - 259_200_000), until: now, receiving: true, trouble: '' },
  },
}
const failedOver = view({ record: record({ proofs: [proof] }) })
const troubled = view({
  record: record({ proofs: [proof] }),
  members: [
    primary(),
    replica('orders-2', { diverged: true }),
    replica('orders-3', {
      ...{ server: 'absent', upstream: undefined, applied: undefined, received: undefined },
      busy: { step: 'copying', done: 43, of: 100 },
    }),
  ],
})

suite('the databases on the page of the status', () => {
  test('say who leads, how far the others are, and what went before', () => {
    assertGolden('status-databases.txt', page(status(failedOver, beside)))
    assert.equal(summary(status(failedOver)).text, 'everything is up')
  })

  test('say what is amiss, and whom to ask', () => {
    assertGolden('status-databases-troubled.txt', page(status(troubled)))
    assert.equal(summary(status(troubled)).text, 'only 1 of 3 members of orders are well')
  })

  test('say first that nobody leads', () => {
    const shown = status(view({ members: views.lost, plan: views.plan({ failover: 'ask' }) }))
    assert.deepEqual(summary(shown), { text: 'nobody leads orders', tone: 'bad' })
    assert.match(page(shown), /would-fail-over/)
  })

  test('stand alone where the file has no services', () => {
    const shown = page({ ...status(failedOver), services: [], frontends: [] })
    assert.doesNotMatch(shown, /SERVICE/)
    assert.match(shown, /DATABASE/)
  })

  test('fit 80 columns', () => {
    const lines = [
      ...page(status(troubled)).split('\n'),
      ...page(status(failedOver, beside)).split('\n'),
    ]
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    )
  })
})

test('all that is known of one database is told, with the proof of its failovers', () => {
  const story = databaseStory(overviewOf(failedOver, now, beside), now, 80, plain)
  assertGolden('database-story.txt', `${story.join('\n')}\n`)
})
