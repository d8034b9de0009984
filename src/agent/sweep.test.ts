// What an agent that is gone has left is ended, whatever state it is in: with real processes.

import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { until } from '../../test/engines/waiting.ts'
import { isAlive, signalProcess } from '../control/processes.ts'
import { writeWhole } from '../control/whole-file.ts'
import { openGuarded } from '../databases/guard/guarded.ts'
import { guardPaths } from '../databases/guard/paths.ts'
import type { GuardRecord } from '../databases/guard/protocol.ts'
import { Fault } from '../foundation/fault.ts'
import { ms, openClock } from '../foundation/time.ts'
import { databaseFolders } from './database-folders.ts'
import { takeLocks } from './lock.ts'
import { type StatePaths, statePaths } from './paths.ts'
import { sweep } from './sweep.ts'

/** A server that ends by one signal and says by which. */
const server = (log: string, member: string): string => `#!/bin/sh
trap 'echo ${member} SIGINT >> ${log}; exit 0' INT
trap 'echo ${member} SIGTERM >> ${log}; exit 0' TERM
echo ${member} runs >> ${log}
while :; do sleep 0.02; done
`

suite('what an agent that is gone has left', () => {
  let folder: string
  let paths: StatePaths
  let log: string
  const begun: GuardRecord[] = []
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ao-sweep-'))
    paths = statePaths('', join(folder, 's'))
    log = join(folder, 'log')
    writeFileSync(log, '')
  })
  afterEach(() => {
    for (const { guard, server: under } of begun.splice(0)) {
      signalProcess(guard, 'SIGKILL')
      if (under !== undefined) signalProcess(under, 'SIGKILL')
    }
    rmSync(folder, { recursive: true, force: true })
  })

  const folders = () => databaseFolders(paths.folder, false)
  const said = (): readonly string[] => readFileSync(log, 'utf8').trimEnd().split('\n')
  const remaining = (): readonly GuardRecord[] => begun.filter(({ guard }) => isAlive(guard))

  /** A guard as an agent that is killed leaves it, with a server of this name if one is given. */
  async function guard(member: string, program?: string): Promise<GuardRecord> {
    const options = { folder: folders().guards, member, version: '0', event: () => {} }
    const host = await openGuarded({ ...options, clock: openClock() })
    if (program !== undefined) {
      const home = join(folder, member)
      mkdirSync(home)
      const path = join(home, program)
      writeFileSync(path, server(log, member))
      chmodSync(path, 0o700)
      await host.start({ argv: [path], cwd: home, env: {}, log: join(home, 'server.log') })
      await until('it runs', () => said().includes(`${member} runs`))
      // Nobody renews it: it must not cut off what is being ended.
      host.renew({ for: ms(60_000), vouch: undefined })
    }
    const { record: path } = guardPaths(folders().guards, member)
    const record = JSON.parse(readFileSync(path, 'utf8')) as GuardRecord
    begun.push(record)
    host.leave()
    return record
  }

  test('of databases is ended, also a guard that holds nothing', async () => {
    await guard('orders-1')
    assert.deepEqual((await sweep(paths)).members, ['orders-1'])
    assert.deepEqual(remaining(), [])
    assert.deepEqual((await sweep(paths)).members, [], 'nothing is left of it')
  })

  test('of databases ends as its engine ends cleanly, the primary first', async () => {
    await guard('orders-1', 'postgres')
    await guard('orders-2', 'postgres')
    await guard('stock-1', 'mariadbd')
    const record = { phase: { kind: 'serving', primary: 'orders-2' } }
    writeWhole(folders().record('orders'), JSON.stringify({ record }))
    writeWhole(folders().record('stock'), 'not JSON')
    const { members } = await sweep(paths)
    assert.deepEqual(members, ['orders-1', 'orders-2', 'stock-1'])
    assert.deepEqual(remaining(), [])
    const ends = said().filter((line) => !line.endsWith('runs'))
    assert.equal(ends[0], 'orders-2 SIGINT')
    assert.deepEqual(ends.toSorted(), ['orders-1 SIGINT', 'orders-2 SIGINT', 'stock-1 SIGTERM'])
  })

  test('of before a reboot is not said to have run', async () => {
    await guard('orders-1')
    await sweep(paths)
    const { record } = guardPaths(folders().guards, 'orders-1')
    writeWhole(record, JSON.stringify({ ...begun[0], boot: 'another' }))
    assert.deepEqual((await sweep(paths)).members, [])
  })

  test('is ended beside what cannot be, which is told', async () => {
    await guard('orders-1')
    writeFileSync(guardPaths(folders().guards, 'orders-2').record, '{"format":')
    const { members, left } = await sweep(paths)
    assert.deepEqual(members, ['orders-1'])
    assert.deepEqual(remaining(), [])
    assert.deepEqual(
      left.map(({ member }) => member),
      ['orders-2'],
    )
    const [{ cause } = { cause: undefined }] = left
    assert.ok(cause instanceof Fault && cause.remedy !== undefined)
  })

  test('is left alone where an agent has the folder, by whatever name', async () => {
    mkdirSync(paths.folder)
    const link = join(folder, 'link')
    symlinkSync(paths.folder, link)
    const linked = statePaths('', link)
    using lock = await takeLocks([linked.lock, linked.formerLock])
    assert.ok(lock !== undefined)
    await assert.rejects(sweep(paths), (thrown) => {
      assert.ok(thrown instanceof Fault && thrown.code === 'already-running')
      assert.ok(thrown.message.includes(`process ${process.pid}) holds ${paths.folder},`))
      assert.match(thrown.remedy ?? '', new RegExp(`kill ${process.pid}$`))
      return true
    })
  })

  for (const { title, text } of [
    { title: 'cannot be read', text: '{"format":' },
    { title: 'is of a newer version', text: '{"format":99,"state":{}}' },
  ]) {
    test(`is ended although its state ${title}, and that is told`, async () => {
      await guard('orders-1')
      writeFileSync(paths.state, text)
      const { members, notes } = await sweep(paths)
      assert.deepEqual(members, ['orders-1'])
      assert.deepEqual(remaining(), [])
      assert.equal(notes.length, 1)
      assert.ok(notes[0]?.includes(paths.state))
      assert.ok(existsSync(paths.state), 'it stays for the version that can read it')
    })
  }
})
