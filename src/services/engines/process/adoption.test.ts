// What the next agent finds: guards at work, hung, dead, of another version; records of the living,
// the dead and of somebody else.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { suite, test } from 'node:test'
import { openProcessBed, type ProcessBed } from '../../../../test/support/process-bed.ts'
import { bootId, identify } from '../../../control/processes.ts'
import { ms } from '../../../foundation/time.ts'
import { guardPaths, guardsFolder, readRecord } from '../../guard/record.ts'
import type { ReplicaHost } from '../../host.ts'
import type { ReplicaProcess } from '../../model.ts'

const soon = { timeout: 180_000 }
const support = join(import.meta.dirname, '../../../../test/support')

const find = (host: ReplicaHost, id: string): ReplicaProcess | undefined =>
  host.observe().find((replica) => replica.id === id)

const kindOf = (host: ReplicaHost, id: string): string | undefined => find(host, id)?.state.kind

async function started(bed: ProcessBed, host: ReplicaHost, id: string): Promise<number> {
  if (find(host, id) === undefined) {
    host.start({ id, service: 'web', revision: 1, template: bed.template('serve') })
  }
  await bed.until(`${id} runs`, () => kindOf(host, id) === 'running')
  const state = find(host, id)?.state
  return state?.kind === 'running' ? state.pid : assert.fail(`${id} does not run`)
}

/** The first line that a helper process of the test says. */
async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) return assert.fail('its output is read')
  for await (const line of createInterface({ input: child.stdout })) return line
  return assert.fail('it says nothing')
}

