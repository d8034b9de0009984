// The promises of the recipes: who takes part, who may, who leads, and what is agreed on.

import assert from 'node:assert/strict'
import { whyNot } from '../../src/coordination/coordinator.ts'
import { inBarrier } from '../../src/coordination/recipes/barriers.ts'
import { announce, discover, type Instance } from '../../src/coordination/recipes/discovery.ts'
import { json, openDocument } from '../../src/coordination/recipes/documents.ts'
import { whileHolding } from '../../src/coordination/recipes/locks.ts'
import { join, members } from '../../src/coordination/recipes/membership.ts'
import { persevere } from '../../src/coordination/recipes/persevere.ts'
import { inSessions } from '../../src/coordination/zookeeper.ts'
import { ms } from '../../src/foundation/time.ts'
import { until } from '../engines/waiting.ts'
import type { OpenSession, PortScene, PortTest } from './port-scene.ts'

const text = json((value) => {
  assert.equal(typeof value, 'string')
  return value as string
})
const count = json((value) => {
  assert.equal(typeof value, 'number')
  return value as number
})

const coordinate = (scene: PortScene): Promise<OpenSession> => scene.coordinate()

/** Follows something in the background; the values seen so far, and an end to it. */
function seeing<T>(begin: (signal: AbortSignal) => AsyncIterable<T>) {
  const values: T[] = []
  const stop = new AbortController()
  const ended = (async () => {
    for await (const value of begin(stop.signal)) values.push(value)
  })().catch((thrown: unknown) => thrown)
  return {
    values,
    ended,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('seen enough'))
      await ended
    },
  }
}

const never = new AbortController().signal

