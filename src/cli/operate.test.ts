// What each verb asks of the agent, what it writes, and how it ends.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  assertGolden,
  fakePorts,
  recordingScreen,
  scriptedAgent,
  statusIn,
} from '../../test/fixtures/cli.ts'
import { edges, healthyWorld, replica } from '../../test/fixtures/world.ts'
import type { EventLine } from '../agent/api.ts'
import type { ServiceStatus, Status } from '../agent/model.ts'
import { Fault } from '../foundation/fault.ts'
import { instant, ms } from '../foundation/time.ts'
import { deploy } from './deploy.ts'
import { drain, undrain } from './drain.ts'
import { events } from './events.ts'
import { exit } from './exit.ts'
import { restart } from './restart.ts'
import { status } from './status.ts'
import { why } from './why.ts'

const healthy = statusIn(healthyWorld())
const webOf = (seen: Status): ServiceStatus => seen.services.find(({ name }) => name === 'web')!
const withWeb = (change: Partial<ServiceStatus>, seen = healthy): Status => ({
  ...seen,
  services: seen.services.map((s) => (s.name === 'web' ? { ...s, ...change } : s)),
})

const entry = (change: Partial<EventLine>): EventLine => ({
  at: instant(Date.UTC(2026, 7, 5, 4, 18, 7, 123)),
  room: 'services',
  subject: 'web',
  rule: 'start-missing',
  why: 'fewer replicas of this revision run than are wanted',
  actions: ['start web-1 at revision 1', 'start web-2 at revision 1'],
  seen: {},
  ...change,
})

suite('status', () => {
  test('prints the answer of the agent as it came with --json', async () => {
    const ports = fakePorts({ agent: scriptedAgent({ '/status': [healthy] }) })
    assert.equal(await status(ports, { json: true, every: ms(1000) }), exit.done)
    assert.deepEqual(JSON.parse(ports.out.text()), JSON.parse(JSON.stringify(healthy)))
  })

  test('goes on watching while no agent answers, and says since when', async () => {
    const stop = new AbortController()
    const gone = new Fault('not-running', 'no agent answers')
    const ports = fakePorts({
      interrupted: stop.signal,
      out: recordingScreen({ isTerminal: true }),
      agent: {
        ...scriptedAgent({}),
        ask: async () => {
          looks += 1
          if (looks === 5) stop.abort(new Error('Ctrl-C'))
          if (looks === 2 || looks === 3) throw gone
          return healthy as never
        },
      },
    })
    let looks = 0
    assert.equal(await status(ports, { watch: true, every: ms(1000) }), exit.done)
    assert.match(ports.out.text(), /no agent answers since 2s/)
    const left = ports.out.text().split('\x1b[?1049l')[1]
    assert.match(left ?? '', /^shop: everything is up/)
  })

  test('throws when no agent answers the first time', async () => {
    const agent = scriptedAgent({ '/status': [new Fault('not-running', 'no agent answers')] })
    await assert.rejects(status(fakePorts({ agent }), { every: ms(1000) }), { code: 'not-running' })
  })
})

const notRunning = new Fault('not-running', 'no agent answers')
/** A journal that cannot be read. */
// biome-ignore lint/correctness/useYield: it fails before the first entry.
async function* failing(thrown: Error): AsyncGenerator<EventLine> {
  throw thrown
}

suite('events', () => {
  const journal = [
    entry({}),
    entry({ subject: 'web-2', rule: 'exited', why: 'exit code 1', actions: [] }),
  ]

  test('prints one line an entry, with its rule and why', async () => {
    const ports = fakePorts({ agent: scriptedAgent({}, journal) })
    assert.equal(await events(ports, { last: 50 }, () => []), exit.done)
    assertGolden('events.txt', ports.out.text())
  })

  test('prints whole entries as lines of JSON with --json', async () => {
    const ports = fakePorts({ agent: scriptedAgent({}, journal) })
    await events(ports, { last: 1, json: true }, () => [])
    assert.deepEqual(JSON.parse(ports.out.text()), journal[1])
  })

  test('tells what the last agent wrote where none runs', async () => {
    const silent = { ...scriptedAgent({}), events: () => failing(notRunning) }
    const ports = fakePorts({ agent: silent })
    assert.equal(await events(ports, { last: 1 }, () => journal), exit.done)
    assert.match(ports.out.text(), /^\S+ \S+ web-2 exited: exit code 1\n$/)
    assert.match(ports.err.text(), /no agent runs/)
    await assert.rejects(
      events(ports, { last: 1, follow: true }, () => journal),
      notRunning,
    )
    await assert.rejects(
      events(ports, { last: 1 }, () => []),
      notRunning,
    )
  })

  for (const { last, shown } of [
    { last: 3, shown: 2 },
    { last: 0, shown: 0 },
  ]) {
    test(`of 2 that the last agent wrote shows ${shown} where ${last} are asked for`, async () => {
      const silent = { ...scriptedAgent({}), events: () => failing(notRunning) }
      const ports = fakePorts({ agent: silent })
      await events(ports, { last, json: true }, () => journal)
      assert.equal(ports.out.text().split('\n').length - 1, shown)
    })
  }

  test('says that the agent has ended while it was followed', async () => {
    const ports = fakePorts({ agent: scriptedAgent({}, journal) })
    assert.equal(await events(ports, { last: 2, follow: true }, () => []), exit.noAgent)
    assert.equal(ports.err.text(), 'the agent has ended\n')
  })

  test('ends quietly when nobody reads any more', async () => {
    const closed = new AbortController()
    const agent = {
      ...scriptedAgent({}),
      async *events() {
        yield journal[0]!
        closed.abort()
        throw new Error('the connection was aborted')
      },
    }
    const ports = fakePorts({ agent, out: recordingScreen({ closed: closed.signal }) })
    assert.equal(await events(ports, { last: 1, follow: true }, () => []), exit.done)
  })
})

