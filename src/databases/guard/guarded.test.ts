// Holds the guard of a database server to its promises, with real processes.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../../../test/engines/waiting.ts'
import { bootId, identify, isAlive, type ProcessIdentity, statOf } from '../../control/processes.ts'
import { ms } from '../../foundation/time.ts'
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
  readonly launch: ServerLaunch
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
  const options = {
    ...{ folder, member: 'orders-1', version: '0', event: (rule: string) => events.push(rule) },
  }
  try {
    await run({
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

test('a guard that is there and takes no orders is ended, and ends nobody later on', () =>
  scene(async ({ open, keep, events }) => {
    const child = spawn('sleep', ['300'])
    using _ended = { [Symbol.dispose]: () => void child.kill('SIGKILL') }
    const guard = identify(child.pid ?? 0)
    assert.ok(guard !== undefined)
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
