// A replica is all that it started: its workers, and those that tried to get away.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { openProcessBed, type ProcessBed } from '../../../../test/support/process-bed.ts'
import { ms } from '../../../foundation/time.ts'
import type { ReplicaHost } from '../../host.ts'
import type { RunTemplate } from '../../model.ts'

const soon = { timeout: 180_000 }

const kindOf = (host: ReplicaHost, id: string): string | undefined =>
  host.observe().find((replica) => replica.id === id)?.state.kind

/** Starts a replica whose parts each write their process id into a file, and waits for them. */
async function family(
  bed: ProcessBed,
  code: string,
  parts: readonly string[],
): Promise<{ host: ReplicaHost; pids: Readonly<Record<string, number>> }> {
  const host = await bed.open()
  const template: RunTemplate = bed.program('leader', `${prelude}\n${code}`)
  host.start({ id: 'web-1', service: 'web', revision: 1, template })
  const file = (part: string): string => join(template.cwd, `${part}.pid`)
  const read = (part: string): string =>
    existsSync(file(part)) ? readFileSync(file(part), 'utf8') : ''
  await bed.until('all parts run', () => parts.every((part) => read(part) !== ''))
  return { host, pids: Object.fromEntries(parts.map((part) => [part, Number(read(part))])) }
}

/** `part(name, code, detached)` starts another node; `here(name)` says that this one is there. */
const prelude = `
  const { spawn } = require('node:child_process')
  const { writeFileSync } = require('node:fs')
  const here = (name) => writeFileSync(name + '.pid', String(process.pid))
  const head = 'const { writeFileSync } = require("node:fs");'
  const part = (name, code, detached = false) => {
    const said = 'writeFileSync(' + JSON.stringify(name + '.pid') + ', String(process.pid));'
    const stay = 'setInterval(() => {}, 1e6);'
    const args = ['-e', head + code + said + stay]
    return spawn(process.execPath, args, { detached, stdio: 'inherit' })
  }`

const defies = JSON.stringify(`process.on('SIGTERM', () => {});`)

const goneWith = async (bed: ProcessBed, host: ReplicaHost): Promise<void> =>
  bed.until('it is gone', () => kindOf(host, 'web-1') === undefined)

suite('a replica with workers', soon, () => {
  test('is gone only when they are, also those that pass over the stop signal', async () => {
    await using bed = await openProcessBed()
    const code = `part('worker', ${defies}); here('leader'); setInterval(() => {}, 1e6)`
    const { host, pids } = await family(bed, code, ['leader', 'worker'])
    host.stop('web-1', ms(300))
    await goneWith(bed, host)
    for (const pid of Object.values(pids)) assert.ok(!bed.isAlive(pid))
    assert.ok(bed.events.some(({ rule }) => rule === 'replica-killed'))
  })

  test('gives them the time to finish what the leader does not wait for', async () => {
    await using bed = await openProcessBed()
    const finishes = JSON.stringify(
      `const end = () => { writeFileSync('done', ''); process.exit() };
       process.on('SIGTERM', () => setTimeout(end, 300));`,
    )
    const code = `part('worker', ${finishes}); here('leader'); setInterval(() => {}, 1e6)`
    const { host, pids } = await family(bed, code, ['leader', 'worker'])
    const template = bed.program('unused', '')
    host.stop('web-1', ms(20_000))
    await goneWith(bed, host)
    for (const pid of Object.values(pids)) assert.ok(!bed.isAlive(pid))
    assert.ok(existsSync(join(template.cwd, 'done')))
    assert.ok(!bed.events.some(({ rule }) => rule === 'replica-killed'))
  })

  test('takes one with it that made a session of its own', async () => {
    await using bed = await openProcessBed()
    const code = `part('daemon', '', true).unref(); here('leader'); setInterval(() => {}, 1e6)`
    const { host, pids } = await family(bed, code, ['leader', 'daemon'])
    host.stop('web-1', ms(20_000))
    await goneWith(bed, host)
    for (const pid of Object.values(pids)) assert.ok(!bed.isAlive(pid))
  })

  test('does not share a port with what a crash left behind', async () => {
    await using bed = await openProcessBed()
    const code = `part('worker', ${defies}); here('leader'); setInterval(() => {}, 1e6)`
    const { host, pids } = await family(bed, code, ['leader', 'worker'])
    bed.crash(pids.leader ?? 0)
    await bed.until('it is restarted', () => {
      const replica = host.observe()[0]
      return replica?.restarts === 1 && replica.state.kind === 'running'
    })
    assert.ok(!bed.isAlive(pids.worker ?? 0))
  })

  test('that lost its guard is ended as a whole', async () => {
    await using bed = await openProcessBed()
    const code = `
      part('worker', ${defies})
      part('daemon', '', true).unref()
      here('leader')
      setInterval(() => {}, 1e6)`
    const { host, pids } = await family(bed, code, ['leader', 'worker', 'daemon'])
    bed.killGuard('web-1')
    await bed.until('it is lost', () => kindOf(host, 'web-1') === 'lost')
    host.stop('web-1', ms(300))
    await goneWith(bed, host)
    for (const pid of Object.values(pids)) assert.ok(!bed.isAlive(pid))
  })

  test('that somebody froze is ended all the same', async () => {
    await using bed = await openProcessBed()
    const code = `
      process.on('SIGTERM', () => process.exit())
      here('leader')
      setInterval(() => {}, 1e6)`
    const { host, pids } = await family(bed, code, ['leader'])
    process.kill(pids.leader ?? 0, 'SIGSTOP')
    host.stop('web-1', ms(20_000))
    await goneWith(bed, host)
    assert.ok(!bed.events.some(({ rule }) => rule === 'replica-killed'), 'it was woken to end')
  })
})

test('a guard that is asked to end by SIGTERM ends its replica first', soon, async () => {
  await using bed = await openProcessBed()
  const { host, pids } = await family(bed, `here('leader'); setInterval(() => {}, 1e6)`, ['leader'])
  const guard = bed.guardPid('web-1')
  process.kill(guard, 'SIGTERM')
  await goneWith(bed, host)
  assert.ok(!bed.isAlive(pids.leader ?? 0))
  await bed.until('so is the guard', () => !bed.isAlive(guard))
})
