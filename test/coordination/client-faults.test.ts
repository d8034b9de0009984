// The client while its connections are cut, stalled, torn and lied to: it says what it does not
// know, and comes back.

import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { after, before, suite, test } from 'node:test'
import {
  type ClientOptions,
  openZooKeeper,
  type ZooKeeperClient,
} from '../../src/coordination/client/client.ts'
import type { ZooKeeperError } from '../../src/coordination/client/errors.ts'
import { ms } from '../../src/foundation/time.ts'
import { Writer } from '../../src/wire/jute/archive.ts'
import { frameSplitter } from '../../src/wire/jute/frames.ts'
import { connectResponse } from '../../src/wire/jute/records.ts'
import { openEmbedded } from '../engines/embedded.ts'
import { openTcpProxy, type TcpProxy } from '../engines/tcp-proxy.ts'
import { until } from '../engines/waiting.ts'

const quick = { first: ms(1), factor: 2, most: ms(20), jitter: 0.5 }
let server: { readonly port: number } & AsyncDisposable
let roots = 0

before(async () => {
  server = await openEmbedded()
})
after(() => server[Symbol.asyncDispose]())

/** A client behind a proxy of its own, a client beside it, and a node that only they use. */
async function scene(options: ClientOptions = {}) {
  const stack = new AsyncDisposableStack()
  const proxy = stack.use(await openTcpProxy(server.port))
  roots += 1
  const root = `/root-${roots}`
  const direct = stack.use(openZooKeeper(`127.0.0.1:${server.port}`))
  await direct.create(root)
  const beside = stack.use(openZooKeeper(`127.0.0.1:${server.port}${root}`))
  const client = stack.use(
    openZooKeeper(`127.0.0.1:${proxy.port}${root}`, {
      timeout: ms(3000),
      backoff: quick,
      ...options,
    }),
  )
  await client.connected()
  return { proxy, client, beside, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const failure = (operation: Promise<unknown>): Promise<ZooKeeperError> =>
  operation.then(
    () => assert.fail('it must not succeed'),
    (thrown: ZooKeeperError) => thrown,
  )

const reconnected = async (client: ZooKeeperClient, proxy: TcpProxy, taken: number) => {
  await until('it has connected again', () => proxy.accepted > taken)
  await client.connected()
}

suite('a client of ZooKeeper', () => {
  test('says that a change may have been made when only the answer was lost', async () => {
    await using s = await scene()
    await s.client.create('/a', 'one')
    s.proxy.blackhole(true, ['to-client'])
    const write = failure(s.client.setData('/a', 'two'))
    const read = failure(s.client.getData('/a'))
    const [lostWrite, lostRead] = [await write, await read]
    assert.deepEqual([lostWrite.error, lostWrite.maybeApplied], ['connection-loss', true])
    assert.deepEqual([lostRead.error, lostRead.maybeApplied], ['connection-loss', false])
    assert.match(String(lostWrite.cause), /silent for too long/)
    assert.equal((await s.beside.getData('/a')).data.toString(), 'two', 'and it was')
    s.proxy.blackhole(false)
    await s.client.connected()
    assert.equal((await s.client.getData('/a')).data.toString(), 'two')
  })

  test('says so too when the change never arrived: it cannot know', async () => {
    await using s = await scene()
    await s.client.create('/a', 'one')
    s.proxy.blackhole(true, ['to-server'])
    const lost = await failure(s.client.setData('/a', 'two'))
    assert.deepEqual([lost.error, lost.maybeApplied], ['connection-loss', true])
    s.proxy.blackhole(false)
    assert.equal((await s.beside.getData('/a')).data.toString(), 'one')
  })

  test('finds out that the other end is gone although nobody said so', async () => {
    await using s = await scene()
    const before = s.proxy.accepted
    s.proxy.halfOpen()
    await reconnected(s.client, s.proxy, before)
    await s.client.create('/after')
  })

  test('bears an answer torn in two, wherever it is torn', async () => {
    await using s = await scene()
    await s.client.create('/a', 'x'.repeat(50))
    for (const bytes of [1, 3, 4, 5, 19, 20, 21, 60, 141]) {
      const before = s.proxy.accepted
      s.proxy.cutAfter(bytes, 'to-client')
      const lost = await failure(s.client.getData('/a'))
      assert.equal(lost.error, 'connection-loss')
      await reconnected(s.client, s.proxy, before)
      assert.equal((await s.client.getData('/a')).data.length, 50)
    }
  })

  test('bears a handshake torn in two, wherever it is torn', async () => {
    await using s = await scene({ timeout: ms(5000) })
    for (const [bytes, direction] of [
      [1, 'to-client'],
      [4, 'to-client'],
      [30, 'to-client'],
      [40, 'to-client'],
      [10, 'to-server'],
      [44, 'to-server'],
    ] as const) {
      const before = s.proxy.accepted
      s.proxy.cut()
      s.proxy.cutAfter(bytes, direction)
      await until('both have been tried', () => s.proxy.accepted >= before + 2)
      await s.client.connected()
      await s.client.sync('/')
    }
  })

  test('keeps order and session while everything is late', async () => {
    await using s = await scene({ timeout: ms(4000) })
    s.proxy.delay(120)
    await s.client.create('/a', '0')
    const values = await Promise.all(
      Array.from({ length: 20 }, async (_, turn) => {
        await s.client.setData('/a', `${turn}`)
        return turn
      }),
    )
    assert.equal((await s.client.getData('/a')).data.toString(), '19')
    assert.equal(values.length, 20)
  })

  test('does what was asked from the beginning on, without holes, up to some point', async () => {
    await using s = await scene({ timeout: ms(4000) })
    let total = 0
    for (let round = 0; round < 8; round += 1) {
      const path = `/round-${round}`
      await s.beside.create(path)
      await s.client.sync(path)
      const before = s.proxy.accepted
      s.proxy.cutAfter(500 + round * 777, round % 2 === 0 ? 'to-client' : 'to-server')
      const outcomes = await Promise.all(
        Array.from({ length: 300 }, async (_, n) => {
          try {
            await s.client.create(`${path}/${n}`)
            return 'done'
          } catch (thrown) {
            return (thrown as ZooKeeperError).maybeApplied ? 'unknown' : 'not done'
          }
        }),
      )
      await reconnected(s.client, s.proxy, before)
      await s.client.sync(path)
      const there = (await s.client.getChildren(path)).children
        .map(Number)
        .toSorted((a, b) => a - b)
      assert.deepEqual(there, [...there.keys()], 'no holes')
      const done = outcomes.filter((outcome) => outcome === 'done').length
      const possible = outcomes.filter((outcome) => outcome !== 'not done').length
      assert.ok(done <= there.length && there.length <= possible)
      total += done
    }
    assert.ok(total > 0)
  })

  test('registers more watches again than one request can hold', async () => {
    await using s = await scene({ timeout: ms(6000) })
    const names = Array.from({ length: 700 }, (_, n) => `/${'long-name-'.repeat(50)}${n}`)
    let fired = 0
    const watch = (): void => {
      fired += 1
    }
    await Promise.all(names.map((name) => s.client.exists(name, { watch })))
    const before = s.proxy.accepted
    s.proxy.cut()
    await reconnected(s.client, s.proxy, before)
    await Promise.all(names.map((name) => s.beside.create(name)))
    await until('all have fired', () => fired === names.length)
  })

  test('goes to the servers it is told to use', async () => {
    await using s = await scene({ timeout: ms(5000) })
    await using other = await openTcpProxy(server.port)
    s.client.updateHosts(`127.0.0.1:${other.port}`)
    await until('it uses the other', () => other.open === 1)
    await until('it has left the one', () => s.proxy.open === 0)
    await s.client.connected()
    assert.ok(s.client.state.kind === 'connected')
    assert.equal(s.client.state.server, `127.0.0.1:${other.port}`)
    await s.client.sync('/')
  })

  test('finds the one of its servers that answers', async () => {
    await using proxy = await openTcpProxy(server.port)
    await using dead = await openTcpProxy(server.port)
    dead.blackhole(true)
    const hosts = `127.0.0.1:${dead.port},127.0.0.1:1,127.0.0.1:${proxy.port},localhost:1`
    // This chance keeps the order: the silent one is tried first.
    const random = { next: () => 0.999 }
    await using client = openZooKeeper(hosts, { timeout: ms(2000), backoff: quick, random })
    await client.connected()
    assert.ok(dead.accepted > 0)
    assert.equal(
      client.state.kind === 'connected' && client.state.server.split(':')[1],
      `${proxy.port}`,
    )
  })

  test('waits for a server that is not there yet, as long as it is wanted', async () => {
    await using proxy = await openTcpProxy(server.port)
    proxy.refuse(true)
    await using client = openZooKeeper(`127.0.0.1:${proxy.port}`, {
      timeout: ms(1000),
      backoff: quick,
    })
    const early = client.exists('/')
    await assert.rejects(client.connected(AbortSignal.timeout(50)), { name: 'TimeoutError' })
    await until('it has tried for longer than a session', () => proxy.accepted > 20)
    assert.notEqual(client.lossCause, undefined)
    proxy.refuse(false)
    await client.connected()
    assert.notEqual(await early, undefined)
  })
})

/** A server that takes everybody in, and then does what a test wants of it. */
async function strangeServer(act: (socket: Socket, xid: number) => void) {
  const sockets = new Set<Socket>()
  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    const frames = frameSplitter()
    let greeted = false
    socket.on('data', (chunk: Buffer) => {
      frames.push(chunk, (frame) => {
        if (greeted) {
          act(socket, frame.int())
          return
        }
        greeted = true
        const to = new Writer()
        const start = to.beginFrame()
        const password = new Uint8Array(16)
        const more = { protocolVersion: 0, sessionId: 7n, password, readOnly: false }
        connectResponse.write(to, { ...more, timeout: 4000 })
        to.endFrame(start)
        socket.write(to.take())
      })
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return {
    port: (listener.address() as { port: number }).port,
    get connections() {
      return sockets.size
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => listener.close(done))
    },
  }
}

const reply = (xid: number, error: number, body = Buffer.alloc(0)): Buffer => {
  const bytes = Buffer.alloc(20 + body.length)
  bytes.writeInt32BE(16 + body.length, 0)
  bytes.writeInt32BE(xid, 4)
  bytes.writeBigInt64BE(1n, 8)
  bytes.writeInt32BE(error, 16)
  body.copy(bytes, 20)
  return bytes
}

suite('a client of a server that breaks the protocol', () => {
  const lies: Readonly<Record<string, (socket: Socket, xid: number) => void>> = {
    'answers something else': (socket, xid) => socket.write(reply(xid + 7, 0)),
    'answers what nobody asked': (socket) => socket.write(reply(-4, 0)),
    'sends a frame of negative length': (socket) => socket.write(Buffer.alloc(8, 0xff)),
    'sends a frame of great length': (socket) => socket.write(Buffer.alloc(8, 0x7f)),
    'sends a record that is cut short': (socket, xid) =>
      socket.write(reply(xid, 0, Buffer.alloc(3))),
    'sends a header that is cut short': (socket) => socket.write(Buffer.from([0, 0, 0, 2, 1, 1])),
    'hangs up': (socket) => socket.destroy(),
  }
  for (const [lie, act] of Object.entries(lies)) {
    test(`that ${lie} drops it, says why, and tries again`, async () => {
      await using strange = await strangeServer((socket, xid) => {
        if (xid > 0) act(socket, xid)
      })
      const hosts = `127.0.0.1:${strange.port}`
      await using client = openZooKeeper(hosts, { timeout: ms(1000), backoff: quick })
      await client.connected()
      const lost = await failure(client.getData('/a'))
      assert.equal(lost.error, 'connection-loss')
      assert.notEqual(lost.cause, undefined)
      await until('it tries again', () => strange.connections > 1)
    })
  }

  test('that speaks an error nobody has heard of passes it on', async () => {
    await using strange = await strangeServer((socket, xid) => {
      if (xid > 0) socket.write(reply(xid, -4711))
    })
    await using client = openZooKeeper(`127.0.0.1:${strange.port}`, { timeout: ms(1000) })
    const refused = await failure(client.getData('/a'))
    assert.equal(refused.error, 'api-error')
    assert.match(String(refused.cause), /-4711/)
    await failure(client.getData('/a'))
  })
})
