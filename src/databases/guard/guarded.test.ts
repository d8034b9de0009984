// Holds the guard of a database server to its promises, with real processes.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../../../test/engines/waiting.ts'
import { listenForLinks } from '../../control/link.ts'
import { bootId, identify, isAlive, type ProcessIdentity, statOf } from '../../control/processes.ts'
import { ms } from '../../foundation/time.ts'
import { VirtualClock } from '../../simulation/clock.ts'
import type { ServerLaunch } from '../host.ts'
import { type GuardedHost, type GuardedOptions, openGuarded } from './guarded.ts'
import type { GuardRecord } from './protocol.ts'

/** A server that says that it is there, and has a child of its own in a session of its own. */
const program = `
  require('node:child_process').spawn('sleep', ['300'], { detached: true, stdio: 'ignore' })
  console.error('it is there')
  setInterval(() => {}, 1000)
`

interface Scene {
  readonly folder: string
  readonly launch: ServerLaunch
  /** By which its host waits until it tries again. */
  readonly clock: VirtualClock
  readonly events: string[]
  open(options?: Pick<GuardedOptions, 'answerWithin'>): Promise<GuardedHost>
  record(): GuardRecord
  /** Leaves a record as a guard does. */
  keep(record: Pick<GuardRecord, 'boot' | 'guard'>): void
}

async function scene(run: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'guard-'))
  const events: string[] = []
  const hosts: GuardedHost[] = []
  const clock = new VirtualClock()
  const options = {
    ...{
      folder,
      clock,
      member: 'orders-1',
      version: '0',
      event: (rule: string) => events.push(rule),
    },
  }
  try {
    await run({
      ...{ folder, clock },
      launch: {
        ...{ argv: [process.execPath, '-e', program], cwd: folder, env: {} },
        log: join(folder, 'server.log'),
      },
      events,
      open: async (more) => {
        const host = await openGuarded({ ...options, ...more })
        hosts.push(host)
        return host
      },
      keep: (record) => writeFileSync(join(folder, 'orders-1.json'), JSON.stringify(record)),
      record: () => JSON.parse(readFileSync(join(folder, 'orders-1.json'), 'utf8')) as GuardRecord,
    })
  } finally {
    await hosts.at(-1)?.quit()
    rmSync(folder, { recursive: true, force: true })
  }
}

const serverOf = (record: GuardRecord): ProcessIdentity => {
  assert.ok(record.server !== undefined)
  return record.server
}

const said = (launch: ServerLaunch) => (): boolean =>
  readFileSync(launch.log, 'utf8').includes('it is there')

test('a server runs on when its agent goes, and the next agent finds it', () =>
  scene(async ({ open, launch, record }) => {
    const first = await open()
    await first.start(launch)
    await until('it has said so', said(launch))
    first.leave()
    const next = await open()
    const seen = next.observe()
    assert.ok(seen.kind === 'running')
    assert.equal(seen.pid, serverOf(record()).pid)
    await next.start(launch)
    assert.equal(serverOf(record()).pid, seen.pid)
  }))

test('a lease that nobody renews ends the server and all of it', () =>
  scene(async ({ open, launch, record, events }) => {
    const host = await open()
    await host.start(launch)
    await until('it has said so', said(launch))
    const server = serverOf(record())
    host.renew({ for: ms(60_000), vouch: undefined })
    host.renew({ for: ms(200), vouch: undefined })
    await until('it has ended', () => host.observe().kind === 'ended')
    assert.ok(!isAlive(server))
    assert.deepEqual(events, ['lease-over'])
    const seen = host.observe()
    assert.ok(seen.kind === 'ended')
    assert.match(seen.why, /SIGKILL/)
    assert.match(seen.last, /it is there/)
  }))

test('a server that is told to end has not ended by itself, also if it does not listen', () =>
  scene(async ({ open, launch, record }) => {
    const host = await open()
    await host.start(launch)
    await until('it has said so', said(launch))
    const server = serverOf(record())
    await host.signal('SIGSTOP')
    await until('it stands still', () => statOf(server.pid)?.stopped === true)
    await host.end('SIGTERM', ms(100))
    assert.ok(!isAlive(server))
    assert.deepEqual(host.observe(), { kind: 'none' })
  }))

