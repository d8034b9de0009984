// What a replica says: kept whole, without its secrets, and never at the replica's expense.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { openProcessBed, type ProcessBed } from '../../../../test/support/process-bed.ts'
import { ms } from '../../../foundation/time.ts'
import { guardPaths, guardsFolder, logsFolder } from '../../guard/record.ts'
import type { ReplicaHost } from '../../host.ts'
import type { RunTemplate } from '../../model.ts'

const soon = { timeout: 180_000 }

const kindOf = (host: ReplicaHost, id: string): string | undefined =>
  host.observe().find((replica) => replica.id === id)?.state.kind

async function start(bed: ProcessBed, template: RunTemplate): Promise<ReplicaHost> {
  const host = await bed.open()
  host.start({ id: 'web-1', service: 'web', revision: 1, template })
  return host
}

const logHas = (bed: ProcessBed, text: string) => (): boolean => {
  const path = guardPaths(bed.folder, 'web-1').log
  return statSync(path, { throwIfNoEntry: false }) !== undefined && bed.log('web-1').includes(text)
}

suite('the output of a replica', soon, () => {
  test('goes into its log, also what is written to /dev/stdout by name', async () => {
    await using bed = await openProcessBed()
    const line = 'echo one; echo two > /dev/stderr; echo three > /dev/stdout; exec sleep 1000'
    await start(bed, bed.program('sh', '', { argv: ['/bin/sh', '-c', line] }))
    for (const word of ['two', 'three']) await bed.until('it is there', logHas(bed, word))
    assert.deepEqual(bed.log('web-1').trim().split('\n').toSorted(), ['one', 'three', 'two'])
    assert.equal(statSync(guardPaths(bed.folder, 'web-1').log).mode & 0o777, 0o600)
    assert.equal(statSync(logsFolder(bed.folder)).mode & 0o777, 0o700)
    const left = readdirSync(guardsFolder(bed.folder)).toSorted()
    assert.deepEqual(left, ['web-1.json', 'web-1.sock', 'web-1.trouble'])
  })

  test('is quoted when it ends: the last words say why', async () => {
    await using bed = await openProcessBed()
    const code = `console.log('starting'); throw new Error('no database at db-1')`
    await start(bed, bed.program('dies', code))
    await bed.until('the exit is told', () => bed.events.some((e) => e.rule === 'replica-exited'))
    const exit = bed.events.find(({ rule }) => rule === 'replica-exited')
    assert.ok(JSON.stringify(exit?.seen.lastWords).includes('no database at db-1'))
    assert.match(exit?.why ?? '', /^exit code 1 after .*; it is tried again in /)
  })

  test('may go on after the guard has died, so that requests come to their end', async () => {
    await using bed = await openProcessBed()
    const code = `
      let n = 0
      setInterval(() => console.log('line ' + (n += 1)), 5)
      require('node:http').createServer((_, r) => r.end(String(n))).listen(process.env.PORT)`
    const host = await start(bed, bed.program('talks', code))
    await bed.until('it talks', logHas(bed, 'line 5'))
    bed.killGuard('web-1')
    await bed.until('it is lost', () => kindOf(host, 'web-1') === 'lost')
    const { port } = host.observe()[0] ?? assert.fail('it is there')
    const count = async (): Promise<number> =>
      Number(await (await fetch(`http://127.0.0.1:${port}/`)).text())
    const before = await count()
    while ((await count()) < before + 50) await new Promise((resolve) => setTimeout(resolve, 20))
  })

  test('is kept also of the last line, without a newline, of one that is killed', async () => {
    await using bed = await openProcessBed()
    const host = await start(
      bed,
      bed.program('prompt', `process.stdout.write('waiting'); setInterval(() => {}, 1e6)`),
    )
    await bed.until('it is shown although the line is not complete', logHas(bed, 'waiting\n'))
    host.stop('web-1', ms(20_000))
    await bed.until('it is gone', () => kindOf(host, 'web-1') === undefined)
    assert.equal(bed.log('web-1'), 'waiting\n')
  })
})

test('secrets are seen nowhere but in the replica', soon, async () => {
  await using bed = await openProcessBed()
  const secret = 'hunter2-Käse/+='
  const code = `
    const half = process.env.TOKEN.length >> 1
    process.stdout.write('token ' + process.env.TOKEN.slice(0, half))
    setTimeout(() => {
      process.stdout.write(process.env.TOKEN.slice(half) + '\\n')
      console.error('cannot log in as ' + process.env.TOKEN)
      setTimeout(() => process.exit(7), 50)
    }, 50)`
  const template = bed.program('leaks', code, { env: { TOKEN: secret }, secrets: [secret] })
  const host = await start(bed, template)
  await bed.until('it has ended twice', () => (host.observe()[0]?.restarts ?? 0) >= 2)
  assert.match(bed.log('web-1'), /^token \*\*\*$/m)
  assert.match(bed.log('web-1'), /^cannot log in as \*\*\*$/m)
  const pid = bed.guardPid('web-1')
  const seen = [
    bed.log('web-1'),
    JSON.stringify(bed.events),
    JSON.stringify(host.observe()),
    readFileSync(guardPaths(bed.folder, 'web-1').record, 'utf8'),
    readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
    readFileSync(`/proc/${pid}/environ`, 'utf8'),
  ]
  for (const text of seen) assert.ok(!text.includes('hunter2'))
  assert.ok(!readFileSync(`/proc/${pid}/environ`, 'utf8').includes('ALWAYSON_TEST_BED'))
})

