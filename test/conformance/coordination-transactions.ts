// The promises of several operations at once, and of their order.

import assert from 'node:assert/strict'
import { isZooKeeperError } from '../../src/coordination/client/errors.ts'
import type { Change } from '../../src/coordination/client/model.ts'
import { ms } from '../../src/foundation/time.ts'
import { failsWith, type SceneTest } from './scene.ts'

export function transactionPromises(test: SceneTest): void {
  test('does all changes of a multi, each seeing those before it', async ({ open }) => {
    const client = await open()
    await client.create('/a', 'one')
    const done = await client.multi([
      { kind: 'create', path: '/b', data: 'new' },
      { kind: 'create', path: '/b/c-', mode: 'persistent-sequential' },
      { kind: 'set', path: '/a', data: 'two', version: 0 },
      { kind: 'check', path: '/a', version: 1 },
      { kind: 'set', path: '/a', data: 'three', version: 1 },
      { kind: 'create', path: '/e', mode: 'ephemeral' },
      { kind: 'create', path: '/container', mode: 'container' },
      { kind: 'create', path: '/ttl', mode: 'ttl', ttl: ms(600_000) },
      { kind: 'delete', path: '/e' },
    ])
    assert.deepEqual(
      done.map(({ kind }) => kind),
      ['create', 'create', 'set', 'check', 'set', 'create', 'create', 'create', 'delete'],
    )
    assert.equal(done[1]?.kind === 'create' && done[1].path, '/b/c-0000000000')
    assert.equal(done[4]?.kind === 'set' && done[4].stat.version, 2)
    assert.ok(done[6]?.kind === 'create' && done[6].stat !== undefined)
    const a = await client.getData('/a')
    assert.equal(a.data.toString(), 'three')
    const b = await client.exists('/b')
    assert.equal(b?.czxid, a.stat.mzxid, 'one transaction')
    assert.equal(await client.exists('/e'), undefined)
  })

  test('does nothing of a multi of which one fails, and says which', async ({ open }) => {
    const client = await open()
    await client.create('/a', 'one')
    const cases: readonly (readonly [string, Change])[] = [
      ['bad-version', { kind: 'check', path: '/a', version: 9 }],
      ['bad-version', { kind: 'set', path: '/a', data: 'x', version: 9 }],
      ['bad-version', { kind: 'delete', path: '/a', version: 9 }],
      ['node-exists', { kind: 'create', path: '/a' }],
      ['no-node', { kind: 'create', path: '/none/a' }],
      ['no-node', { kind: 'delete', path: '/none' }],
      ['no-node', { kind: 'set', path: '/none', data: '' }],
      ['no-node', { kind: 'check', path: '/none', version: 0 }],
    ]
    for (const [error, failing] of cases) {
      const attempt = client.multi([
        { kind: 'create', path: '/b' },
        { kind: 'set', path: '/a', data: 'two' },
        failing,
        { kind: 'delete', path: '/never-reached' },
      ])
      await assert.rejects(attempt, (thrown: unknown) => {
        assert.ok(isZooKeeperError(thrown), String(thrown))
        assert.deepEqual([thrown.error, thrown.failedAt, thrown.maybeApplied], [error, 2, false])
        return true
      })
    }
    assert.equal((await client.getData('/a')).data.toString(), 'one')
    assert.equal((await client.exists('/a'))?.version, 0)
    assert.equal(await client.exists('/b'), undefined)
  })

  test('takes an empty multi', async ({ open }) => {
    const client = await open()
    assert.deepEqual(await client.multi([]), [])
    assert.deepEqual(await client.multiRead([]), [])
  })

  test('reads several nodes at once, each failing alone', async ({ open }) => {
    const client = await open()
    await client.create('/a', 'one')
    await client.create('/a/child')
    const [data, children, missing, unlisted] = await client.multiRead([
      { kind: 'data', path: '/a' },
      { kind: 'children', path: '/a' },
      { kind: 'data', path: '/none' },
      { kind: 'children', path: '/none' },
    ])
    assert.ok(data?.kind === 'data' && data.data.toString() === 'one')
    assert.equal(data.stat.numChildren, 1)
    assert.deepEqual(children, { kind: 'children', children: ['child'] })
    for (const failed of [missing, unlisted]) {
      assert.ok(failed?.kind === 'error' && isZooKeeperError(failed.error, 'no-node'))
    }
  })

  test('answers in the order of asking, and each operation sees those before it', async ({
    open,
  }) => {
    const client = await open()
    await client.create('/n', '0')
    const answers: string[] = []
    const note = (name: string) => (): void => {
      answers.push(name)
    }
    const asked: Promise<unknown>[] = []
    const expected: string[] = []
    for (let turn = 1; turn <= 200; turn += 1) {
      asked.push(client.setData('/n', `${turn}`).then(note(`set ${turn}`)))
      asked.push(client.getData('/n').then(({ data }) => note(`get ${data}`)()))
      asked.push(client.getData('/none').catch(note(`none ${turn}`)))
      expected.push(`set ${turn}`, `get ${turn}`, `none ${turn}`)
    }
    await Promise.all(asked)
    assert.deepEqual(answers, expected)
  })

  test('lets one of many win a compare-and-set, and loses no increment', async ({ open }) => {
    const clients = await Promise.all([open(), open(), open(), open()])
    await clients[0].create('/count', '0')
    await Promise.all(clients.map((client) => client.catchUp()))
    const add = async (client: (typeof clients)[0]): Promise<void> => {
      for (;;) {
        const { data, stat } = await client.getData('/count')
        try {
          const { version } = stat
          await client.setData('/count', `${Number(data) + 1}`, { version })
          return
        } catch (thrown) {
          if (!isZooKeeperError(thrown, 'bad-version')) throw thrown
        }
      }
    }
    await Promise.all(
      clients.map(async (client) => {
        for (let turn = 0; turn < 25; turn += 1) await add(client)
      }),
    )
    await clients[1].catchUp()
    const { data, stat } = await clients[1].getData('/count')
    assert.equal(data.toString(), '100')
    assert.equal(stat.version, 100)
  })

  test('shows another session what was done before it caught up', async ({ open }) => {
    const [writer, reader] = [await open(), await open()]
    await writer.create('/news', '0')
    for (let turn = 1; turn <= 20; turn += 1) {
      await writer.setData('/news', `${turn}`)
      await reader.catchUp()
      assert.equal((await reader.getData('/news')).data.toString(), `${turn}`)
    }
    await reader.sync('/news')
    await failsWith(reader.setData('/news', '', { version: 3 }), 'bad-version')
  })
}