export function recipePromises(test: PortTest): void {
  test('shows members as they joined, with their values, until they leave', async (scene) => {
    const [one, other, watcher] = await Promise.all([1, 2, 3].map(() => coordinate(scene)))
    await using seen = seeing((signal) => members(watcher!, '/members', text, signal))
    const b = await join(one!, '/members', 'b', 'first', text)
    const a = await join(other!, '/members', 'a', 'second', text)
    const now = () =>
      seen.values
        .at(-1)
        ?.map(({ id, value }) => `${id}=${value}`)
        .join(' ')
    await until('both are seen', () => now() === 'b=first a=second')
    await a.update('changed')
    await until('the change is seen', () => now() === 'b=first a=changed')
    await b[Symbol.asyncDispose]()
    await until('one has left', () => now() === 'a=changed')
    await other![Symbol.asyncDispose]()
    await until('a session has ended', () => now() === '')
    await until('it knows', () => a.lost.aborted)
  })

  test('lets a restarted member take the place of its past, and the past know', async (scene) => {
    const [past, present] = [await coordinate(scene), await coordinate(scene)]
    await using before = await join(past, '/members', 'a', 'past', text)
    await using after = await join(present, '/members', 'a', 'present', text)
    await until('the past knows', () => before.lost.aborted)
    assert.ok(!after.lost.aborted)
    await assert.rejects(before.update('x'), /taken over/)
    assert.equal((await present.read('/members/a'))?.data.toString(), '"present"')
    const node = await present.read('/members/a')
    assert.equal(node?.owner, present.session)
  })

  test('announces instances and finds them again', async (scene) => {
    const [server, caller] = [await coordinate(scene), await coordinate(scene)]
    const instance: Instance = { address: '10.0.0.1', port: 80, zone: 'a', labels: { v: '2' } }
    await using seen = seeing((signal) => discover(caller, '/web', signal))
    await using announced = await announce(server, '/web', 'web-1', instance)
    await until('it is found', () => seen.values.at(-1)?.length === 1)
    assert.deepEqual(seen.values.at(-1)?.[0]?.value, instance)
    await announced[Symbol.asyncDispose]()
    await until('it is gone', () => seen.values.at(-1)?.length === 0)
    await server.write([{ kind: 'create', path: '/web/bad', data: '{"port":"x"}' }])
    assert.match(String(await seen.ended), /no instance/)
  })

  test('loses no update of a document that many change at once', async (scene) => {
    const all = await Promise.all(Array.from({ length: 4 }, () => coordinate(scene)))
    await Promise.all(
      all.map(async (coordinator) => {
        const document = openDocument(coordinator, '/count', count)
        for (let turn = 0; turn < 15; turn += 1) await document.update((n) => (n ?? 0) + 1)
      }),
    )
    await all[0]!.sync()
    const { value, version } = (await openDocument(all[0]!, '/count', count).read())!
    assert.deepEqual([value, version], [60, 59])
  })

  test('makes each update once or says that it does not know, whatever is cut', async (scene) => {
    const { coordinator, network } = await scene.coordinateFaulty()
    const document = openDocument(coordinator, '/count', count)
    let [sure, unsure] = [0, 0]
    for (let turn = 0; turn < 40; turn += 1) {
      const update = document.update((n) => (n ?? 0) + 1)
      if (turn % 2 === 0) setImmediate(() => network.cut())
      try {
        await update
        sure += 1
      } catch (thrown) {
        assert.equal(whyNot(thrown), 'unknown', String(thrown))
        unsure += 1
      }
    }
    await persevere(() => coordinator.sync())
    const { value } = (await document.read())!
    assert.ok(value >= sure && value <= sure + unsure, `${value} of ${sure} to ${sure + unsure}`)
  })

  test('follows a document to its newest value, and refuses one that is none', async (scene) => {
    const [writer, reader] = [await coordinate(scene), await coordinate(scene)]
    const document = openDocument(writer, '/doc', text)
    await using seen = seeing((signal) => openDocument(reader, '/doc', text).follow(signal))
    await until('nothing is seen', () => seen.values.length === 1)
    assert.equal(seen.values[0], undefined)
    const first = await document.replace('one', undefined)
    await assert.rejects(document.replace('x', undefined), (e) => whyNot(e) === 'exists')
    await document.replace('two', first)
    await assert.rejects(document.replace('x', first), (e) => whyNot(e) === 'version')
    await until('the newest is seen', () => seen.values.at(-1)?.value === 'two')
    await writer.write([{ kind: 'set', path: '/doc', data: 'not json' }])
    assert.match(String(await seen.ended), /the document \/doc cannot be read/)
  })

  test('changes a document only while its guards hold', async (scene) => {
    const coordinator = await coordinate(scene)
    await coordinator.write([{ kind: 'create', path: '/epoch' }])
    const guard = { kind: 'check', path: '/epoch', version: 0 } as const
    const document = openDocument(coordinator, '/doc', text)
    await document.update(() => 'one', [guard])
    await coordinator.write([{ kind: 'set', path: '/epoch', data: '' }])
    await assert.rejects(
      document.update(() => 'two', [guard]),
      (e) => whyNot(e) === 'version',
    )
    assert.equal((await document.read())?.value, 'one')
    const orphan = openDocument(coordinator, '/none/doc', text)
    await assert.rejects(
      orphan.update(() => 'x'),
      (e) => whyNot(e) === 'missing',
    )
  })

  test('lets one hold a lock at a time, in the order of asking, tokens rising', async (scene) => {
    const all = await Promise.all(Array.from({ length: 4 }, () => coordinate(scene)))
    const held: number[] = []
    const tokens: bigint[] = []
    let inside = 0
    const use = (at: number) =>
      whileHolding(all[at]!, '/lock', `ticket-${at}`, never, async ({ token }) => {
        inside += 1
        assert.equal(inside, 1)
        held.push(at)
        tokens.push(token)
        await all[at]!.sync()
        inside -= 1
        return at
      })
    const asked: Promise<number>[] = []
    for (const at of all.keys()) {
      asked.push(use(at))
      const queued = async () => {
        const names = (await all[0]!.list('/lock')) ?? []
        return held.includes(at) || names.some((name) => name.startsWith(`ticket-${at}-`))
      }
      await until(`${at} stands in the queue`, queued)
    }
    assert.deepEqual(await Promise.all(asked), [0, 1, 2, 3])
    assert.deepEqual(held, [0, 1, 2, 3])
    assert.deepEqual(
      tokens,
      tokens.toSorted((a, b) => (a < b ? -1 : 1)),
    )
    // What the others gave back, its own server may not have heard of yet.
    await all[0]!.sync()
    assert.deepEqual(await all[0]!.list('/lock'), [])
  })

  test('takes a lock from a session that ended, and refuses its late writes', async (scene) => {
    const timeout = ms(scene.timeoutLeast * 4)
    const { coordinator: first, network } = await scene.coordinateFaulty(timeout)
    const second = await coordinate(scene)
    const inFirst = Promise.withResolvers<AbortSignal>()
    const stale = whileHolding(first, '/lock', 'first', never, async (lock, signal) => {
      inFirst.resolve(signal)
      await until('it is lost', () => signal.aborted)
      return lock
    })
    const held = await inFirst.promise
    network.silence(true)
    const late = Promise.withResolvers<bigint>()
    const fresh = whileHolding(second, '/lock', 'second', never, async ({ token }) => {
      late.resolve(token)
    })
    const token = await late.promise
    await fresh
    const lock = await stale
    assert.ok(held.aborted)
    assert.ok(lock.token < token)
    await assert.rejects(second.write([lock.guard]), (e) => whyNot(e) === 'missing')
  })

  test('leaves the queue of a lock when it is no longer wanted', async (scene) => {
    const [one, other] = [await coordinate(scene), await coordinate(scene)]
    await whileHolding(one, '/lock', 'one', never, async () => {
      const impatient = new AbortController()
      const waiting = whileHolding(other, '/lock', 'other', impatient.signal, async () => {
        assert.fail('it is not its turn')
      })
      await until('it stands there', async () => (await one.list('/lock'))?.length === 2)
      impatient.abort(new Error('no patience'))
      await assert.rejects(waiting, { message: 'no patience' })
      await one.sync()
      assert.equal((await one.list('/lock'))?.length, 1)
    })
  })

  test('finds its place in the queue again when the answer was lost', async (scene) => {
    const { coordinator, network } = await scene.coordinateFaulty()
    for (let turn = 0; turn < 15; turn += 1) {
      const used = whileHolding(coordinator, '/lock', `ticket-${turn}`, never, async () => turn)
      setImmediate(() => network.cut())
      assert.equal(await used, turn)
    }
    assert.deepEqual(await coordinator.list('/lock'), [])
  })

  test('begins together and ends together', async (scene) => {
    const all = await Promise.all(Array.from({ length: 3 }, () => coordinate(scene)))
    let [came, left] = [0, 0]
    const run = all.map(async (coordinator, at) => {
      came += 1
      const policy = { path: '/meeting', id: `m-${at}`, size: 3 }
      const result = await inBarrier(coordinator, policy, never, async () => {
        assert.equal(came, 3)
        await coordinator.sync()
        left += 1
        return at
      })
      assert.equal(left, 3)
      return result
    })
    assert.deepEqual(await Promise.all(run), [0, 1, 2])
    await all[0]!.sync()
    assert.equal(await all[0]!.read('/meeting'), undefined)
  })

  test('goes on in a new session when the old one is over', async (scene) => {
    const sessions: bigint[] = []
    const stop = new AbortController()
    const networks: { silence(on: boolean): void }[] = []
    const open = async () => {
      const timeout = ms(scene.timeoutLeast * 4)
      const { coordinator, network } = await scene.coordinateFaulty(timeout)
      networks.push(network)
      return coordinator
    }
    const result = await inSessions(
      open,
      async (coordinator, signal) => {
        sessions.push(coordinator.session)
        if (sessions.length === 2) return 'done'
        await join(coordinator, '/members', 'a', '', text, signal)
        networks[0]?.silence(true)
        await until('it is over', () => signal.aborted)
        throw signal.reason
      },
      stop.signal,
    )
    assert.equal(result, 'done')
    assert.notEqual(sessions[0], sessions[1])
  })
}