test('why prints what holds and the commands that would help', async () => {
  const explanation = {
    subject: 'web-2',
    now: ['ended 7 times in a row, last with exit code 1', '0 in flight, 12 so far'],
    remedies: ['read what it said: alwayson logs web-2'],
  }
  const ports = fakePorts({ agent: scriptedAgent({ '/why': [explanation] }) })
  assert.equal(await why(ports, 'web-2', {}), exit.done)
  assertGolden('why.txt', ports.out.text())
})

suite('drain', () => {
  const draining = (active: number): Status =>
    statusIn(
      healthyWorld({
        state: { ...healthyWorld().state, drained: ['web-1'] },
        edges: edges(7, { 'web-1': active }),
      }),
    )

  test('waits until nothing is in flight, and shows the number fall', async () => {
    const agent = scriptedAgent({
      '/drain': [{}],
      '/status': [draining(6), draining(2), draining(0)],
    })
    const ports = fakePorts({ agent })
    assert.equal(await drain(ports, 'web-1', { wait: true }), exit.done)
    assert.deepEqual(agent.asked[0], ['/drain', { server: 'web-1', force: false }])
    assert.equal(ports.err.text(), 'web-1: 12 requests in flight\nweb-1: 4 requests in flight\n')
    assert.equal(
      ports.out.text(),
      'web-1 takes nothing new and nothing is in flight on it: it can be stopped\n',
    )
  })

  test('returns at once without --wait, and says how many are in flight', async () => {
    const ports = fakePorts({
      agent: scriptedAgent({ '/drain': [{}], '/status': [draining(1)] }),
    })
    await drain(ports, 'web-1', {})
    assert.equal(ports.out.text(), 'web-1 takes nothing new; 2 requests are in flight on it\n')
  })

  test('fails when its time is over', async () => {
    const agent = scriptedAgent({ '/drain': [{}], '/status': [draining(1)] })
    const waiting = drain(fakePorts({ agent }), 'web-1', { wait: true, within: ms(5000) })
    await assert.rejects(waiting, { code: 'timed-out', message: /2 requests in flight/ })
  })

  test('fails when somebody undrains it meanwhile', async () => {
    const agent = scriptedAgent({ '/drain': [{}], '/status': [draining(1), healthy] })
    const waiting = drain(fakePorts({ agent }), 'web-1', { wait: true })
    await assert.rejects(waiting, { code: 'failed', message: /undrained web-1/ })
  })

  test('Ctrl-C ends the waiting, not the drain', async () => {
    const stop = new AbortController()
    const agent = scriptedAgent({ '/drain': [{}], '/status': [draining(1)] })
    const ports = fakePorts({ agent, interrupted: stop.signal })
    const waiting = drain(ports, 'web-1', { wait: true })
    setTimeout(() => stop.abort(new Error('Ctrl-C')), 20)
    assert.equal(await waiting, exit.interrupted)
    assert.match(ports.err.text(), /it goes on/)
    assert.equal(agent.asked.filter(([path]) => path !== '/status').length, 1)
  })

  test('undrain says that requests come again', async () => {
    const agent = scriptedAgent({ '/undrain': [{}], '/status': [healthy] })
    const ports = fakePorts({ agent })
    assert.equal(await undrain(ports, 'web-1'), exit.done)
    assert.equal(ports.out.text(), 'web-1 takes requests again\n')
  })
})

