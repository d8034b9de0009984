// The promises that every engine of a database member keeps, tried on real servers.

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { describeError, Fault } from '../../src/foundation/fault.ts'
import { ms } from '../../src/foundation/time.ts'
import { until } from '../engines/waiting.ts'
import { failovers } from './database-failovers.ts'
import { restarts } from './database-restarts.ts'
import {
  accounts,
  alone,
  anyOf,
  type Define,
  type MemberKind,
  patience,
  Scene,
  soon,
} from './database-scene.ts'
import { ahead, insert, isAhead, pending, received } from './database-watch.ts'

/** Runs the suite; `skip` names a promise that an engine cannot keep, and why. */
export function databaseMemberConformance(
  kind: MemberKind,
  skip: Readonly<Record<string, string>> = {},
): void {
  const promise: Define = (title, count, run) => {
    test(title, { skip: skip[title] ?? false }, async () => {
      await using scene = await Scene.open(kind, count)
      await run(scene)
    })
  }
  suite(`${kind.name} is a MemberEngine`, () => {
    beginnings(promise)
    looks(promise)
    acknowledgements(promise)
    if (kind.vouchers !== undefined) vouching(promise, kind.vouchers)
    failovers(promise)
    troubles(promise)
    if (kind.changes !== undefined) restarts(promise, kind.changes)
  })
}

function beginnings(promise: Define): void {
  promise('is absent before anything was made, and cannot be promoted', 1, async (scene) => {
    const sight = await scene.look('m1')
    assert.equal(sight.server, 'absent')
    assert.equal(sight.writable, false)
    assert.equal(sight.received, undefined)
    await assert.rejects(
      scene.engine('m1').promote({ epoch: 1, acks: alone }, soon()),
      (thrown) => thrown instanceof Fault && thrown.remedy !== undefined,
    )
  })

  promise('makes the first data, stopped, and only once', 1, async (scene) => {
    await scene.engine('m1').initialise(soon())
    const sight = await scene.look('m1')
    assert.equal(sight.server, 'stopped')
    assert.ok(sight.received !== undefined)
    await scene.engine('m1').initialise(soon())
    assert.deepEqual((await scene.look('m1')).received, sight.received)
  })

  promise('refuses a folder that holds something else, and leaves it alone', 1, async (scene) => {
    const { data } = scene.seat('m1').options
    mkdirSync(data, { mode: 0o700 })
    writeFileSync(join(data, 'letter.txt'), 'mine')
    await assert.rejects(
      scene.engine('m1').initialise(soon()),
      (thrown) => thrown instanceof Fault && thrown.remedy !== undefined,
    )
    assert.deepEqual(readdirSync(data), ['letter.txt'])
  })

  promise('promotes one that stands alone, once an epoch', 1, async (scene) => {
    const engine = scene.engine('m1')
    await engine.initialise(soon())
    await engine.freeze(soon())
    const frozen = await scene.look('m1')
    assert.equal(frozen.server, 'replica')
    assert.equal(frozen.writable, false)
    await engine.promote({ epoch: 1, acks: alone }, soon())
    await scene.query('m1', 'CREATE TABLE entries (id INT PRIMARY KEY, note VARCHAR(80))')
    await scene.query('m1', insert(1))
    const before = await scene.look('m1')
    assert.equal(before.server, 'primary')
    assert.equal(before.writable, true)
    assert.ok(before.acks !== undefined)
    assert.equal(before.acks.needed, 0)
    assert.ok(ahead(before.received, frozen.received) > 0)
    const client = await scene.client('m1')
    await engine.promote({ epoch: 1, acks: alone }, soon())
    await client.query(insert(2))
    assert.deepEqual(await scene.ids('m1'), [1, 2])
    assert.equal((await scene.look('m1')).received?.line, before.received?.line)
    await engine.tryWrite(soon())
  })

  promise('lets nobody in before it was told that it may', 1, async (scene) => {
    const engine = scene.engine('m1')
    await engine.initialise(soon())
    const table = 'CREATE TABLE entries (id INT PRIMARY KEY, note VARCHAR(80))'
    const refused = new Error('not yet')
    const opens = async (): Promise<void> => {
      await assert.rejects(scene.query('m1', table))
      throw refused
    }
    const isRefused = (thrown: unknown): boolean => describeError(thrown).includes('not yet')
    for (const _ of [1, 2]) {
      await assert.rejects(engine.promote({ epoch: 1, acks: alone, opens }, soon()), isRefused)
      await assert.rejects(scene.query('m1', table))
    }
    await engine.promote({ epoch: 1, acks: alone }, soon())
    await scene.query('m1', table)
    let told = 0
    const again = async (): Promise<void> => {
      told += 1
    }
    await engine.promote({ epoch: 1, acks: alone, opens: again }, soon())
    assert.equal(told, 1)
  })

  promise('never boots so that clients could write', 1, async (scene) => {
    const { engine, host } = scene.seat('m1')
    await scene.begin()
    await scene.query('m1', insert(1))
    for (const end of [
      () => host.crash(),
      () => engine.stop(ms(30_000), soon()),
      () => host.end('SIGTERM', ms(30_000)),
    ]) {
      await end()
      const down = await scene.look('m1')
      assert.equal(down.server, 'stopped')
      assert.equal(down.writable, false)
      await engine.freeze(soon())
      const sight = await scene.look('m1')
      assert.equal(sight.server, 'replica')
      assert.equal(sight.writable, false)
      await assert.rejects(scene.query('m1', insert(2)))
      assert.deepEqual(await scene.ids('m1'), [1])
    }
  })

  promise('says of one that was stopped cleanly what it has', 1, async (scene) => {
    const { engine } = scene.seat('m1')
    await scene.begin()
    await scene.query('m1', insert(1))
    const running = await received(scene, 'm1')
    await engine.stop(ms(30_000), soon())
    const stopped = await received(scene, 'm1')
    assert.ok(ahead(stopped, running) >= 0)
    await engine.freeze(soon())
    assert.deepEqual(await received(scene, 'm1'), stopped)
  })
}

