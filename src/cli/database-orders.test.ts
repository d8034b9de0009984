// The verbs about databases: what is asked of the agent, what is waited for, and how it ends.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fakePorts, scriptedAgent, statusIn } from '../../test/fixtures/cli.ts'
import * as views from '../../test/fixtures/database-views.ts'
import { healthyWorld } from '../../test/fixtures/world.ts'
import type { Status } from '../agent/model.ts'
import type { DatabaseView } from '../databases/model.ts'
import { type DatabaseWork, overviewOf } from '../databases/overview.ts'
import { Fault } from '../foundation/fault.ts'
import { instant, ms } from '../foundation/time.ts'
import { approve, failover, reinit, setPaused, switchover } from './database-orders.ts'
import { backup, restore, timeOf } from './database-work.ts'
import { databases, url } from './databases.ts'

const { now, record, replica, view } = views
const wait = { wait: true, within: ms(60_000) }

const status = (seen: DatabaseView, work: readonly DatabaseWork[] = []): Status => ({
  ...statusIn(healthyWorld()),
  now,
  databases: [overviewOf(seen, now, { failover: undefined, work, backups: undefined })],
})

const before = status(view())
const moving = status(
  view({
    record: record({
      phase: { kind: 'handing-over', from: 'orders-1', to: 'orders-2', since: now },
    }),
  }),
)
const servedBy = (primary: string): Status =>
  status(view({ record: record({ epoch: 6, phase: { kind: 'serving', primary } }) }))
const ordered = { database: 'orders', epoch: 4, member: 'orders-2' }

function verb(script: Parameters<typeof scriptedAgent>[0]) {
  const agent = scriptedAgent(script)
  const ports = fakePorts({ agent })
  return { agent, ports, out: ports.out, err: ports.err }
}

suite('a planned move', () => {
  test('is waited for until the other one serves', async () => {
    const said = verb({ '/database': [ordered], '/status': [before, moving, servedBy('orders-2')] })
    await switchover(said.ports, 'orders', { to: 'orders-2', ...wait })
    assert.deepEqual(said.agent.asked[0], [
      '/database',
      { verb: 'switchover', database: 'orders', to: 'orders-2' },
    ])
    assert.equal(said.out.text(), 'orders-2 is primary of orders\n')
    assert.match(said.err.text(), /orders-1 hands over to orders-2/)
  })

  test('that was given up says so', async () => {
    const said = verb({ '/database': [ordered], '/status': [moving, servedBy('orders-1')] })
    await assert.rejects(switchover(said.ports, 'orders', wait), /orders-1 is primary of orders/)
  })

  test('need not be waited for', async () => {
    const said = verb({ '/database': [ordered] })
    await switchover(said.ports, 'orders', { ...wait, wait: false })
    assert.equal(said.out.text(), 'orders moves to orders-2\n')
  })
})

test('a failover is waited for, whoever is promoted', async () => {
  const answer = { database: 'orders', epoch: 5 }
  const said = verb({ '/database': [answer], '/status': [before, servedBy('orders-3')] })
  await failover(said.ports, 'orders', { ...wait, acceptDataLoss: true })
  assert.equal(said.out.text(), 'orders-3 is primary of orders\n')
})

test('that failovers were looked at is not waited for as for another one', async () => {
  const answer = { database: 'orders', epoch: 4 }
  const asked = status(view({ request: { kind: 'acknowledge' } }))
  const said = verb({ '/database': [answer], '/status': [asked, before] })
  await approve(said.ports, 'orders', wait)
  assert.equal(
    said.out.text(),
    'orders-1 is primary of orders: the failovers so far have been looked at\n',
  )
  const lost = status(view({ members: [replica('orders-2'), replica('orders-3')] }))
  const replaced = verb({ '/database': [answer], '/status': [lost, servedBy('orders-2')] })
  await approve(replaced.ports, 'orders', wait)
  assert.equal(replaced.out.text(), 'orders-2 is primary of orders\n')
})

