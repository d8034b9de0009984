// When is a set in force? When every part of a server of PostgreSQL goes by it: also where a try to
// put it in force was broken off before.

import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openPostgres } from '../../src/databases/engines/postgresql/engine.ts'
import {
  accounts,
  alone,
  anyOf,
  type MemberKind,
  patience,
  Scene,
  type Session,
  soon,
} from '../conformance/database-scene.ts'
import { insert, isAhead, pending } from '../conformance/database-watch.ts'
import { connectPostgres } from './postgresql-client.ts'
import { until } from './waiting.ts'

const kind: MemberKind = {
  name: 'PostgreSQL',
  open: openPostgres,
  copies: true,
  home: undefined,
  connect: connectPostgres,
}

const both = { members: ['m2', 'm3'], needed: 2 }

/** A session of ours with the primary. */
const adminOf = (scene: Scene): Promise<Session> => {
  const { address, run } = scene.seat('m1').options
  return connectPostgres({ host: run, port: address.port }, accounts.admin, 'postgres')
}

/** Stopped where it is until disposed; the scene lets go on what a failed test leaves so. */
function stopped(pid: number): Disposable {
  process.kill(pid, 'SIGSTOP')
  return { [Symbol.dispose]: () => void process.kill(pid, 'SIGCONT') }
}

async function pidOf(admin: Session, which: string): Promise<number> {
  const [row] = await admin.query(`SELECT pid FROM pg_stat_activity WHERE ${which}`)
  assert.ok(row !== undefined, `there is no process with ${which}`)
  return Number(row.pid)
}

const sendersOf = async (admin: Session): Promise<readonly number[]> => {
  const rows = await admin.query(
    `SELECT pid FROM pg_stat_replication WHERE state = 'streaming' ORDER BY pid`,
  )
  return rows.map(({ pid }) => Number(pid))
}

/** Resolves once as many wait for a checkpoint. */
const checkpointsWaiting = (admin: Session, count: number): Promise<void> =>
  until(
    `${count} wait for a checkpoint`,
    async () => {
      const rows = await admin.query(
        `SELECT 1 FROM pg_stat_activity WHERE query = 'CHECKPOINT' AND state = 'active'`,
      )
      return rows.length === count
    },
    patience,
  )

test('waits for the switch again where a try was broken off before it', async () => {
  await using scene = await Scene.open(kind, 2)
  await scene.begin()
  await using admin = await adminOf(scene)
  await checkpointsWaiting(admin, 0)
  const { engine } = scene.seat('m1')
  const busy = stopped(await pidOf(admin, `backend_type = 'checkpointer'`))
  const agent = new AbortController()
  const broken = pending(engine.setAcks(anyOf('m2'), agent.signal))
  await checkpointsWaiting(admin, 1)
  agent.abort()
  await assert.rejects(broken.outcome)
  // The server lets the first one wait on: nobody has told it otherwise.
  const again = pending(engine.setAcks(anyOf('m2'), soon()))
  await Promise.race([again.outcome, checkpointsWaiting(admin, 2)])
  assert.equal(again.done(), false, 'told as in force while commits wait for nobody')
  busy[Symbol.dispose]()
  await again.outcome
  scene.seat('m2').host.suspend()
  const waiting = pending(scene.query('m1', insert(1)))
  await isAhead(scene, 'm1', 'm2')
  assert.equal(waiting.done(), false)
})

test('begins the senders anew where a try was broken off before that', async () => {
  await using scene = await Scene.open(kind, 3)
  await scene.begin(anyOf('m2'))
  await using admin = await adminOf(scene)
  const { engine } = scene.seat('m1')
  const before = await sendersOf(admin)
  const [third] = await admin.query(
    `SELECT pid FROM pg_stat_replication WHERE application_name = 'm3'`,
  )
  const hung = stopped(Number(third?.pid))
  const agent = new AbortController()
  const broken = pending(engine.setAcks(both, agent.signal))
  await until(
    'the other one counts by the new set',
    async () => {
      const [row] = await admin.query(`SHOW synchronous_standby_names`)
      return row?.synchronous_standby_names === 'ANY 2 ("m2", "m3")'
    },
    patience,
  )
  agent.abort()
  await assert.rejects(broken.outcome)
  hung[Symbol.dispose]()
  await engine.setAcks(both, soon())
  await until('both receive', async () => (await sendersOf(admin)).length === 2, patience)
  const after = await sendersOf(admin)
  assert.ok(!after.some((pid) => before.includes(pid)), 'one asks for as many as before')
  // From now on that is known, and nothing is begun anew for it.
  await engine.setAcks(both, soon())
  await engine.setAcks({ members: ['m3', 'm2'], needed: 2 }, soon())
  assert.deepEqual(await sendersOf(admin), after)
})

test('makes sure of it once where another agent has put it in force', async () => {
  await using scene = await Scene.open(kind, 2)
  await scene.begin()
  await using admin = await adminOf(scene)
  await checkpointsWaiting(admin, 0)
  await scene.engine('m1').setAcks(alone, soon())
  await scene.engine('m1').setAcks(anyOf('m2'), soon())
  const engine = await scene.reopen('m1')
  const busy = stopped(await pidOf(admin, `backend_type = 'checkpointer'`))
  const first = pending(engine.setAcks(anyOf('m2'), soon()))
  await Promise.race([first.outcome, checkpointsWaiting(admin, 1)])
  assert.equal(first.done(), false)
  busy[Symbol.dispose]()
  await first.outcome
  using _ = stopped(await pidOf(admin, `backend_type = 'checkpointer'`))
  await engine.setAcks(anyOf('m2'), soon())
})

test('puts a set in force again that somebody else has changed', async () => {
  await using scene = await Scene.open(kind, 2)
  await scene.begin(anyOf('m2'))
  await using admin = await adminOf(scene)
  // As ALTER SYSTEM does before version 17.
  const { data } = scene.seat('m1').options
  appendFileSync(join(data, 'postgresql.auto.conf'), "synchronous_standby_names = ''\n")
  await admin.query('SELECT pg_reload_conf()')
  const needed = async (): Promise<unknown> => (await scene.look('m1')).acks?.needed
  await until('nobody has to acknowledge', async () => (await needed()) === 0, patience)
  await scene.engine('m1').setAcks(anyOf('m2'), soon(20_000))
  assert.equal(await needed(), 1)
})