const helper = (bed: ProcessBed, name: string, ...args: string[]): ChildProcess =>
  spawn(process.execPath, [join(support, name), ...args], {
    env: { ...process.env, ...bed.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    get({ port, host: '127.0.0.1', agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    }).on('error', () => resolve(false))
  })

suite('a host that opens after another', soon, () => {
  test('adopts what an agent killed with SIGKILL has left', async () => {
    await using bed = await openProcessBed()
    const template = JSON.stringify(bed.template('serve'))
    const agent = helper(bed, 'host-process.ts', bed.folder, template, 'web-1', 'web-2')
    const seen = JSON.parse(await firstLine(agent)) as readonly ReplicaProcess[]
    const ended = new Promise((resolve) => agent.once('exit', resolve))
    agent.kill('SIGKILL')
    await ended
    await bed.until('both answer', () => seen.every(({ port }) => port > 0))
    for (const { port } of seen) {
      while (!(await answers(port))) await new Promise(setImmediate)
    }
    const host = await bed.open()
    const byId = (a: ReplicaProcess, b: ReplicaProcess): number => a.id.localeCompare(b.id)
    assert.deepEqual(host.observe().toSorted(byId), seen.toSorted(byId))
    const told = bed.events.filter(({ rule }) => rule === 'replica-adopted')
    assert.deepEqual(told.map(({ subject }) => subject).toSorted(), ['web-1', 'web-2'])
    for (const { port } of seen) assert.ok(await answers(port))
  })

  test('is told what happened while there was no agent', async () => {
    await using bed = await openProcessBed()
    const first = await bed.open()
    const pid = await started(bed, first, 'web-1')
    first.leave()
    bed.crash(pid)
    await bed.until('it runs again', () => {
      const { status } = readRecord(guardPaths(bed.folder, 'web-1').record)
      return status.restarts === 1 && status.state.kind === 'running'
    })
    const before = bed.events.length
    await bed.open()
    await bed.until('the exit is told', () =>
      bed.events.slice(before).some(({ rule }) => rule === 'replica-exited'),
    )
    const exit = bed.events.slice(before).find(({ rule }) => rule === 'replica-exited')
    assert.match(exit?.why ?? '', /^SIGKILL after /)
    assert.deepEqual(exit?.seen.exit, { kind: 'signal', signal: 'SIGKILL' })
  })

  test('shows the replica of a guard of a newer version, and ends it by signals', async () => {
    await using bed = await openProcessBed()
    mkdirSync(guardsFolder(bed.folder), { recursive: true })
    const guard = helper(bed, 'fake-guard.ts', bed.folder, 'web-1')
    assert.equal(await firstLine(guard), 'ready')
    const host = await bed.open()
    assert.equal(find(host, 'web-1')?.revision, 4)
    assert.equal(kindOf(host, 'web-1'), 'running')
    assert.ok(bed.events.some(({ rule, why }) => rule === 'guard-newer' && /9\.0\.0/.test(why)))
    const exit = new Promise((resolve) => guard.once('exit', resolve))
    host.stop('web-1', ms(20_000))
    await bed.until('it is gone', () => find(host, 'web-1') === undefined)
    assert.equal(await exit, 0, 'it was asked, not killed')
  })
})

suite('a guard that does not answer', soon, () => {
  test('holds up neither the opening nor anything else, and its replica can be ended', async () => {
    await using bed = await openProcessBed()
    const first = await bed.open()
    const pid = await started(bed, first, 'web-1')
    const other = await started(bed, first, 'web-2')
    first.leave()
    process.kill(bed.guardPid('web-1'), 'SIGSTOP')
    const host = await bed.open()
    assert.equal(kindOf(host, 'web-1'), 'running')
    assert.equal(kindOf(host, 'web-2'), 'running')
    bed.crash(other)
    await bed.until('the other is restarted', () => find(host, 'web-2')?.restarts === 1)
    host.stop('web-1', ms(20_000))
    assert.equal(kindOf(host, 'web-1'), 'stopping')
    await bed.until('it is gone', () => find(host, 'web-1') === undefined)
    assert.ok(!bed.isAlive(pid))
    assert.ok(!existsSync(guardPaths(bed.folder, 'web-1').record))
  })

  test('and whose replica has ended is given up as lost', async () => {
    await using bed = await openProcessBed()
    const host = await bed.open()
    const pid = await started(bed, host, 'web-1')
    process.kill(bed.guardPid('web-1'), 'SIGSTOP')
    bed.crash(pid)
    await bed.until('it is lost', () => kindOf(host, 'web-1') === 'lost')
    const guard = bed.guardPid('web-1')
    host.stop('web-1', ms(1000))
    await bed.until('it is gone', () => find(host, 'web-1') === undefined)
    await bed.until('its guard has ended', () => !bed.isAlive(guard))
  })
})

suite('a record', soon, () => {
  /** A process that has nothing to do with us, and a record that names it. */
  async function forged(
    bed: ProcessBed,
    change: (record: Record<string, unknown>) => Record<string, unknown>,
  ): Promise<{ readonly bystander: number; readonly path: string }> {
    const first = await bed.open()
    await started(bed, first, 'web-1')
    const { record: path } = guardPaths(bed.folder, 'web-1')
    const text = readFileSync(path, 'utf8')
    first.stop('web-1', ms(20_000))
    await bed.until('it is gone', () => find(first, 'web-1') === undefined)
    first.leave()
    const env = { PATH: process.env.PATH, ...bed.environment }
    const bystander = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', env }).pid ?? 0
    const record = JSON.parse(text) as Record<string, unknown>
    const named = identify(bystander)
    writeFileSync(path, JSON.stringify(change({ ...record, guard: named, bystander: named })))
    return { bystander, path }
  }

  test('that names processes whose ids were given to others harms nobody', async () => {
    await using bed = await openProcessBed()
    const { bystander, path } = await forged(bed, (record) => {
      const reused = { pid: (record.bystander as { pid: number }).pid, startTicks: 1 }
      const status = { ...(record.status as object), child: reused }
      return { ...record, guard: reused, status }
    })
    const host = await bed.open()
    assert.deepEqual(host.observe(), [])
    assert.ok(!existsSync(path), 'a record of nothing alive is removed')
    assert.ok(bed.isAlive(bystander))
  })

  test('of an earlier run of the machine says nothing about this one', async () => {
    await using bed = await openProcessBed()
    const { bystander, path } = await forged(bed, (record) => ({ ...record, boot: 'another' }))
    assert.notEqual(bootId(), 'another')
    const host = await bed.open()
    assert.deepEqual(host.observe(), [])
    assert.ok(!existsSync(path))
    assert.ok(bed.isAlive(bystander))
  })

  for (const [name, text] of [
    ['cut short', '{"format":1,"boot":"'],
    ['empty', ''],
    ['of a newer format', '{"format":7,"who":"web-1"}'],
  ] as const) {
    test(`that is ${name} is told and left alone, and set aside for a new start`, async () => {
      await using bed = await openProcessBed()
      const { record: path } = guardPaths(bed.folder, 'web-1')
      mkdirSync(guardsFolder(bed.folder), { recursive: true })
      writeFileSync(path, text)
      const host = await bed.open()
      const told = bed.events.find(({ rule }) => rule === 'record-unreadable')
      assert.equal(told?.subject, 'web-1')
      assert.ok(told?.why.includes(path))
      assert.equal(readFileSync(path, 'utf8'), text)
      await started(bed, host, 'web-1')
      assert.equal(readFileSync(`${path}.unreadable`, 'utf8'), text)
      assert.ok(bed.events.some(({ rule }) => rule === 'record-set-aside'))
    })
  }

  test('that was damaged while its guard lives is replaced by what the guard says', async () => {
    await using bed = await openProcessBed()
    const first = await bed.open()
    const pid = await started(bed, first, 'web-1')
    first.leave()
    writeFileSync(guardPaths(bed.folder, 'web-1').record, 'not a record')
    const host = await bed.open()
    assert.equal(await started(bed, host, 'web-1'), pid)
    host.stop('web-1', ms(20_000))
    await bed.until('it is gone', () => find(host, 'web-1') === undefined)
    assert.ok(!bed.isAlive(pid))
  })

  test('of a replica that died with its guard is cleared away', async () => {
    await using bed = await openProcessBed()
    const first = await bed.open()
    const pid = await started(bed, first, 'web-1')
    first.leave()
    const guard = bed.guardPid('web-1')
    bed.killGuard('web-1')
    await bed.until('the guard is gone', () => !bed.isAlive(guard))
    bed.crash(pid)
    await bed.until('so is its replica', () => !bed.isAlive(pid))
    const host = await bed.open()
    assert.deepEqual(host.observe(), [])
    assert.ok(!existsSync(guardPaths(bed.folder, 'web-1').record))
  })

  test('of a replica whose guard died alone shows it as lost', async () => {
    await using bed = await openProcessBed()
    const first = await bed.open()
    const pid = await started(bed, first, 'web-1')
    first.leave()
    bed.killGuard('web-1')
    const host = await bed.open()
    await bed.until('it is lost', () => kindOf(host, 'web-1') === 'lost')
    assert.ok(bed.isAlive(pid), 'it is left to finish what it has')
  })
})

test('two hosts over one folder share a replica instead of running it twice', soon, async () => {
  await using bed = await openProcessBed()
  const [one, two] = [await bed.open(), await bed.open()]
  const pid = await started(bed, one, 'web-1')
  assert.equal(find(two, 'web-1'), undefined)
  assert.equal(await started(bed, two, 'web-1'), pid)
  two.stop('web-1', ms(20_000))
  for (const host of [one, two]) {
    await bed.until('it is gone for both', () => find(host, 'web-1') === undefined)
  }
  assert.ok(!bed.isAlive(pid))
})

test('a state folder that cannot be used is told at once', soon, async () => {
  await using bed = await openProcessBed()
  mkdirSync(bed.folder, { recursive: true })
  writeFileSync(guardsFolder(bed.folder), 'a file where the folder should be')
  await assert.rejects(bed.open(), { code: 'failed', message: /folder of the guards/ })
})
