// The keeper of a member: what it does about a server that no longer answers, and what it does not
// hold against it. Time is virtual; the process is a real one that only sleeps.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Fault } from '../../foundation/fault.ts'
import { type Clock, instant, later, ms } from '../../foundation/time.ts'
import type { ReplicaHost, StartOrder } from '../../services/host.ts'
import type { ReplicaProcess } from '../../services/model.ts'
import { VirtualClock } from '../../simulation/clock.ts'
import type { Server } from '../engines/apache/folder.ts'
import { EnsembleKeeper, serverId } from './keep.ts'
import type { MemberAnswer } from './model.ts'

const template = { stopWithin: ms(3000) } as Server['template']
const serves: MemberAnswer = { kind: 'serves', mode: 'leader' }

/** A machine whose server runs, and everything that a test may do to it. */
async function openStage(answer: MemberAnswer = serves) {
  const child: ChildProcess = spawn('sleep', ['600'])
  await once(child, 'spawn')
  const gone = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const time = new VirtualClock(instant(1_000_000))
  const state = {
    ...{ answer, runs: true, skipped: ms(0), startedAgain: 0 },
    /** How long after the first start of its guard this one was. */
    startedLater: ms(0),
    /** What is asked meanwhile is answered when this is. */
    pending: undefined as Promise<MemberAnswer> | undefined,
    write: (): void => undefined,
  }
  const clock: Clock = {
    now: () => later(time.now(), state.skipped),
    after: (wait, wake) => time.after(wait, wake),
  }
  const said: string[] = []
  const started: StartOrder[] = []
  const process: ReplicaProcess = {
    ...{ id: serverId, service: serverId, revision: 7, host: '127.0.0.1', port: 1 },
    ...{ startedAt: clock.now(), failures: 0, restarts: 0 },
    state: { kind: 'running', pid: child.pid ?? 0, since: clock.now() },
  }
  const host: ReplicaHost = {
    observe() {
      const since = later(process.startedAt, state.startedLater)
      const running = { ...process.state, since } as ReplicaProcess['state']
      const seen = { ...process, restarts: state.startedAgain, state: running }
      return state.runs ? [seen] : []
    },
    start: (order) => void started.push(order),
    stop: () => assert.fail('nobody is to be stopped in order'),
    leave: () => undefined,
  }
  const server: Server = {
    ...{ revision: 7, template },
    write: () => state.write(),
    room: () => Number.POSITIVE_INFINITY,
  }
  const keeper = new EnsembleKeeper({
    ...{ clock, host, server, machine: 'a', others: 2 },
    open: () => assert.fail('no turn is asked for'),
    askOwn: () => state.pending ?? Promise.resolve(state.answer),
    askOthers: () => Promise.resolve([serves, serves]),
    heard: (rule) => void said.push(rule),
  })
  return {
    ...{ state, said, started },
    signal: async () => (await gone)[1],
    isAlive: () => child.exitCode === null && child.signalCode === null && !child.killed,
    /** Lets time pass, and answers come in between. */
    async pass(milliseconds: number): Promise<void> {
      const end = later(time.now(), ms(milliseconds))
      while ((time.next() ?? end) < end) {
        time.step()
        await turn()
      }
      time.runUntil(end)
    },
    async [Symbol.asyncDispose]() {
      keeper[Symbol.dispose]()
      child.kill('SIGKILL')
      await gone
    },
  }
}

test('ends a server that answered and no longer does', async () => {
  await using stage = await openStage()
  await stage.pass(1000)
  assert.deepEqual(stage.said, ['server-joins', 'server-serves'])
  stage.state.answer = { kind: 'silent' }
  await stage.pass(2000)
  assert.equal(await stage.signal(), 'SIGKILL')
  assert.ok(stage.said.includes('server-silent'))
})

test('has more patience with a server that it has ended for its silence before', async () => {
  await using stage = await openStage()
  await stage.pass(1000)
  stage.state.answer = { kind: 'silent' }
  await stage.pass(2000)
  assert.equal(await stage.signal(), 'SIGKILL')
  const times = () => stage.said.filter((rule) => rule === 'server-silent').length
  assert.equal(times(), 1)
  // Its successor answers once, and is silent as long as the first was.
  stage.state.startedAgain = 1
  stage.state.answer = serves
  await stage.pass(1000)
  stage.state.answer = { kind: 'silent' }
  await stage.pass(2000)
  assert.equal(times(), 1)
  await stage.pass(2000)
  assert.equal(times(), 2)
})

test('gives a server that its guard has started again as long as the first', async () => {
  await using stage = await openStage()
  await stage.pass(600_000)
  stage.state.startedAgain = 1
  stage.state.startedLater = ms(600_000)
  stage.state.answer = { kind: 'refused' }
  await stage.pass(50_000)
  assert.ok(!stage.said.includes('server-never-answered'))
  await stage.pass(20_000)
  assert.equal(await stage.signal(), 'SIGKILL')
  assert.ok(stage.said.includes('server-never-answered'))
})

test('waits for one that has not answered yet, and forgives one silence', async () => {
  await using stage = await openStage({ kind: 'silent' })
  await stage.pass(20_000)
  stage.state.answer = serves
  await stage.pass(1000)
  stage.state.answer = { kind: 'silent' }
  await stage.pass(1000)
  stage.state.answer = serves
  await stage.pass(10_000)
  assert.ok(stage.isAlive())
  assert.ok(!stage.said.includes('server-silent'))
})

test('does not hold against a server that it was itself stopped', async () => {
  await using stage = await openStage()
  await stage.pass(1000)
  // The question of before the stop comes back unanswered, an hour later.
  const question = Promise.withResolvers<MemberAnswer>()
  stage.state.pending = question.promise
  await stage.pass(500)
  stage.state.skipped = ms(3_600_000)
  await stage.pass(150)
  stage.state.pending = undefined
  question.resolve({ kind: 'silent' })
  await stage.pass(5000)
  assert.ok(stage.isAlive())
  assert.ok(!stage.said.includes('server-silent'))
})

test('says once why a server cannot be started, and goes on trying', async () => {
  await using stage = await openStage()
  stage.state.runs = false
  stage.state.write = () => {
    throw new Fault('failed', 'the disk is gone')
  }
  await stage.pass(2000)
  assert.equal(stage.said.filter((rule) => rule === 'server-cannot-start').length, 1)
  assert.equal(stage.started.length, 0)
  stage.state.write = () => undefined
  await stage.pass(200)
  assert.deepEqual(new Set(stage.started.map(({ revision }) => revision)), new Set([7]))
})