test('a reason that names a program hides a secret in it', soon, async () => {
  await using bed = await openProcessBed()
  const argv = ['./run-hunter2hunter2']
  await start(bed, bed.program('none', '', { argv, secrets: ['hunter2hunter2'] }))
  await bed.until('it is told', () => bed.events.some((e) => e.rule === 'replica-unstartable'))
  const told = bed.events.find(({ rule }) => rule === 'replica-unstartable')
  assert.match(told?.why ?? '', /run-\*\*\* does not exist/)
  assert.ok(!JSON.stringify(bed.events).includes('hunter2'))
})

test('a flood of output is rotated, in whole lines, and held back by the pipe', soon, async () => {
  await using bed = await openProcessBed()
  const code = `
    let n = 0
    const line = () => String(n++).padStart(9, '0') + ' ' + 'x'.repeat(90) + '\\n'
    const more = () => {
      while (process.stdout.write(line()));
      process.stdout.once('drain', more)
    }
    more()`
  const logs = { size: 1_000_000, keep: 2 }
  const host = await start(bed, bed.program('floods', code, { logs }))
  const path = guardPaths(bed.folder, 'web-1').log
  const number = (file: string): number => Number(readFileSync(file, 'utf8').slice(0, 9))
  await bed.until('it was rotated often', () => {
    const there = statSync(`${path}.2`, { throwIfNoEntry: false }) !== undefined
    return there && number(`${path}.2`) > 200_000
  })
  const pid = bed.guardPid('web-1')
  const memory = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  host.stop('web-1', ms(20_000))
  await bed.until('it is gone', () => kindOf(host, 'web-1') === undefined)
  const text = [`${path}.2`, `${path}.1`, path].map((file) => readFileSync(file, 'utf8')).join('')
  const lines = text.trimEnd().split('\n')
  const first = Number(lines[0]?.slice(0, 9))
  for (const [index, line] of lines.entries()) {
    // The last line may be cut: the replica was ended while it wrote it.
    if (index < lines.length - 1) assert.equal(line.length, 100)
    assert.equal(Number(line.slice(0, 9)), first + index)
  }
  assert.ok(statSync(path).size <= logs.size)
  assert.ok(memory < 200_000, `the guard grew to ${memory} kB`)
})

/** Makes `folder` a file system of its own of 512 KiB; says why if it cannot. */
function mountSmall(folder: string): string | undefined {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'alwayson-test', folder])
  if (mounted.status === 0) return undefined
  return `no file system can be mounted here (root is needed): ${mounted.stderr}`
}

test('a full disk costs lines and never the replica', soon, async (t) => {
  await using bed = await openProcessBed()
  const why = mountSmall(bed.folder)
  if (why !== undefined) return t.skip(why)
  bed.afterwards(() => spawnSync('umount', [bed.folder]))
  const code = `
      let n = 0
      setInterval(() => { n += 1; console.log('line ' + n + ' ' + 'x'.repeat(1000)) }, 1)
      require('node:http').createServer((_, r) => r.end(String(n))).listen(process.env.PORT)`
  const host = await start(bed, bed.program('talks', code))
  await bed.until('it runs', () => kindOf(host, 'web-1') === 'running')
  const ballast = join(bed.folder, 'ballast')
  await bed.until('the disk is full', () => {
    try {
      writeFileSync(ballast, Buffer.alloc(600_000))
    } catch {
      return true
    }
    return false
  })
  await bed.until('that is told', () => bed.events.some((e) => e.rule === 'log-cut-short'))
  const { port } = host.observe()[0] ?? assert.fail('it is there')
  const count = async (): Promise<number> =>
    Number(await (await fetch(`http://127.0.0.1:${port}/`)).text())
  const before = await count()
  while ((await count()) < before + 500) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(host.observe()[0]?.restarts, 0)
  rmSync(ballast)
  await bed.until('lines are kept again', () => bed.events.some((e) => e.rule === 'log-resumed'))
  assert.match(bed.log('web-1'), /^alwayson: \d+ lines lost: disk full$/m)
  host.stop('web-1', ms(20_000))
  await bed.until('it is gone', () => kindOf(host, 'web-1') === undefined)
  for (const line of bed.log('web-1').trimEnd().split('\n')) {
    assert.match(line, /^(line \d+ x{1000}|alwayson: \d+ lines lost: disk full)$/)
  }
})
