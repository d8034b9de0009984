// How far is a restart of a database, and when is it over?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { now, plan, primary, replica, view } from '../../test/fixtures/database-views.ts'
import type { Status } from '../agent/model.ts'
import type { MemberSighting, Request } from '../databases/model.ts'
import { overviewOf } from '../databases/overview.ts'
import { databaseSubject, judgeDatabaseRestart } from './database-restart.ts'

const request: Request = { kind: 'restart', members: ['orders-1', 'orders-2'], id: '7' }
const done = { restartedFor: '7' }

const status = (members: readonly MemberSighting[], asked: Request | undefined = request): Status =>
  ({
    now,
    databases: [overviewOf(view({ plan: plan(), members, request: asked }), now)],
  }) as unknown as Status

test('a name is a database, a member of one, or something else', () => {
  const seen = status([])
  assert.deepEqual(databaseSubject(seen, 'orders'), { database: 'orders', only: undefined })
  assert.deepEqual(databaseSubject(seen, 'orders-2'), { database: 'orders', only: 'orders-2' })
  assert.equal(databaseSubject(seen, 'web'), undefined)
})

test('it says who is away and who is left, and ends when nobody is', () => {
  const judge = judgeDatabaseRestart('orders')
  const busy = replica('orders-2', { busy: { step: 'restarting', done: 0 } })
  assert.deepEqual(judge(status([primary(), busy, replica('orders-3')])), {
    kind: 'waiting',
    line: 'orders: orders-2 restarting; left: orders-1, orders-2',
  })
  const all = [primary(done), replica('orders-2', done), replica('orders-3')]
  assert.equal(judge(status(all)).kind, 'waiting', 'whoever decides has to see it, too')
  const after = status(all)
  const over = judge({
    ...after,
    databases: after.databases?.map((one) => ({ ...one, request: undefined })) ?? [],
  })
  assert.deepEqual(over, { kind: 'done', line: 'orders has been restarted; orders-1 is primary' })
})

test('it ends with what is wrong where one does not come back', () => {
  const broken = replica('orders-2', { server: 'broken', trouble: 'its disk is full' })
  const judged = judgeDatabaseRestart('orders')(status([primary(), broken, replica('orders-3')]))
  assert.ok(judged.kind === 'failed')
  assert.match(judged.line, /orders-2 does not come back: its disk is full/)
  assert.match(judged.remedy ?? '', /restart orders --stop/)
})
