// The promises of sessions: they outlive connections, and not their time-out.

import assert from 'node:assert/strict'
import { ms } from '../../src/foundation/time.ts'
import { until } from '../engines/waiting.ts'
import { failsWith, type SceneTest, said, told } from './scene.ts'

export function sessionPromises(test: SceneTest): void {
  test('keeps a session and its ephemeral nodes over a lost connection', async ({
    open,
    openFaulty,
  }) => {
    const other = await open()
    const { client, network } = await openFaulty()
    await client.create('/mine', '', { mode: 'ephemeral' })
    const before = client.state
    assert.ok(before.kind === 'connected')
    for (let cut = 1; cut <= 3; cut += 1) {
      const dialed = network.dialed
      network.cut()
      await until('it dials again', () => network.dialed > dialed)
      await client.connected()
      assert.ok(client.state.kind === 'connected')
      assert.equal(client.state.sessionId, before.sessionId)
    }
    await other.catchUp()
    assert.equal((await other.exists('/mine'))?.ephemeralOwner, before.sessionId)
    await client.delete('/mine')
  })

  test('ends a session that is not heard of for its time-out, and tells everybody', async ({
    open,
    openFaulty,
    server,
  }) => {
    const other = await open()
    const { client, network } = await openFaulty({ timeout: ms(server.timeoutLeast * 4) })
    await client.create('/mine', '', { mode: 'ephemeral' })
    const [watch, lasting] = [told(), told()]
    await client.getData('/mine', { watch: watch.listener })
    await client.addWatch('/mine', lasting.listener)
    const waiting = told()
    await other.catchUp()
    await other.exists('/mine', { watch: waiting.listener })
    network.silence(true)
    const asked = client.setData('/mine', 'never arrives')
    const unknown = assert.rejects(asked, (thrown: { error?: string; maybeApplied?: boolean }) => {
      assert.deepEqual([thrown.error, thrown.maybeApplied], ['connection-loss', true])
      return true
    })
    assert.deepEqual(said(await waiting.heard(1)), ['deleted /mine'])
    await unknown
    network.silence(false)
    await until('it knows', () => client.over.aborted)
    assert.deepEqual(client.state, { kind: 'over', why: 'expired' })
    assert.deepEqual(
      [watch.events, lasting.events].map((events) => events.at(-1)),
      [watch, lasting].map(() => ({ kind: 'removed', path: '/mine', why: 'expired' })),
    )
    await failsWith(client.getData('/'), 'session-expired')
  })

  test('concludes by itself that a session has ended when no server can be reached', async ({
    openFaulty,
    server,
  }) => {
    const { client, network } = await openFaulty({ timeout: ms(server.timeoutLeast * 2) })
    network.silence(true)
    const asked = client.getData('/')
    await failsWith(asked, 'connection-loss')
    await until('it concludes', () => client.over.aborted)
    assert.deepEqual(client.state, { kind: 'over', why: 'expired' })
  })

  test('keeps an idle session alive', async ({ open, server }) => {
    const timeout = server.timeoutLeast * 4
    const client = await open({ timeout: ms(timeout) })
    await client.create('/mine', '', { mode: 'ephemeral' })
    const other = await open()
    const end = performance.now() + timeout * 2
    await until('two time-outs have passed', () => performance.now() > end)
    assert.equal(client.over.aborted, false)
    assert.notEqual(await other.exists('/mine'), undefined)
  })

  test('grants a time-out within its bounds', async ({ open, server }) => {
    for (const [asked, granted] of [
      [1, server.timeoutLeast],
      [server.timeoutLeast + 123, server.timeoutLeast + 123],
      [2_000_000_000, server.timeoutMost],
    ] as const) {
      const client = await open({ timeout: ms(asked) })
      assert.ok(client.state.kind === 'connected')
      assert.equal(client.state.timeout, granted)
    }
  })

  test('sends what was asked while there was no connection, in its order', async ({
    openFaulty,
  }) => {
    const { client, network } = await openFaulty()
    await client.create('/n', '')
    network.refuse(true)
    network.cut()
    await until('it has noticed', () => client.state.kind === 'connecting')
    const asked = ['1', '2', '3'].map((data) => client.setData('/n', data))
    const read = client.getData('/n')
    network.refuse(false)
    assert.deepEqual(
      (await Promise.all(asked)).map(({ version }) => version),
      [1, 2, 3],
    )
    assert.equal((await read).data.toString(), '3')
  })

  test('takes back what waits for a connection when its signal is aborted', async ({
    openFaulty,
  }) => {
    const { client, network } = await openFaulty()
    network.refuse(true)
    network.cut()
    await until('it has noticed', () => client.state.kind === 'connecting')
    const given = new AbortController()
    const taken = client.create('/never', '', {}, given.signal)
    const kept = client.create('/kept')
    given.abort(new Error('no longer'))
    await assert.rejects(taken, { message: 'no longer' })
    network.refuse(false)
    await kept
    assert.equal(await client.exists('/never'), undefined)
    await assert.rejects(client.exists('/', {}, given.signal), { message: 'no longer' })
  })

  test('goes with its ephemeral nodes when it is closed, and not twice', async ({ open }) => {
    const [client, other] = [await open(), await open()]
    const over = told()
    await client.create('/mine', '', { mode: 'ephemeral' })
    await client.getData('/', { watch: over.listener })
    const last = client.create('/last')
    await client.close()
    assert.equal((await last).path, '/last', 'what was asked before the end is done before it')
    assert.deepEqual(client.state, { kind: 'over', why: 'closed' })
    assert.deepEqual(over.events, [{ kind: 'removed', path: '/', why: 'closed' }])
    await failsWith(client.getData('/'), 'session-expired')
    await client.close()
    await until('its node is gone', async () => (await other.exists('/mine')) === undefined)
  })

  test('tells its states in order, to those who listen', async ({ openFaulty }) => {
    const { client, network } = await openFaulty()
    const states: string[] = []
    {
      using _ = client.onState(({ kind }) => states.push(kind))
      const dialed = network.dialed
      network.cut()
      await until('it dials again', () => network.dialed > dialed)
      await client.connected()
    }
    await client.close()
    assert.deepEqual(states, ['connecting', 'connected'])
  })

  test('shows a client only what is below its chroot, in paths, lists and events', async ({
    open,
    root,
    openAt,
  }) => {
    const [inner, whole] = [await open(), await openAt('')]
    const { listener, heard } = told()
    await inner.addWatch('/', listener, { recursive: true })
    const { path } = await inner.create('/n-', 'x', { mode: 'ephemeral-sequential' })
    assert.equal(path, '/n-0000000000')
    assert.deepEqual(await inner.getEphemerals('/'), [path])
    await whole.catchUp()
    assert.equal((await whole.getData(root + path)).data.toString(), 'x')
    await whole.setData(root, 'changed from outside')
    assert.deepEqual(said(await heard(2)), [`created ${path}`, 'data-changed /'])
    await inner.catchUp()
    assert.equal((await inner.getData('/')).data.toString(), 'changed from outside')
    assert.deepEqual((await inner.getChildren('/')).children, ['n-0000000000'])
  })
}
