// What is lost when a member comes back to a primary, and is broken off? With Debian's PostgreSQL
// 15 and its pg_rewind.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import {
  descendantsOf,
  identify,
  isAlive,
  type ProcessIdentity,
  signalProcess,
  statOf,
} from '../../src/control/processes.ts'
import { openPostgres } from '../../src/databases/engines/postgresql/engine.ts'
import { ms } from '../../src/foundation/time.ts'
import {
  alone,
  anyOf,
  type MemberKind,
  patience,
  Scene,
  soon,
} from '../conformance/database-scene.ts'
import { ahead, caughtUp, insert, pending, received } from '../conformance/database-watch.ts'
import { connectPostgres } from './postgresql-client.ts'
import { openTcpProxy } from './tcp-proxy.ts'
import { until } from './waiting.ts'

const home = '/usr/lib/postgresql/15/bin'
const kind: MemberKind = {
  name: 'PostgreSQL 15 as installed',
  open: openPostgres,
  copies: true,
  home,
  connect: connectPostgres,
}

/** More than all questions are answered with, and less than one file of the log. */
const intoTheCopy = 4 * 1024 * 1024

/** m2 leads at epoch 2, and m1, which is down, has a row that was never acknowledged. */
async function parted(scene: Scene): Promise<void> {
  await scene.begin(anyOf('m2'))
  await scene.query('m1', insert(1))
  await caughtUp(scene, 'm2', 'm1')
  await scene.engine('m2').freeze(soon())
  const last = await received(scene, 'm2')
  const waiting = pending(scene.query('m1', insert(2)))
  const isWritten = async () => ahead(await received(scene, 'm1'), last) > 0
  await until('m1 has a row that nobody else has', isWritten, patience)
  await scene.seat('m1').host.crash()
  await assert.rejects(waiting.outcome)
  await scene.engine('m2').promote({ epoch: 2, acks: alone }, soon())
  await scene.query('m2', insert(3))
}

/** The process of a program that works in a folder. */
function workingIn(folder: string, program: string): ProcessIdentity {
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    if (statOf(Number(name))?.name !== program) continue
    const found = identify(Number(name))
    if (found !== undefined && readlinkSync(`/proc/${name}/cwd`) === folder) return found
  }
  throw new Error(`no ${program} works in ${folder}`)
}

/** Has m1 rewound until pg_rewind is in the middle of copying, and calls `then` at that moment. */
async function breakOff(scene: Scene, then: () => void): Promise<void> {
  const { address } = scene.seat('m2').options
  let passed = 0
  let isRewinding = false
  const agent = new AbortController()
  await using proxy = await openTcpProxy(address.port, (_, direction, chunk) => {
    if (!isRewinding || direction !== 'to-client') return
    passed += chunk.length
    if (passed > intoTheCopy) proxy.blackhole(true, ['to-client'])
  })
  const order = {
    ...scene.order('m2', 'rewind', 'epoch-1'),
    primary: { ...address, port: proxy.port },
    progress: () => {
      isRewinding = true
    },
  }
  const broken = pending(scene.engine('m1').follow(order, agent.signal))
  await Promise.race([
    broken.outcome,
    until('it is being copied', () => passed > intoTheCopy, patience),
  ])
  assert.equal(broken.done(), false)
  try {
    then()
  } finally {
    agent.abort()
  }
  await assert.rejects(broken.outcome)
}

function rewinding(): void {
  test('knows what was broken off while it was rewound, and copies it anew', async () => {
    await using scene = await Scene.open(kind, 2)
    await parted(scene)
    await breakOff(scene, () => {})
    await scene.reopen('m1')
    const sight = await scene.look('m1')
    assert.equal(sight.server, 'absent')
    assert.match(sight.why ?? '', /half rewound/)
    await assert.rejects(scene.engine('m1').freeze(soon()))
    await scene.engine('m1').follow(scene.order('m2', 'rewind', 'epoch-1'), soon())
    await scene.receives('m1', 'm2')
    await scene.shows('m1', 3)
    assert.deepEqual(await scene.ids('m1'), [1, 3])
    await scene.engine('m1').stop(ms(30_000), soon())
    assert.equal((await scene.look('m1')).server, 'stopped')
  })

  test('lets no pg_rewind go on in what is copied after it', async () => {
    await using scene = await Scene.open(kind, 2)
    await parted(scene)
    let left: ProcessIdentity | undefined
    using _ = { [Symbol.dispose]: () => left && signalProcess(left, 'SIGKILL') }
    await breakOff(scene, () => {
      left = workingIn(scene.seat('m1').options.data, 'pg_rewind')
      // It does not hear that it is to end, as one that waits for a disk.
      process.kill(left.pid, 'SIGSTOP')
    })
    assert.ok(left !== undefined && isAlive(left))
    await scene.engine('m1').follow(scene.order('m2', 'clone', 'epoch-1'), soon())
    assert.equal(isAlive(left), false)
    await scene.receives('m1', 'm2')
    await scene.shows('m1', 3)
  })

  test('rewinds, and leaves no mark; heeds one of an earlier version', async () => {
    await using scene = await Scene.open(kind, 2)
    await parted(scene)
    const { data } = scene.seat('m1').options
    await scene.engine('m1').follow(scene.order('m2', 'rewind', 'epoch-1'), soon())
    await scene.receives('m1', 'm2')
    await scene.shows('m1', 3)
    assert.deepEqual(await scene.ids('m1'), [1, 3])
    assert.ok(!scene.told.some(({ rule }) => rule === 'rewind-failed'))
    assert.equal(existsSync(`${data}.half`), false)
    await scene.engine('m1').stop(ms(30_000), soon())
    writeFileSync(join(data, 'alwayson.half'), '')
    assert.equal((await scene.look('m1')).server, 'absent')
    await scene.engine('m1').follow(scene.order('m2', 'follow'), soon())
    await scene.receives('m1', 'm2')
  })

  test('begins anew where half rewound data were removed by hand', async () => {
    await using scene = await Scene.open(kind, 1)
    const { data } = scene.seat('m1').options
    writeFileSync(`${data}.half`, '')
    assert.equal((await scene.look('m1')).why, undefined)
    await scene.engine('m1').initialise(soon())
    assert.equal((await scene.look('m1')).server, 'stopped')
  })
}