function looks(promise: Define): void {
  promise('tells what is so although another look is given up meanwhile', 1, async (scene) => {
    await scene.begin()
    const engine = scene.engine('m1')
    for (let turn = 0; turn < 5; turn += 1) {
      const stop = new AbortController()
      const given = engine.look(stop.signal).catch(() => undefined)
      const other = engine.look(soon())
      stop.abort(new Error('something else was ordered'))
      await given
      const { server, writable, received } = await other
      assert.deepEqual([server, writable], ['primary', true])
      assert.ok(received !== undefined)
    }
  })
}

function acknowledgements(promise: Define): void {
  promise('lets a commit wait for any one of two', 3, async (scene) => {
    await scene.begin(anyOf('m2', 'm3'))
    const [m2, m3] = [scene.seat('m2').host, scene.seat('m3').host]
    assert.deepEqual((await scene.look('m1')).acks, anyOf('m2', 'm3'))
    await scene.query('m1', insert(1))
    m2.suspend()
    await scene.query('m1', insert(2))
    m3.suspend()
    const waiting = pending(scene.query('m1', insert(3)))
    await isAhead(scene, 'm1', 'm2', 'm3')
    assert.equal(waiting.done(), false)
    await assert.rejects(scene.engine('m1').tryWrite(soon(300)))
    assert.equal(waiting.done(), false)
    m3.resume()
    await waiting.outcome
    await scene.engine('m1').tryWrite(soon())
    m2.resume()
    await scene.shows('m2', 3)
  })

  promise('acknowledges by another set from when it says so', 3, async (scene) => {
    await scene.begin(anyOf('m2', 'm3'))
    const { engine } = scene.seat('m1')
    await engine.setAcks(anyOf('m3'), soon())
    assert.deepEqual((await scene.look('m1')).acks, anyOf('m3'))
    scene.seat('m3').host.suspend()
    const waiting = pending(scene.query('m1', insert(1)))
    await isAhead(scene, 'm1', 'm3')
    assert.equal(waiting.done(), false)
    await engine.setAcks(anyOf('m2', 'm3'), soon())
    await waiting.outcome
    assert.deepEqual((await scene.look('m1')).acks, anyOf('m2', 'm3'))
    scene.seat('m2').host.suspend()
    // Those who may take over are named where nobody has to acknowledge, too.
    await engine.setAcks({ members: ['m2'], needed: 0 }, soon())
    await scene.query('m1', insert(2))
    assert.equal((await scene.look('m1')).acks?.needed, 0)
  })

  promise('tells who receives, and up to where', 3, async (scene) => {
    await scene.begin(anyOf('m2', 'm3'))
    await scene.query('m1', insert(1))
    await until(
      'both confirm all of it',
      async () => {
        const { receivers, received: all } = await scene.look('m1')
        return ['m2', 'm3'].every(
          (name) => receivers[name] !== undefined && ahead(receivers[name], all) >= 0,
        )
      },
      patience,
    )
    const { receivedAt, upstream, lag } = await scene.look('m2')
    assert.equal(upstream, 'm1')
    assert.ok(receivedAt !== undefined)
    assert.ok(lag === undefined || lag >= 0)
  })
}