test('a server does not outlive its guard, and another guard is there for the next one', () =>
  scene(async ({ open, launch, record, events }) => {
    const host = await open()
    await host.start(launch)
    await until('it has said so', said(launch))
    const { guard, server } = record()
    process.kill(guard.pid, 'SIGKILL')
    await until('it is gone', () => !isAlive(server as ProcessIdentity))
    await until('another guard is there', () => record().guard.pid !== guard.pid)
    await until('it takes orders', () =>
      host.start(launch).then(...([() => true, () => false] as const)),
    )
    assert.notEqual(serverOf(record()).pid, server?.pid)
    assert.deepEqual([...new Set(events)], ['guard-lost'])
  }))

test('another guard is tried for until there is one, and each new reason is said once', () =>
  scene(async ({ folder, clock, open, launch, record, events }) => {
    const host = await open()
    const { guard } = record()
    const refused = (): number => events.filter((rule) => rule === 'guard-refused').length
    const isWaiting = (): boolean => clock.next() !== undefined
    // No file for what it says when it fails: as on a full disk, none is started.
    const trouble = join(folder, 'orders-1.trouble')
    rmSync(trouble)
    mkdirSync(trouble)
    process.kill(guard.pid, 'SIGKILL')
    await until('none could be started', isWaiting)
    await assert.rejects(host.start(launch), /EISDIR/)
    clock.step()
    await until('nor a second time', isWaiting)
    assert.equal(refused(), 1)
    rmSync(join(folder, 'orders-1.json'))
    writeFileSync(join(folder, 'orders-1.json'), 'no record')
    clock.step()
    await until('another reason', isWaiting)
    assert.equal(refused(), 2)
    await assert.rejects(host.start(launch), /orders-1\.json cannot be read/)
    rmSync(trouble, { recursive: true })
    rmSync(join(folder, 'orders-1.json'))
    clock.step()
    await until('it takes orders', () =>
      host.start(launch).then(...([() => true, () => false] as const)),
    )
    assert.equal(host.observe().kind, 'running')
    assert.equal(refused(), 2)
  }))

test('who leaves waits for no other guard', () =>
  scene(async ({ folder, clock, open, record }) => {
    const host = await open()
    const { guard } = record()
    const trouble = join(folder, 'orders-1.trouble')
    rmSync(trouble)
    mkdirSync(trouble)
    process.kill(guard.pid, 'SIGKILL')
    await until('none could be started', () => clock.next() !== undefined)
    await host.quit()
    assert.equal(clock.next(), undefined)
  }))

test('a guard that ends as it is met is replaced', () =>
  scene(async ({ folder, keep, open, launch, record }) => {
    const { child, guard } = sleeper()
    using _ended = { [Symbol.dispose]: () => void child.kill('SIGKILL') }
    keep({ boot: bootId(), guard })
    const hello = { kind: 'hello', protocol: 1, version: '0', process: { kind: 'none' } }
    using _door = await listenForLinks(join(folder, 'orders-1.sock'), (link) => {
      link.send({ ...hello, guard })
      link.close()
      return { message: () => undefined, ended: () => child.kill('SIGKILL') }
    })
    const host = await open()
    await until('it takes orders', () =>
      host.start(launch).then(...([() => true, () => false] as const)),
    )
    assert.notEqual(record().guard.pid, guard.pid)
  }))

/** A process that could be a guard, and knows nothing of it. */
function sleeper(): { readonly child: ChildProcess; readonly guard: ProcessIdentity } {
  const child = spawn('sleep', ['300'])
  const guard = identify(child.pid ?? 0)
  assert.ok(guard !== undefined)
  return { child, guard }
}

test('a guard that is there and takes no orders is ended, and ends nobody later on', () =>
  scene(async ({ open, keep, events }) => {
    const { child, guard } = sleeper()
    using _ended = { [Symbol.dispose]: () => void child.kill('SIGKILL') }
    keep({ boot: bootId(), guard })
    const answerWithin = ms(50)
    await open({ answerWithin })
    await until('it is gone', () => !isAlive(guard))
    assert.deepEqual(events, ['guard-lost'])
    // What nobody waits for any more would end this process as it would an agent.
    await once(AbortSignal.timeout(2 * answerWithin), 'abort')
  }))

test('a program that is not there is said to be so', () =>
  scene(async ({ open, launch }) => {
    const host = await open()
    await host.start({ ...launch, argv: ['/no/such/server'] })
    await until('it has ended', () => host.observe().kind === 'ended')
    const seen = host.observe()
    assert.ok(seen.kind === 'ended')
    assert.match(seen.last, /no\/such\/server.*No such file/)
  }))
