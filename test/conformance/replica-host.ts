// The promises every ReplicaHost keeps: that of real processes, and the simulated one.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ms } from '../../src/foundation/time.ts'
import type { ReplicaHost } from '../../src/services/host.ts'
import type { ProcessState, ReplicaProcess, RunTemplate } from '../../src/services/model.ts'

/** What a replica of the suite does. */
export type Behaviour =
  /** Runs until it is told to end, and obeys. */
  | 'serve'
  /** Ends at once with exit code 3. */
  | 'exit'
  /** Runs, and passes over the stop signal. */
  | 'defy'
  /** Names a program that does not exist. */
  | 'missing'

/** One event, as it was told. */
export interface ToldEvent {
  readonly rule: string
  readonly subject: string
  readonly why: string
  readonly seen: Readonly<Record<string, unknown>>
}

/** A machine, or a model of one, on which hosts are opened one after the other. */
export interface HostBed extends AsyncDisposable {
  /** Opens a host over the state that earlier ones left. */
  open(): Promise<ReplicaHost>
  template(does: Behaviour, differs?: Partial<RunTemplate>): RunTemplate
  /** Resolves once `holds`; rejects, naming `what`, when it does not within a generous time. */
  until(what: string, holds: () => boolean): Promise<void>
  /** Whether the process of a running replica is alive, whatever a host says. */
  isAlive(pid: number): boolean
  /** Ends the process of a replica as a crash would. */
  crash(pid: number): void
  /** Ends the guard of a replica, and nothing else. */
  killGuard(id: string): void
  /** What was told so far. */
  readonly events: readonly ToldEvent[]
  readonly changes: () => number
}

/** A policy that makes tests quick: three exits in a row are a loop. */
export const quickRestart: RunTemplate['restart'] = {
  backoff: { first: ms(20), factor: 2, most: ms(100), jitter: 0 },
  wellAfter: ms(60_000),
  loopAfter: 3,
}

const find = (host: ReplicaHost, id: string): ReplicaProcess | undefined =>
  host.observe().find((replica) => replica.id === id)

const stateOf = (host: ReplicaHost, id: string): ProcessState['kind'] | undefined =>
  find(host, id)?.state.kind

function pidOf(host: ReplicaHost, id: string): number {
  const state = find(host, id)?.state
  assert.equal(state?.kind, 'running')
  return state.pid
}

type Run = (bed: HostBed, host: ReplicaHost) => Promise<void>

/** Runs the suite; `skip` names a promise that an adapter cannot keep, and why. */
export function replicaHostConformance(
  name: string,
  open: () => Promise<HostBed>,
  skip: Readonly<Record<string, string>> = {},
): void {
  const promise = (title: string, run: Run): void => {
    test(title, { skip: skip[title] ?? false }, async () => {
      await using bed = await open()
      await run(bed, await bed.open())
    })
  }
  suite(`${name} is a ReplicaHost`, () => {
    beginnings(promise)
    endings(promise)
    lives(promise)
  })
}

type Define = (title: string, run: Run) => void

const order = (bed: HostBed, id: string, does: Behaviour, differs: Partial<RunTemplate> = {}) => ({
  id,
  service: 'web',
  revision: 1,
  template: bed.template(does, { restart: quickRestart, ...differs }),
})

async function running(bed: HostBed, host: ReplicaHost, id: string): Promise<number> {
  await bed.until(`${id} runs`, () => stateOf(host, id) === 'running')
  return pidOf(host, id)
}

function beginnings(promise: Define): void {
  promise('shows a replica from the call on, with a port of its own', async (bed, host) => {
    for (const id of ['web-1', 'web-2', 'web-3']) host.start(order(bed, id, 'serve'))
    const seen = host.observe()
    assert.deepEqual(seen.map(({ id }) => id).toSorted(), ['web-1', 'web-2', 'web-3'])
    for (const { port } of seen) assert.ok(port > 0 && port < 65_536)
    for (const id of ['web-1', 'web-2', 'web-3']) {
      assert.ok(bed.isAlive(await running(bed, host, id)))
    }
    const ports = new Set(host.observe().map(({ port }) => port))
    assert.equal(ports.size, 3)
  })

  promise('tells of a change, and of a start', async (bed, host) => {
    const before = bed.changes()
    host.start(order(bed, 'web-1', 'serve'))
    await running(bed, host, 'web-1')
    await bed.until('a change is told', () => bed.changes() > before)
    await bed.until('the start is told', () =>
      bed.events.some(({ rule, subject }) => rule === 'replica-started' && subject === 'web-1'),
    )
  })

  promise('refuses a second start of the same name', async (bed, host) => {
    host.start(order(bed, 'web-1', 'serve'))
    assert.throws(() => host.start(order(bed, 'web-1', 'serve')), { code: 'already-running' })
    await running(bed, host, 'web-1')
    assert.throws(() => host.start(order(bed, 'web-1', 'serve')), { code: 'already-running' })
  })

  promise('says why a program cannot be started, and tries again', async (bed, host) => {
    host.start(order(bed, 'web-1', 'missing'))
    await bed.until('it is a crash loop', () => stateOf(host, 'web-1') === 'crash-looping')
    const state = find(host, 'web-1')?.state
    assert.ok(state?.kind === 'crash-looping' && state.exit.kind === 'unstartable')
    assert.match(state.exit.reason, /no-such-program/)
    const restarts = find(host, 'web-1')?.restarts ?? 0
    await bed.until('it is tried again', () => (find(host, 'web-1')?.restarts ?? 0) > restarts)
  })
}