/** The files and folders that are put on disk while `work` is done, in their order. */
async function puttingOnDisk(t: TestContext, work: () => Promise<void>): Promise<string[]> {
  const paths: string[] = []
  const any = await open('/dev/null')
  const handles = Object.getPrototypeOf(any) as { sync(this: { fd: number }): Promise<void> }
  await any.close()
  const { sync } = handles
  const tapped = t.mock.method(handles, 'sync', async function (this: { fd: number }) {
    paths.push(readlinkSync(`/proc/self/fd/${this.fd}`))
    // How far it is at that moment tells what comes before what.
    for (const path of paths) if (existsSync(join(path, 'summary.json'))) paths.push('summary')
    await sync.call(this)
  })
  await work()
  tapped.mock.restore()
  return paths
}

function tails(): void {
  test('has what is set aside on disk before it says so, and before it is undone', async (t) => {
    await using scene = await Scene.open(kind, 2)
    await parted(scene)
    const folder = join(scene.seat('m1').options.aside, 'epoch-1')
    const paths = await puttingOnDisk(t, async () => {
      await scene.engine('m1').follow(scene.order('m2', 'rewind', 'epoch-1'), soon())
    })
    const written = paths.indexOf('summary')
    assert.ok(written > 0)
    const logs = readdirSync(folder).filter((name) => !/summary|records/.test(name))
    assert.ok(logs.length > 0)
    const before = paths.slice(0, written)
    for (const path of [...logs.map((name) => join(folder, name)), folder]) {
      assert.ok(before.includes(path), `${path} is not on disk before the summary`)
    }
  })

  test('has a copy on disk before it takes the place of what was there', async (t) => {
    await using scene = await Scene.open(kind, 2)
    await scene.begin()
    const { data } = scene.seat('m2').options
    const paths = await puttingOnDisk(t, async () => {
      await scene.engine('m2').follow(scene.order('m1', 'clone', 'again'), soon())
    })
    const placed = paths.indexOf(dirname(data))
    assert.ok(placed > 0)
    const before = paths.slice(0, placed)
    for (const name of ['', 'PG_VERSION', 'global', 'global/pg_control', 'base/1/PG_VERSION']) {
      assert.ok(before.includes(join(`${data}.copying`, name)), `${name} is not on disk`)
    }
    await scene.receives('m2', 'm1')
  })

  test('takes nothing for a tail that a replica received until it was ended', async () => {
    await using scene = await Scene.open(kind, 2)
    await scene.begin()
    const { host, options } = scene.seat('m2')
    const end = host.end.bind(host)
    host.end = async (...how) => {
      await scene.query('m1', insert(1))
      await scene.shows('m2', 1)
      await end(...how)
    }
    await scene.engine('m2').follow(scene.order('m1', 'clone', 'again'), soon())
    host.end = end
    await scene.receives('m2', 'm1')
    await scene.shows('m2', 1)
    assert.deepEqual(
      scene.told.filter(({ rule }) => rule === 'tail-set-aside'),
      [],
    )
    assert.equal(existsSync(join(options.aside, 'again')), false)
  })
}

/** An agent that runs a program for a member, and nothing else. */
const agentCode = (owner: string): string =>
  `import { runAs } from ${JSON.stringify(owner)}
   const more = { cwd: '/', env: {} }
   await runAs(undefined, '/bin/sleep', ['600'], more, new AbortController().signal)`

test('has a program end with its agent, also with one that is killed', async () => {
  const owner = join(import.meta.dirname, '../../src/databases/engines/postgresql/owner.ts')
  const args = ['--input-type=module', '-e', agentCode(owner)]
  const agent = spawn(process.execPath, args, { stdio: 'ignore' })
  const pid = agent.pid ?? 0
  let program: ProcessIdentity | undefined
  try {
    await until('it runs', () => {
      program = descendantsOf(pid).find((each) => statOf(each.pid)?.name === 'sleep')
      return program !== undefined
    })
    agent.kill('SIGKILL')
    await until('it has ended', () => program !== undefined && !isAlive(program))
  } finally {
    agent.kill('SIGKILL')
    if (program !== undefined) signalProcess(program, 'SIGKILL')
  }
})

if (existsSync(home)) {
  suite('PostgreSQL 15 comes back to a primary', () => {
    rewinding()
    tails()
  })
} else test('PostgreSQL 15 comes back to a primary', { skip: `${home} is not here` }, () => {})