test('a copy of little data is over before it is seen to be under way', async () => {
  const asked = status(view({ request: { kind: 'reinit', member: 'orders-2', id: '1' } }))
  const said = verb({ '/database': [ordered], '/status': [asked, before] })
  await reinit(said.ports, 'orders-2', wait)
  assert.equal(said.out.text(), 'orders-2 follows orders-1 again\n')
})

test('a copy is waited for from its beginning to its end', async () => {
  const copying = status(
    view({
      members: [
        views.primary(),
        replica('orders-2', { server: 'absent', busy: { step: 'copying', done: 1, of: 4 } }),
        replica('orders-3'),
      ],
    }),
  )
  const said = verb({ '/database': [ordered], '/status': [before, copying, before] })
  await reinit(said.ports, 'orders-2', wait)
  assert.match(said.err.text(), /orders-2: asked\n.*orders-2: copying 25 %/s)
  assert.equal(said.out.text(), 'orders-2 follows orders-1 again\n')
})

test('a pause says how it is ended', async () => {
  const said = verb({ '/database': [ordered] })
  await setPaused(said.ports, 'orders', true)
  assert.match(said.out.text(), /alwayson resume orders/)
})

test('the databases are shown, one or all, or that there are none', async () => {
  const said = verb({ '/status': [before] })
  await databases(said.ports, undefined, {})
  assert.match(said.out.text(), /orders-1 leads, epoch 4/)
  await assert.rejects(databases(said.ports, 'stock', {}), /there is no database stock/)
  const none = verb({ '/status': [statusIn(healthyWorld())] })
  await databases(none.ports, undefined, {})
  assert.equal(none.out.text(), 'this file has no databases\n')
  const json = verb({ '/status': [before] })
  await databases(json.ports, 'orders', { json: true })
  assert.equal(JSON.parse(json.out.text()).name, 'orders')
})

test('the URL is printed and nothing else', async () => {
  const said = verb({ '/database-url': [{ url: 'postgresql://x' }] })
  await url(said.ports, 'orders', { read: true })
  assert.deepEqual(said.agent.asked[0], ['/database-url', { database: 'orders', door: 'read' }])
  assert.equal(said.out.text(), 'postgresql://x\n')
})

suite('long work', () => {
  const begun = { database: 'orders', epoch: 4, work: '7' }
  const work = (ended: DatabaseWork['ended']): Status =>
    status(view(), [
      { id: '7', kind: 'backup', since: now, step: 'copying', done: 50, of: 100, ended },
    ])

  test('is waited for with how far it is', async () => {
    const end = { at: now, well: true, line: 'base backup of 1.2G in /backups' }
    const said = verb({ '/database': [begun], '/status': [work(undefined), work(end)] })
    await backup(said.ports, 'orders', { wait: true })
    assert.match(said.err.text(), /backup: copying, 50 % of 100/)
    assert.equal(said.out.text(), 'base backup of 1.2G in /backups\n')
  })

  test('that fails says why', async () => {
    const end = { at: now, well: false, line: 'the disk of /backups is full' }
    const said = verb({ '/database': [begun], '/status': [work(end)] })
    await assert.rejects(backup(said.ports, 'orders', { wait: true }), /disk of \/backups is full/)
  })

  test('a restore goes to a time on the clock of this machine, or as far as there is', async () => {
    const at = Date.UTC(2026, 7, 5, 2, 18)
    for (const text of ['2026-08-05 04:18', '2026-08-05T04:18:00', '2026-08-05T02:18:00Z']) {
      assert.equal(timeOf(text, 'Europe/Berlin'), instant(at), text)
    }
    assert.equal(timeOf('latest', 'UTC'), undefined)
    assert.throws(
      () => timeOf('yesterday', 'UTC'),
      (thrown) => {
        assert.ok(thrown instanceof Fault && thrown.code === 'bad-usage')
        return true
      },
    )
    const said = verb({ '/database': [begun] })
    await restore(said.ports, 'orders', { wait: false, to: 'latest', as: 'old' })
    assert.deepEqual(said.agent.asked[0]?.[1], {
      ...{ verb: 'restore', database: 'orders', to: undefined, as: 'old' },
    })
  })
})