function endings(promise: Define): void {
  const gone = (bed: HostBed, host: ReplicaHost, id: string): Promise<void> =>
    bed.until(`${id} is gone`, () => find(host, id) === undefined)

  promise('ends a replica, which is seen as stopping until it is gone', async (bed, host) => {
    host.start(order(bed, 'web-1', 'serve'))
    const pid = await running(bed, host, 'web-1')
    host.stop('web-1', ms(60_000))
    assert.equal(stateOf(host, 'web-1'), 'stopping')
    await gone(bed, host, 'web-1')
    assert.ok(!bed.isAlive(pid))
  })

  promise('ends one that passes over the stop signal, by force', async (bed, host) => {
    host.start(order(bed, 'web-1', 'defy'))
    const pid = await running(bed, host, 'web-1')
    host.stop('web-1', ms(50))
    await gone(bed, host, 'web-1')
    assert.ok(!bed.isAlive(pid))
  })

  promise('ends one that was only just begun', async (bed, host) => {
    host.start(order(bed, 'web-1', 'serve'))
    host.stop('web-1', ms(1000))
    assert.ok([undefined, 'stopping'].includes(stateOf(host, 'web-1')))
    await gone(bed, host, 'web-1')
    host.start(order(bed, 'web-1', 'serve'))
    await running(bed, host, 'web-1')
  })

  promise('ends one that waits for its next try', async (bed, host) => {
    const patient = { ...quickRestart, backoff: { ...quickRestart.backoff, first: ms(60_000) } }
    host.start(order(bed, 'web-1', 'exit', { restart: patient }))
    await bed.until('it waits', () => stateOf(host, 'web-1') === 'waiting')
    host.stop('web-1', ms(1000))
    await gone(bed, host, 'web-1')
  })

  promise('passes over a name that it does not know, and a second stop', async (bed, host) => {
    host.stop('web-9', ms(10))
    host.start(order(bed, 'web-1', 'serve'))
    await running(bed, host, 'web-1')
    host.stop('web-1', ms(60_000))
    host.stop('web-1', ms(60_000))
    await gone(bed, host, 'web-1')
    assert.deepEqual(host.observe(), [])
  })

  promise('shows a replica without a guard as lost, and ends what is left', async (bed, host) => {
    host.start(order(bed, 'web-1', 'serve'))
    const pid = await running(bed, host, 'web-1')
    bed.killGuard('web-1')
    await bed.until('it is lost', () => stateOf(host, 'web-1') === 'lost')
    assert.ok(bed.events.some(({ rule }) => rule === 'guard-lost'))
    host.stop('web-1', ms(60_000))
    assert.equal(stateOf(host, 'web-1'), 'stopping')
    await gone(bed, host, 'web-1')
    assert.ok(!bed.isAlive(pid))
  })
}

function lives(promise: Define): void {
  promise('starts a crashed replica again at the same port', async (bed, host) => {
    host.start(order(bed, 'web-1', 'serve'))
    const pid = await running(bed, host, 'web-1')
    const before = find(host, 'web-1')
    bed.crash(pid)
    await bed.until('it is counted', () => (find(host, 'web-1')?.restarts ?? 0) === 1)
    const again = await running(bed, host, 'web-1')
    assert.notEqual(again, pid)
    const after = find(host, 'web-1')
    assert.equal(after?.port, before?.port)
    assert.equal(after?.startedAt, before?.startedAt)
    assert.equal(after?.failures, 1)
    assert.ok(
      bed.events.some(({ rule, subject }) => rule === 'replica-exited' && subject === 'web-1'),
    )
  })

  promise('calls exits in a row a crash loop, and goes on trying', async (bed, host) => {
    host.start(order(bed, 'web-1', 'exit'))
    await bed.until('it is a crash loop', () => stateOf(host, 'web-1') === 'crash-looping')
    const looping = find(host, 'web-1')
    assert.ok(looping?.state.kind === 'crash-looping')
    assert.deepEqual(looping.state.exit, { kind: 'code', code: 3 })
    assert.ok(looping.failures >= quickRestart.loopAfter)
    await bed.until(
      'it is tried again',
      () => (find(host, 'web-1')?.restarts ?? 0) > looping.restarts,
    )
    assert.equal(bed.events.filter(({ rule }) => rule === 'crash-loop').length, 1)
  })

  promise('leaves everything running, and the next host adopts it', async (bed, first) => {
    first.start(order(bed, 'web-1', 'serve'))
    first.start(order(bed, 'web-2', 'serve'))
    const pids = [await running(bed, first, 'web-1'), await running(bed, first, 'web-2')]
    const before = first.observe()
    first.leave()
    const second = await bed.open()
    const byId = (a: ReplicaProcess, b: ReplicaProcess): number => (a.id < b.id ? -1 : 1)
    assert.deepEqual(second.observe().toSorted(byId), before.toSorted(byId))
    for (const pid of pids) assert.ok(bed.isAlive(pid))
    second.start(order(bed, 'web-3', 'serve'))
    await running(bed, second, 'web-3')
    assert.equal(new Set(second.observe().map(({ port }) => port)).size, 3)
    second.stop('web-1', ms(60_000))
    await bed.until('it is gone', () => find(second, 'web-1') === undefined)
    assert.ok(!bed.isAlive(pids[0] ?? 0))
  })

  promise('keeps restarting while no host is there', async (bed, first) => {
    first.start(order(bed, 'web-1', 'serve'))
    const pid = await running(bed, first, 'web-1')
    first.leave()
    bed.crash(pid)
    const second = await bed.open()
    await bed.until('it was restarted', () => (find(second, 'web-1')?.restarts ?? 0) === 1)
    assert.notEqual(await running(bed, second, 'web-1'), pid)
  })
}
