// The promises of the port itself, whatever is behind it: what a write does, all or none, what
// lives with a session, and what watches tell.

import assert from 'node:assert/strict'
import { type CoordinationNews, failedAt, whyNot } from '../../src/coordination/coordinator.ts'
import { persevere } from '../../src/coordination/recipes/persevere.ts'
import { ms } from '../../src/foundation/time.ts'
import { until } from '../engines/waiting.ts'
import type { PortTest } from './port-scene.ts'

const refused = (why: string, at?: number) => (thrown: unknown) => {
  assert.equal(whyNot(thrown), why, String(thrown))
  if (at !== undefined) assert.equal(failedAt(thrown), at)
  return true
}

/** Collects news for comparison. */
function hearing() {
  const news: string[] = []
  const listener = (one: CoordinationNews): void => {
    news.push(one.kind === 'over' ? 'over' : one.path)
  }
  return { news, listener }
}

export function portPromises(test: PortTest): void {
  test('makes, reads, changes and deletes nodes, counting their versions', async (scene) => {
    await using a = await scene.coordinate()
    assert.equal(await a.read('/n'), undefined)
    assert.equal(await a.list('/n'), undefined)
    assert.deepEqual(await a.write([{ kind: 'create', path: '/n', data: 'one' }]), ['/n'])
    const made = await a.read('/n')
    assert.deepEqual([made?.data.toString(), made?.version, made?.owner], ['one', 0, undefined])
    await a.write([{ kind: 'set', path: '/n', data: 'two', version: 0 }])
    const changed = await a.read('/n')
    assert.deepEqual([changed?.data.toString(), changed?.version], ['two', 1])
    assert.ok(made !== undefined && changed !== undefined && changed.changed > made.changed)
    assert.equal(changed.made, made.made)
    await a.write([{ kind: 'create', path: '/n/child' }])
    assert.deepEqual(await a.list('/n'), ['child'])
    await assert.rejects(a.write([{ kind: 'delete', path: '/n' }]), refused('not-empty'))
    await a.write([
      { kind: 'delete', path: '/n/child' },
      { kind: 'delete', path: '/n', version: 1 },
    ])
    assert.equal(await a.read('/n'), undefined)
  })

  test('makes all changes of a write or none, and says which could not be made', async (scene) => {
    await using a = await scene.coordinate()
    await a.write([{ kind: 'create', path: '/n', data: 'x' }])
    const first = { kind: 'set', path: '/n', data: 'y' } as const
    for (const [bad, why] of [
      [{ kind: 'create', path: '/n' }, 'exists'],
      [{ kind: 'create', path: '/no/child' }, 'missing'],
      [{ kind: 'set', path: '/n', data: '', version: 7 }, 'version'],
      [{ kind: 'check', path: '/n', version: 7 }, 'version'],
      [{ kind: 'check', path: '/gone', version: 0 }, 'missing'],
      [{ kind: 'delete', path: '/gone' }, 'missing'],
    ] as const) {
      const made = { kind: 'create', path: '/made' } as const
      await assert.rejects(a.write([first, made, bad]), refused(why, 2))
      assert.deepEqual((await a.read('/n'))?.data.toString(), 'x')
      assert.equal(await a.read('/made'), undefined)
    }
    await a.write([
      { kind: 'delete', path: '/n' },
      { kind: 'create', path: '/n', data: 'again', life: 'ephemeral' },
    ])
    assert.equal((await a.read('/n'))?.owner, a.session)
  })

  test('numbers sequential nodes, and never twice', async (scene) => {
    await using a = await scene.coordinate()
    await using b = await scene.coordinate()
    await a.write([{ kind: 'create', path: '/q' }])
    await b.sync()
    const create = { kind: 'create', path: '/q/t-', life: 'ephemeral-sequential' } as const
    const made = await Promise.all([a, b, a, b].map((each) => each.write([create])))
    const names = made.map(([path]) => path!)
    assert.equal(new Set(names).size, 4)
    for (const name of names) assert.match(name, /^\/q\/t-\d{10}$/)
    await a.write([{ kind: 'delete', path: names[0]! }])
    const [last] = await a.write([create])
    assert.ok(names.every((name) => name < last!))
  })

  test('ends what lives with a session when that ends, and tells who watches', async (scene) => {
    await using watcher = await scene.coordinate()
    const timeout = ms(scene.timeoutLeast * 4)
    const { coordinator: one, network } = await scene.coordinateFaulty(timeout)
    await using other = await scene.coordinate()
    await one.write([{ kind: 'create', path: '/one', life: 'ephemeral' }])
    await other.write([{ kind: 'create', path: '/other', life: 'ephemeral' }])
    const { news, listener } = hearing()
    await using _ = await watcher.watch('/', true, listener)
    await watcher.sync()
    assert.equal((await watcher.read('/one'))?.owner, one.session)
    await other[Symbol.asyncDispose]()
    await until('the closed one is gone', () => news.includes('/other'))
    network.silence(true)
    await until('the silent one is gone', () => news.includes('/one'))
    assert.equal(await watcher.read('/one'), undefined)
    await until('it knows', () => one.over.aborted)
    await assert.rejects(one.read('/x'), refused('over'))
    network.silence(false)
  })

  test('tells a watch of a node of it and its children, a deep one of all below', async (scene) => {
    await using a = await scene.coordinate()
    // Some servers keep one kind of watch for each path and session.
    await using b = await scene.coordinate()
    await using c = await scene.coordinate()
    await a.write([{ kind: 'create', path: '/w' }])
    await Promise.all([b.sync(), c.sync()])
    const [flat, deep] = [hearing(), hearing()]
    const shallow = await b.watch('/w', false, flat.listener)
    const all = await c.watch('/w', true, deep.listener)
    await a.write([{ kind: 'create', path: '/w/c' }])
    await a.write([{ kind: 'create', path: '/w/c/d' }])
    await a.write([{ kind: 'set', path: '/w/c/d', data: 'x' }])
    await a.write([{ kind: 'set', path: '/w', data: 'x' }])
    await until('all is told', () => deep.news.length >= 4 && flat.news.length >= 2)
    assert.deepEqual(deep.news, ['/w/c', '/w/c/d', '/w/c/d', '/w'])
    assert.deepEqual(flat.news, ['/w', '/w'])
    await shallow[Symbol.asyncDispose]()
    await all[Symbol.asyncDispose]()
  })

  test('tells of a change before any read shows it', async (scene) => {
    await using a = await scene.coordinate()
    await using b = await scene.coordinate()
    await a.write([{ kind: 'create', path: '/w', data: '0' }])
    await b.sync()
    const { news, listener } = hearing()
    await using _ = await b.watch('/w', false, listener)
    const before = news.length
    const writes = (async () => {
      for (let turn = 1; turn <= 20; turn += 1) {
        await a.write([{ kind: 'set', path: '/w', data: `${turn}` }])
      }
    })()
    let seen = 0
    while (seen < 20) {
      seen = Number((await b.read('/w'))?.data.toString())
      assert.ok(news.length - before >= seen, `${seen} was read, ${news.length} told`)
    }
    await writes
  })

  test('reads nothing older than a sync before it', async (scene) => {
    await using a = await scene.coordinate()
    await using b = await scene.coordinate()
    await a.write([{ kind: 'create', path: '/n', data: '0' }])
    for (let turn = 1; turn <= 10; turn += 1) {
      await a.write([{ kind: 'set', path: '/n', data: `${turn}` }])
      await b.sync()
      assert.equal((await b.read('/n'))?.data.toString(), `${turn}`)
    }
  })

  test('keeps a session over lost connections, and tells of a possible gap', async (scene) => {
    const { coordinator: a, network } = await scene.coordinateFaulty()
    await using b = await scene.coordinate()
    await a.write([{ kind: 'create', path: '/mine', life: 'ephemeral' }])
    const { news, listener } = hearing()
    await using _ = await a.watch('/mine', false, listener)
    const { session } = a
    network.cut()
    await persevere(() => a.sync())
    assert.equal(a.session, session)
    await until('it says so', () => news.length > 0)
    await b.sync()
    assert.equal((await b.read('/mine'))?.owner, session)
    const before = news.length
    await b.write([{ kind: 'set', path: '/mine', data: 'x' }])
    await until('the watch goes on', () => news.length > before)
    await a[Symbol.asyncDispose]()
  })

  test('tells a change that may have been made from one that surely was not', async (scene) => {
    const { coordinator: a, network } = await scene.coordinateFaulty()
    await a.write([{ kind: 'create', path: '/n', data: '0' }])
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, async (_, turn) => {
        if (turn === 30) network.cut()
        const path = `/n/${turn}`
        try {
          await a.write([{ kind: 'create', path }])
          return [path, 'done'] as const
        } catch (thrown) {
          return [path, whyNot(thrown)] as const
        }
      }),
    )
    await persevere(() => a.sync())
    for (const [path, outcome] of outcomes) {
      const there = (await persevere(() => a.read(path))) !== undefined
      if (outcome === 'done') assert.ok(there, `${path} was made`)
      else if (outcome === 'not-done') assert.ok(!there, `${path} was not made`)
      else assert.equal(outcome, 'unknown')
    }
    await a[Symbol.asyncDispose]()
  })

  test('takes an aborted signal as an end to waiting', async (scene) => {
    await using a = await scene.coordinate()
    const stop = new AbortController()
    stop.abort(new Error('enough'))
    await assert.rejects(a.read('/x', stop.signal), /enough/)
    await assert.rejects(a.write([{ kind: 'create', path: '/x' }], stop.signal), /enough/)
    assert.equal(await a.read('/x'), undefined)
  })
}