function vouching(promise: Define, vouchers: NonNullable<MemberKind['vouchers']>): void {
  promise('finds out who vouches for a primary', 3, async (scene) => {
    await scene.begin(anyOf('m2', 'm3'))
    const { options } = scene.seat('m1')
    const socket = vouchers.socketOf(options)
    const { port } = options.address
    const plan = { engine: scene.kind.name, socket, port, account: accounts.admin }
    const ask = (within: number): Promise<readonly string[]> =>
      vouchers.find(plan, ['m2', 'm3'], soon(within))
    assert.deepEqual((await ask(patience)).toSorted(), ['m2', 'm3'])
    scene.seat('m2').host.suspend()
    assert.deepEqual(await ask(8000), ['m3'])
  })
}

function troubles(promise: Define): void {
  promise('does not wait for a hung server longer than it is told', 1, async (scene) => {
    await scene.begin()
    const { engine, host } = scene.seat('m1')
    host.suspend()
    await assert.rejects(engine.tryWrite(soon(300)))
    await assert.rejects(engine.tryWrite(soon(300)))
    await engine.look(soon(300)).then(
      ({ writable }) => assert.equal(writable, false),
      (thrown) => assert.ok(thrown instanceof Fault),
    )
    await engine.freeze(soon())
    const sight = await scene.look('m1')
    assert.equal(sight.server, 'replica')
    assert.equal(sight.writable, false)
  })

  promise('goes on with a server that another agent started', 2, async (scene) => {
    await scene.begin(anyOf('m2'))
    await scene.reopen('m1')
    await scene.reopen('m2')
    const sight = await scene.look('m1')
    assert.equal(sight.server, 'primary')
    assert.equal(sight.writable, true)
    assert.deepEqual(sight.acks, anyOf('m2'))
    assert.equal((await scene.look('m2')).upstream, 'm1')
    await scene.engine('m1').promote({ epoch: 1, acks: anyOf('m2') }, soon())
    await scene.query('m1', insert(1))
    await scene.shows('m2', 1)
  })

  promise('says so when its account is not let in', 1, async (scene) => {
    await scene.begin()
    const admin = { ...accounts.admin, password: 'wrong' }
    await scene.reopen('m1', { accounts: { ...accounts, admin } })
    const sight = await scene.look('m1')
    assert.equal(sight.server, 'broken')
    assert.ok(sight.why !== undefined)
    assert.ok(!sight.why.includes('wrong'))
  })

  promise('does not follow a database of another origin', 2, async (scene) => {
    await scene.begin()
    const other = scene.engine('m2')
    await other.stop(ms(30_000), soon())
    await using foreign = await Scene.open(scene.kind, 1)
    await foreign.begin(alone, true)
    const { address } = foreign.seat('m1').options
    for (const way of ['follow', 'rewind', 'clone'] as const) {
      const order = { primary: address, way, label: way, progress: () => {} }
      await assert.rejects(
        other.follow(order, soon()),
        (thrown) => thrown instanceof Fault && thrown.remedy !== undefined,
      )
    }
    await other.follow(scene.order('m1', 'follow'), soon())
    await scene.receives('m2', 'm1')
  })
}
