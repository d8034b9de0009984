// What is started, and why it cannot be.

import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { instant, ms } from '../../foundation/time.ts'
import { describeRefusal, type Launch, launchOf, obstacleOf } from './launch.ts'
import type { GuardOrder } from './protocol.ts'

const guard = { pid: 12, startTicks: 345 }

const order = (differs: Partial<GuardOrder['template']> = {}, environment = {}): GuardOrder => ({
  version: '1',
  id: 'web-2',
  service: 'web',
  revision: 1,
  host: '127.0.0.1',
  port: 40_001,
  startedAt: instant(0),
  environment,
  template: {
    argv: ['node', 'server.js'],
    cwd: '/srv',
    env: {},
    secrets: [],
    stopSignal: 'SIGTERM',
    stopWithin: ms(1000),
    restart: {
      backoff: { first: ms(1), factor: 2, most: ms(1), jitter: 0 },
      wellAfter: ms(1),
      loopAfter: 3,
    },
    logs: { size: 1, keep: 1 },
    ...differs,
  },
})

suite('a launch', () => {
  test('fills in port, host and replica in arguments and in the file’s environment', () => {
    const argv = ['./run-$' + '{replica}', '--listen=$' + '{host}:$' + '{port}', '$' + '{other}']
    const launch = launchOf(
      order({ argv, env: { URL: 'http://$' + '{host}:$' + '{port}/' } }),
      guard,
    )
    assert.equal(launch.program, './run-web-2')
    assert.deepEqual(launch.args, ['--listen=127.0.0.1:40001', '$' + '{other}'])
    assert.equal(launch.env.URL, 'http://127.0.0.1:40001/')
  })

  test('hands out PORT and HOST, unless the file says otherwise', () => {
    const inherited = { PORT: '80', HOST: 'example', HOME: '/root' }
    const { env } = launchOf(order({ env: { HOST: '0.0.0.0' } }, inherited), guard)
    assert.equal(env.PORT, '40001')
    assert.equal(env.HOST, '0.0.0.0')
    assert.equal(env.HOME, '/root')
  })

  test('marks what it starts, whatever it inherits', () => {
    const inherited = { ALWAYSON_REPLICA: 'outer-1', ALWAYSON_GUARD: '1.1' }
    const { env } = launchOf(order({ env: { ALWAYSON_REPLICA: 'x' } }, inherited), guard)
    assert.equal(env.ALWAYSON_REPLICA, 'web-2')
    assert.equal(env.ALWAYSON_GUARD, '12.345')
  })

  test('keeps a compile cache that the user set, and not the launcher’s own', () => {
    const own = { NODE_COMPILE_CACHE: '/root/.cache/alwayson/compiled' }
    assert.equal(launchOf(order({}, own), guard).env.NODE_COMPILE_CACHE, undefined)
    const users = { NODE_COMPILE_CACHE: '/var/cache/node' }
    assert.equal(launchOf(order({}, users), guard).env.NODE_COMPILE_CACHE, '/var/cache/node')
    const told = launchOf(order({ env: own }), guard)
    assert.equal(told.env.NODE_COMPILE_CACHE, own.NODE_COMPILE_CACHE)
  })
})

suite('a launch that cannot be', () => {
  const cases: readonly {
    readonly name: string
    readonly launch: (folder: string) => Partial<Launch>
    readonly says: RegExp | undefined
  }[] = [
    {
      name: 'names the program and where it was looked for',
      launch: (folder) => ({ program: 'nodde', env: { PATH: `${folder}/a:${folder}/bin` } }),
      says: /^there is no program nodde in any folder of PATH \(.*\/a:.*\/bin\)$/,
    },
    {
      name: 'names the file of a program given by its path',
      launch: () => ({ program: './serve' }),
      says: /^the program .*\/serve does not exist$/,
    },
    {
      name: 'tells a file that is not executable',
      launch: () => ({ program: './plain' }),
      says: /^the program .*\/plain is not executable$/,
    },
    {
      name: 'tells one that PATH finds, but that is not executable',
      launch: (folder) => ({ program: 'plain', env: { PATH: folder } }),
      says: /^the program plain, found by PATH, is not executable$/,
    },
    {
      name: 'tells a folder from a program',
      launch: () => ({ program: './bin' }),
      says: /^the program .*\/bin is a folder$/,
    },
    {
      name: 'names a working directory that does not exist',
      launch: (folder) => ({ cwd: join(folder, 'none') }),
      says: /^its working directory .*\/none does not exist$/,
    },
    {
      name: 'names a working directory that is a file',
      launch: (folder) => ({ cwd: join(folder, 'plain') }),
      says: /^its working directory .*\/plain is not a folder$/,
    },
    { name: 'is not one that can', launch: () => ({ program: './bin/tool' }), says: undefined },
    {
      name: 'is not one that a later folder of PATH has',
      launch: (folder) => ({ program: 'tool', env: { PATH: `${folder}/none:${folder}/bin` } }),
      says: undefined,
    },
  ]
  for (const { name, launch, says } of cases) {
    test(name, () => {
      const folder = mkdtempSync(join(tmpdir(), 'launch-'))
      try {
        mkdirSync(join(folder, 'bin'))
        writeFileSync(join(folder, 'plain'), '')
        writeFileSync(join(folder, 'bin', 'tool'), '')
        chmodSync(join(folder, 'bin', 'tool'), 0o755)
        const usual = { program: 'true', args: [], cwd: folder, env: { PATH: '/bin' } }
        const obstacle = obstacleOf({ ...usual, ...launch(folder) })
        if (says === undefined) assert.equal(obstacle, undefined)
        else assert.match(obstacle ?? 'nothing', says)
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  }

  test('is put in words, also where only the system knows', () => {
    const launch: Launch = { program: './run', args: [], cwd: '/', env: {} }
    assert.match(describeRefusal(launch, 'ENOENT'), /interpreter/)
    assert.match(describeRefusal(launch, 'E2BIG'), /longer than the system allows/)
    assert.match(describeRefusal(launch, 'EWHATEVER'), /EWHATEVER/)
    assert.match(describeRefusal(launch, undefined), /no reason given/)
  })
})
