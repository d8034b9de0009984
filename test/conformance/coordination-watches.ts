// The promises of watches: what they tell, whom, when, and how often.

import assert from 'node:assert/strict'
import { until } from '../engines/waiting.ts'
import { failsWith, type SceneTest, said, told } from './scene.ts'

export function watchPromises(test: SceneTest): void {
  test('tells once that data have changed, or that the node is gone', async ({ open }) => {
    const [watcher, actor] = [await open(), await open()]
    await actor.create('/a', 'one')
    await watcher.catchUp()
    const [data, gone] = [told(), told()]
    await watcher.getData('/a', { watch: data.listener })
    await actor.setData('/a', 'two')
    await actor.setData('/a', 'three')
    assert.deepEqual(said(await data.heard(1)), ['data-changed /a'])
    await watcher.catchUp()
    await watcher.getData('/a', { watch: gone.listener })
    await actor.delete('/a')
    assert.deepEqual(said(await gone.heard(1)), ['deleted /a'])
    await watcher.catchUp()
    assert.equal(data.events.length, 1)
  })

  test('tells once of a creation that was waited for', async ({ open }) => {
    const [watcher, actor] = [await open(), await open()]
    const { listener, heard } = told()
    assert.equal(await watcher.exists('/a', { watch: listener }), undefined)
    await actor.create('/a')
    await actor.setData('/a', 'x')
    assert.deepEqual(said(await heard(1)), ['created /a'])
    await watcher.catchUp()
    assert.equal((await heard(1)).length, 1)
  })

  test('tells once of a child that came or went, not of what is deeper', async ({ open }) => {
    const [watcher, actor] = [await open(), await open()]
    await actor.create('/p')
    await actor.create('/p/a')
    await watcher.catchUp()
    const [first, second] = [told(), told()]
    await watcher.getChildren('/p', { watch: first.listener })
    await actor.setData('/p/a', 'x')
    await actor.create('/p/a/deep')
    await actor.setData('/p', 'x')
    await watcher.catchUp()
    assert.deepEqual(first.events, [])
    await actor.create('/p/b')
    assert.deepEqual(said(await first.heard(1)), ['children-changed /p'])
    await watcher.catchUp()
    await watcher.getChildren('/p', { watch: second.listener })
    await actor.delete('/p/b')
    assert.deepEqual(said(await second.heard(1)), ['children-changed /p'])
    assert.equal(first.events.length, 1)
  })

  test('tells of a list that goes with its node', async ({ open }) => {
    const [watcher, actor] = [await open(), await open()]
    await actor.create('/p')
    await watcher.catchUp()
    const [list, data, both] = [told(), told(), told()]
    await watcher.getChildren('/p', { watch: list.listener })
    await watcher.getData('/p', { watch: data.listener })
    await watcher.getChildren('/p', { watch: both.listener })
    await watcher.exists('/p', { watch: both.listener })
    await actor.delete('/p')
    await Promise.all([list.heard(1), data.heard(1), both.heard(1)])
    await watcher.catchUp()
    for (const { events } of [list, data, both]) assert.deepEqual(said(events), ['deleted /p'])
  })

  test('tells before it shows: the event comes ahead of any answer that is newer', async ({
    open,
  }) => {
    const [watcher, actor] = [await open(), await open()]
    await actor.create('/a', '0')
    await watcher.catchUp()
    for (let turn = 1; turn <= 30; turn += 1) {
      let fired = false
      const seen = await watcher.getData('/a', {
        watch: () => {
          fired = true
        },
      })
      assert.equal(seen.data.toString(), `${turn - 1}`)
      const change = actor.setData('/a', `${turn}`)
      for (;;) {
        const { data } = await watcher.getData('/a')
        if (data.toString() === `${turn}`) break
      }
      assert.ok(fired, 'a newer value was read before the watch had fired')
      await change
    }
  })

  test('tells one listener once, however often it asked', async ({ open }) => {
    const [watcher, actor] = [await open(), await open()]
    await actor.create('/a')
    await watcher.catchUp()
    const { listener, heard, events } = told()
    await watcher.getData('/a', { watch: listener })
    await watcher.getData('/a', { watch: listener })
    await watcher.exists('/a', { watch: listener })
    await actor.setData('/a', 'x')
    await heard(1)
    await watcher.catchUp()
    assert.deepEqual(said(events), ['data-changed /a'])
  })

  test('goes on telling of a node and its children until disposed', async ({ open }) => {
    const [watcher, actor] = [await open(), await open()]
    const { listener, heard, events } = told()
    const watch = await watcher.addWatch('/a', listener)
    await actor.create('/a')
    await actor.setData('/a', '1')
    await actor.setData('/a', '2')
    await actor.create('/a/b')
    await actor.create('/a/b/c')
    await actor.delete('/a/b/c')
    await actor.delete('/a/b')
    await actor.delete('/a')
    await actor.create('/a')
    const expected = [
      'created /a',
      'data-changed /a',
      'data-changed /a',
      'children-changed /a',
      'children-changed /a',
      'deleted /a',
      'created /a',
    ]
    assert.deepEqual(said(await heard(expected.length)), expected)
    await watch[Symbol.asyncDispose]()
    await actor.setData('/a', '3')
    await watcher.catchUp()
    assert.equal(events.length, expected.length)
  })

  test('goes on telling of everything below, and not of lists', async ({ open }) => {
    const [watcher, actor] = [await open(), await open()]
    await actor.create('/a')
    await actor.create('/ab')
    await watcher.catchUp()
    const { listener, heard } = told()
    await using _ = await watcher.addWatch('/a', listener, { recursive: true })
    await actor.create('/a/b')
    await actor.create('/a/b/c')
    await actor.setData('/a/b/c', 'x')
    await actor.setData('/ab', 'not below')
    await actor.multi([
      { kind: 'set', path: '/a', data: 'x' },
      { kind: 'delete', path: '/a/b/c' },
      { kind: 'create', path: '/a/d' },
    ])
    const expected = [
      'created /a/b',
      'created /a/b/c',
      'data-changed /a/b/c',
      'data-changed /a',
      'deleted /a/b/c',
      'created /a/d',
    ]
    assert.deepEqual(said(await heard(expected.length)), expected)
  })

  test('tells of an ephemeral node that goes with its session', async ({ open }) => {
    const [watcher, owner] = [await open(), await open()]
    await owner.create('/members')
    await owner.create('/members/one', '', { mode: 'ephemeral' })
    await watcher.catchUp()
    const [list, node] = [told(), told()]
    await watcher.getChildren('/members', { watch: list.listener })
    await watcher.getData('/members/one', { watch: node.listener })
    await owner.close()
    assert.deepEqual(said(await node.heard(1)), ['deleted /members/one'])
    assert.deepEqual(said(await list.heard(1)), ['children-changed /members'])
  })

  test('removes watches when asked, and says so when there are none', async ({ open }) => {
    const [watcher, actor] = [await open(), await open()]
    await actor.create('/a')
    await watcher.catchUp()
    const [data, list] = [told(), told()]
    await watcher.getData('/a', { watch: data.listener })
    await watcher.getChildren('/a', { watch: list.listener })
    await watcher.removeWatches('/a', 'data')
    assert.deepEqual(said(await data.heard(1)), ['removed /a'])
    await actor.setData('/a', 'x')
    await actor.create('/a/b')
    assert.deepEqual(said(await list.heard(1)), ['children-changed /a'])
    await watcher.catchUp()
    assert.equal(data.events.length, 1)
    await failsWith(watcher.removeWatches('/a'), 'no-watcher')
  })

  test('fires a watch at once on the next connection if its node changed meanwhile', async ({
    open,
    openFaulty,
  }) => {
    const actor = await open()
    for (const path of ['/data', '/list', '/gone', '/still']) await actor.create(path)
    const { client, network } = await openFaulty()
    const [data, list, gone, born, still] = [told(), told(), told(), told(), told()]
    await client.getData('/data', { watch: data.listener })
    await client.getChildren('/list', { watch: list.listener })
    await client.getData('/gone', { watch: gone.listener })
    await client.exists('/born', { watch: born.listener })
    await client.getData('/still', { watch: still.listener })
    network.refuse(true)
    network.cut()
    await until('it has noticed', () => client.state.kind === 'connecting')
    await actor.setData('/data', 'x')
    await actor.create('/list/child')
    await actor.delete('/gone')
    await actor.create('/born')
    network.refuse(false)
    assert.deepEqual(said(await data.heard(1)), ['data-changed /data'])
    assert.deepEqual(said(await list.heard(1)), ['children-changed /list'])
    assert.deepEqual(said(await gone.heard(1)), ['deleted /gone'])
    assert.deepEqual(said(await born.heard(1)), ['created /born'])
    await client.catchUp()
    assert.deepEqual(still.events, [])
    await actor.setData('/still', 'x')
    assert.deepEqual(said(await still.heard(1)), ['data-changed /still'])
  })

  test('keeps a lasting watch over a lost connection, and owns up to the gap', async ({
    open,
    openFaulty,
  }) => {
    const actor = await open()
    await actor.create('/a')
    const { client, network } = await openFaulty()
    const [one, all] = [told(), told()]
    await client.addWatch('/a', one.listener)
    await client.addWatch('/', all.listener, { recursive: true })
    network.refuse(true)
    network.cut()
    await until('it has noticed', () => client.state.kind === 'connecting')
    await actor.setData('/a', 'unseen')
    network.refuse(false)
    assert.deepEqual(said(await one.heard(1)), ['gap /a'])
    assert.deepEqual(said(await all.heard(1)), ['gap /'])
    await actor.setData('/a', 'seen')
    assert.deepEqual(said(await one.heard(2)), ['gap /a', 'data-changed /a'])
    assert.deepEqual(said(await all.heard(2)), ['gap /', 'data-changed /a'])
  })
}