suite('deploy', () => {
  const at = (revision: number) =>
    webOf(healthy).servers.map((s) => ({ ...s, process: { ...s.process!, revision } }))
  const half = [...at(2).slice(0, 1), ...at(1).slice(1)]
  const begun = withWeb({ deploying: true, revision: 2, rule: 'start-missing' })
  const under = withWeb({ deploying: true, revision: 2, servers: half, rule: 'retire-outdated' })
  const done = withWeb({ revision: 2, servers: at(2) })
  const rolledBack = { revision: 2, why: 'web-4 ended 5 times in a row' }

  test('waits until every replica is of the new revision', async () => {
    const agent = scriptedAgent({ '/deploy': [{}], '/status': [begun, begun, under, done] })
    const ports = fakePorts({ agent })
    assert.equal(await deploy(ports, 'web', { wait: true }), exit.done)
    assert.equal(
      ports.err.text(),
      'revision 2 of web: 0 of 3 up (start-missing)\n' +
        'revision 2 of web: 1 of 3 up (retire-outdated)\n',
    )
    assert.equal(ports.out.text(), 'web runs revision 2: 3 of 3 up\n')
  })

  test('fails with the reason when it was rolled back', async () => {
    const back = withWeb({ revision: 1, rolledBack })
    const agent = scriptedAgent({ '/deploy': [{}], '/status': [begun, begun, back] })
    await assert.rejects(deploy(fakePorts({ agent }), 'web', { wait: true }), {
      code: 'failed',
      message: 'revision 2 of web was rolled back: web-4 ended 5 times in a row; revision 1 stays',
    })
  })

  test('fails also when it was rolled back before the first look', async () => {
    const back = withWeb({ revision: 1, rolledBack })
    const agent = scriptedAgent({ '/deploy': [{}], '/status': [back] })
    await assert.rejects(deploy(fakePorts({ agent }), 'web', { wait: true }), /was rolled back/)
  })

  test('fails when another deploy takes its place', async () => {
    const agent = scriptedAgent({
      '/deploy': [{}],
      '/status': [begun, withWeb({ revision: 3, deploying: true })],
    })
    await assert.rejects(deploy(fakePorts({ agent }), 'web', { wait: true }), /revision 3/)
  })

  test('does not wait with --no-wait', async () => {
    const agent = scriptedAgent({ '/deploy': [{}], '/status': [begun] })
    const ports = fakePorts({ agent })
    assert.equal(await deploy(ports, 'web', { wait: false }), exit.done)
    assert.equal(ports.out.text(), 'deploying revision 2 of web\n')
  })
})

suite('restart', () => {
  const fresh = { startedAt: instant(9000) }
  const started = (...ids: string[]): Status =>
    statusIn(healthyWorld({ replicas: ids.map((id) => replica(id, id < 'web-3' ? fresh : {})) }))
  const options = { wait: true, within: ms(300_000) }

  test('waits until none of the old replicas is left', async () => {
    const old = statusIn(healthyWorld())
    const agent = scriptedAgent({
      '/restart': [{}],
      '/status': [old, old, started('web-1', 'web-2', 'web-3'), statusIn(gone())],
    })
    const ports = fakePorts({ agent })
    assert.equal(await restart(ports, 'web', options), exit.done)
    assert.equal(
      ports.err.text(),
      'web: 0 of 3 replicas exchanged (steady)\nweb: 2 of 3 replicas exchanged (steady)\n',
    )
    assert.equal(ports.out.text(), 'web: 3 of 3 replicas exchanged, 3 of 3 up\n')
  })

  const gone = () =>
    healthyWorld({ replicas: ['web-1', 'web-2', 'web-3'].map((id) => replica(id, fresh)) })

  test('exchanges the one replica that was named', async () => {
    const after = healthyWorld({
      replicas: [replica('web-1'), replica('web-2', fresh), replica('web-3')],
    })
    const agent = scriptedAgent({ '/restart': [{}], '/status': [healthy, statusIn(after)] })
    const ports = fakePorts({ agent })
    await restart(ports, 'web-2', options)
    assert.deepEqual(agent.asked[1], ['/restart', { subject: 'web-2' }])
    assert.equal(ports.out.text(), 'web: 1 of 1 replica exchanged, 3 of 3 up\n')
  })

  test('fails when the fresh one does not come up', async () => {
    const exited = { kind: 'code', code: 1 } as const
    const looping = { kind: 'crash-looping', exit: exited, until: instant(9) } as const
    const failing = healthyWorld()
    const after = {
      ...failing,
      replicas: [...failing.replicas, replica('web-4', { state: looping, failures: 5 })],
    }
    const agent = scriptedAgent({ '/restart': [{}], '/status': [healthy, statusIn(after)] })
    await assert.rejects(restart(fakePorts({ agent }), 'web', options), {
      message:
        'web-4, a fresh one, does not come up: ended 5 times in a row, last with exit code 1',
    })
  })

  test('hands on what the agent says of a thing that is not there', async () => {
    const refusal = new Fault('not-found', 'there is no service or replica wbe')
    const agent = scriptedAgent({ '/status': [healthy], '/restart': [refusal] })
    await assert.rejects(restart(fakePorts({ agent }), 'wbe', options), refusal)
  })
})
