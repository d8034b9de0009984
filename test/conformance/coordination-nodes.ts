// The promises of nodes: what they are made of, how they are numbered, what their stat says.

import assert from 'node:assert/strict'
import { ms } from '../../src/foundation/time.ts'
import { until } from '../engines/waiting.ts'
import { failsWith, type SceneTest } from './scene.ts'

export function nodePromises(test: SceneTest): void {
  test('makes a node with its data and a stat of its own', async ({ open }) => {
    const client = await open()
    const { path, stat } = await client.create('/a', 'one')
    assert.equal(path, '/a')
    assert.equal(stat.czxid, stat.mzxid)
    assert.equal(stat.czxid, stat.pzxid)
    assert.equal(stat.ctime, stat.mtime)
    const { version, cversion, aversion, dataLength, numChildren, ephemeralOwner } = stat
    assert.deepEqual([version, cversion, aversion, dataLength, numChildren], [0, 0, 0, 3, 0])
    assert.equal(ephemeralOwner, 0n)
    const read = await client.getData('/a')
    assert.equal(read.data.toString(), 'one')
    assert.deepEqual(read.stat, stat)
    assert.deepEqual(await client.exists('/a'), stat)
  })

  test('keeps any bytes, none, and a megabyte less the request', async ({ open }) => {
    const client = await open()
    const big = Buffer.alloc(1_000_000, 0xa5)
    for (const data of [Buffer.alloc(0), Buffer.from([0, 255, 10]), big]) {
      await client.create('/bytes', data)
      const read = await client.getData('/bytes')
      assert.ok(read.data.equals(data))
      assert.equal(read.stat.dataLength, data.length)
      await client.delete('/bytes')
    }
    await failsWith(client.create('/bytes', Buffer.alloc(1024 * 1024)), 'bad-arguments')
  })

  test('keeps names of many alphabets', async ({ open }) => {
    const client = await open()
    for (const name of ['ä', '日本', 'with space', '%2F', '...', 'a.b', '-', 'x'.repeat(200)]) {
      await client.create(`/${name}`, name)
      assert.equal((await client.getData(`/${name}`)).data.toString(), name)
    }
    assert.equal((await client.getChildren('/')).children.length, 8)
  })

  test('refuses a second node of the same path, and one without a parent', async ({ open }) => {
    const client = await open()
    await client.create('/a')
    await failsWith(client.create('/a'), 'node-exists')
    await failsWith(client.create('/none/a'), 'no-node')
    await failsWith(client.getData('/none'), 'no-node')
    await failsWith(client.getChildren('/none'), 'no-node')
    await failsWith(client.setData('/none', ''), 'no-node')
    await failsWith(client.delete('/none'), 'no-node')
    assert.equal(await client.exists('/none'), undefined)
  })

  test('numbers sequential nodes by what happened to the parent, and no number twice', async ({
    open,
  }) => {
    const client = await open()
    await client.create('/queue')
    const make = async () =>
      (await client.create('/queue/n-', '', { mode: 'persistent-sequential' })).path
    assert.equal(await make(), '/queue/n-0000000000')
    assert.equal(await make(), '/queue/n-0000000001')
    await client.delete('/queue/n-0000000001')
    const third = await make()
    assert.ok(third > '/queue/n-0000000001', third)
    const bare = await client.create('/queue/', '', { mode: 'persistent-sequential' })
    assert.match(bare.path, /^\/queue\/\d{10}$/)
  })

  test('changes data and raises the version, and refuses another version', async ({ open }) => {
    const client = await open()
    const made = await client.create('/a', 'one')
    const stat = await client.setData('/a', 'three', { version: 0 })
    assert.equal(stat.version, 1)
    assert.equal(stat.dataLength, 5)
    assert.equal(stat.czxid, made.stat.czxid)
    assert.ok(stat.mzxid > made.stat.mzxid)
    assert.equal(stat.pzxid, made.stat.pzxid)
    await failsWith(client.setData('/a', 'x', { version: 0 }), 'bad-version')
    assert.equal((await client.setData('/a', 'x')).version, 2)
    await failsWith(client.check('/a', 1), 'bad-version')
    await client.check('/a', 2)
    await failsWith(client.check('/none', 0), 'no-node')
  })

  test('deletes by version, and never a node with children', async ({ open }) => {
    const client = await open()
    await client.create('/a')
    await client.create('/a/b')
    await failsWith(client.delete('/a'), 'not-empty')
    await failsWith(client.delete('/a/b', { version: 7 }), 'bad-version')
    await client.delete('/a/b', { version: 0 })
    await client.delete('/a')
    assert.equal(await client.exists('/a'), undefined)
  })

  test('tells a parent of its children, in list, count and versions', async ({ open }) => {
    const client = await open()
    await client.create('/p', 'data')
    const first = await client.create('/p/a')
    const second = await client.create('/p/b')
    const before = await client.getChildren('/p')
    assert.deepEqual(before.children.toSorted(), ['a', 'b'])
    assert.equal(before.stat.numChildren, 2)
    assert.equal(before.stat.cversion, 2)
    assert.equal(before.stat.version, 0)
    assert.equal(before.stat.pzxid, second.stat.czxid)
    assert.ok(second.stat.czxid > first.stat.czxid)
    await client.create('/p/a/deep')
    await client.setData('/p/a', 'x')
    assert.deepEqual((await client.getChildren('/p')).stat, before.stat)
    await client.delete('/p/b')
    const after = await client.getChildren('/p')
    assert.deepEqual(after.children, ['a'])
    assert.equal(after.stat.cversion, 3)
    assert.ok(after.stat.pzxid > before.stat.pzxid)
    assert.equal(await client.countDescendants('/p'), 2)
  })

  test('lists ten thousand children', async ({ open }) => {
    const client = await open()
    await client.create('/many')
    const names = Array.from({ length: 10_000 }, (_, at) => `child-${at}`)
    await Promise.all(names.map((name) => client.create(`/many/${name}`)))
    const { children, stat } = await client.getChildren('/many')
    assert.deepEqual(children.toSorted(), names.toSorted())
    assert.equal(stat.numChildren, 10_000)
    const gone = children.map((name) => ({ kind: 'delete', path: `/many/${name}` }) as const)
    await client.multi(gone)
  })

  test('gives an ephemeral node to its session, without children', async ({ open }) => {
    const [one, other] = [await open(), await open()]
    assert.ok(one.state.kind === 'connected')
    const { stat } = await one.create('/mine', '', { mode: 'ephemeral' })
    assert.equal(stat.ephemeralOwner, one.state.sessionId)
    await failsWith(one.create('/mine/child'), 'no-children-for-ephemerals')
    const numbered = await one.create('/mine-', '', { mode: 'ephemeral-sequential' })
    assert.match(numbered.path, /^\/mine-\d{10}$/)
    assert.deepEqual((await one.getEphemerals('/')).toSorted(), ['/mine', numbered.path].toSorted())
    assert.deepEqual(await other.getEphemerals('/'), [])
    await other.catchUp()
    assert.notEqual(await other.exists('/mine'), undefined)
    await one.close()
    // A server slow to confirm is not waited for: the nodes go with the session all the same.
    const left = async () => (await other.getChildren('/')).children
    await until('its nodes are gone', async () => (await left()).length === 0)
  })

  test('deletes a container once its last child is gone, and keeps one that had none', async ({
    open,
  }) => {
    const client = await open()
    await client.create('/used', '', { mode: 'container' })
    await client.create('/unused', '', { mode: 'container' })
    await client.create('/used/child')
    await client.delete('/used/child')
    await until('the container is gone', async () => (await client.exists('/used')) === undefined)
    assert.notEqual(await client.exists('/unused'), undefined)
  })

  test('deletes a node with a time to live when nothing has happened to it for so long', async ({
    open,
  }) => {
    const client = await open()
    const { stat } = await client.create('/short', '', { mode: 'ttl', ttl: ms(100) })
    assert.equal(stat.version, 0)
    const long = await client.create('/long-', '', { mode: 'ttl-sequential', ttl: ms(600_000) })
    await client.multi([
      { kind: 'create', path: '/parent', mode: 'ttl', ttl: ms(100) },
      { kind: 'create', path: '/parent/child' },
    ])
    await until('its time is over', async () => (await client.exists('/short')) === undefined)
    assert.notEqual(await client.exists(long.path), undefined)
    assert.notEqual(await client.exists('/parent'), undefined)
    await failsWith(client.create('/none', '', { mode: 'ttl', ttl: ms(0) }), 'bad-arguments')
  })

  test('refuses paths that no server takes', async ({ open }) => {
    const client = await open()
    for (const path of [
      '',
      'a',
      '/a/',
      '//a',
      '/a//b',
      '/./a',
      '/a/..',
      '/a\0b',
      '/\u001f',
      '/\ue000',
    ]) {
      await failsWith(client.create(path), 'bad-arguments')
      await failsWith(client.getData(path), 'bad-arguments')
    }
  })
}
