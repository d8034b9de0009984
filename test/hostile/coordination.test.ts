// What no client should send: the embedded server refuses it as Apache ZooKeeper does, holds no
// more memory than was sent, and lets nobody else suffer for it.

import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { errorCode } from '../../src/wire/jute/errors.ts'
import { opcode } from '../../src/wire/jute/opcodes.ts'
import { openEmbedded } from '../engines/embedded.ts'
import { startEmbedded } from '../engines/embedded-process.ts'
import { openRawClient, type RawAnswer, type RawClient } from '../engines/raw-client.ts'
import { openCreateAcl } from '../engines/raw-records.ts'
import { until } from '../engines/waiting.ts'
import { openZooKeeper, zookeeperMissing } from '../engines/zookeeper.ts'

const megabyte = 1024 * 1024

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const string = (value: string): Buffer =>
  Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)])

/** A first frame that promises a password of a thousand million bytes. */
const lyingHello = Buffer.concat([int(44), Buffer.alloc(24), int(1_000_000_000), Buffer.alloc(16)])

/** What is sent instead of a first frame; each ends the connection. */
const beforeHello: Readonly<Record<string, Buffer>> = {
  'a negative length': int(-1),
  'a huge length': int(0x7fffffff),
  'a length just over the limit': int(megabyte),
  'another protocol': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  'an empty frame': int(0),
  'a short frame': Buffer.concat([int(8), Buffer.alloc(8)]),
  'a lying length inside the frame': lyingHello,
}

/** What is sent to an open session; each ends the connection. */
const afterHello: Readonly<Record<string, Buffer>> = {
  'a negative length': int(-5),
  'a huge length': int(0x7fffffff),
  'an empty frame': int(0),
  'half a header': Buffer.concat([int(4), int(1)]),
}

const unreadable = errorCode('marshalling-error')
const badArguments = errorCode('bad-arguments')

/** Requests that are answered with an error, and leave the connection as it is. */
const refused: readonly (readonly [name: string, type: number, body: Buffer, error: number])[] = [
  ['a path of nothing', opcode.getData, Buffer.alloc(0), unreadable],
  ['a path that promises more than there is', opcode.getData, int(1_000_000), unreadable],
  ['a negative path', opcode.exists, int(-7), unreadable],
  ['a path with NUL', opcode.delete, Buffer.concat([string('/a\0b'), int(-1)]), badArguments],
  ['a path with a dot', opcode.check, Buffer.concat([string('/a/./b'), int(-1)]), badArguments],
  ['a path with two dots', opcode.check, Buffer.concat([string('/../b'), int(-1)]), badArguments],
  ['a path with a last slash', opcode.check, Buffer.concat([string('/a/'), int(0)]), badArguments],
  ['a multi without an end', opcode.multi, int(1), unreadable],
  [
    'a million paths to watch',
    opcode.setWatches,
    Buffer.concat([int(0), int(0), int(1e6)]),
    unreadable,
  ],
]

async function witness(port: number): Promise<RawClient> {
  const client = await openRawClient(port)
  // It does not ping, and a busy machine takes its time between two tests.
  assert.ok(await client.hello({ timeout: 60_000 }))
  return client
}

async function isServed(client: RawClient): Promise<void> {
  const answer = await client.ask('exists', { path: '/', watch: false })
  assert.equal(answer.kind === 'answer' && answer.error, 0, 'another client suffers')
}

const errorOf = (answer: RawAnswer): number | 'closed' =>
  answer.kind === 'closed' ? 'closed' : answer.error

interface Opened extends AsyncDisposable {
  readonly port: number
}

function hostilePromises(name: string, open: () => Promise<Opened>, missing: string | false): void {
  suite(`${name} and hostile clients`, { skip: missing }, () => {
    let server: Opened | undefined
    let other: RawClient | undefined
    before(async () => {
      server = await open()
      other = await witness(server.port)
    })
    after(async () => {
      other?.[Symbol.dispose]()
      await server?.[Symbol.asyncDispose]()
    })
    const port = (): number => server?.port ?? 0
    const unharmed = async (): Promise<void> => {
      if (other !== undefined) await isServed(other)
    }

    for (const [what, bytes] of Object.entries(beforeHello)) {
      test(`ends a connection that begins with ${what}`, async () => {
        using client = await openRawClient(port())
        client.send(bytes)
        await client.closed
        await unharmed()
      })
    }
    for (const [what, bytes] of Object.entries(afterHello)) {
      test(`ends a connection that goes on with ${what}`, async () => {
        using client = await witness(port())
        client.send(bytes)
        await client.closed
        await unharmed()
      })
    }
    for (const [what, type, body, error] of refused) {
      test(`answers ${what} with an error`, async () => {
        using client = await witness(port())
        assert.equal(errorOf(await client.askBytes(type, body, 77)), error)
        await isServed(client)
      })
    }
    test('answers an unknown operation, and ends the connection', async () => {
      for (const type of [10, 42, 99, 5000, -7]) {
        using client = await witness(port())
        const answer = await client.askBytes(type, Buffer.alloc(8), 5)
        assert.equal(errorOf(answer), errorCode('unimplemented'))
        await client.closed
      }
      await unharmed()
    })
    test('ends a connection that sends a value over the limit', async () => {
      using client = await witness(port())
      const data = Buffer.alloc(megabyte + 10)
      const answer = await client.ask('setData', { path: '/', data, version: -1 })
      assert.equal(answer.kind, 'closed')
      await unharmed()
    })
    test('gives nobody the session of another without its password', async () => {
      using owner = await openRawClient(port())
      const session = await owner.hello()
      assert.ok(session)
      for (const password of [Buffer.alloc(16), Buffer.alloc(0), Buffer.alloc(5000, 1)]) {
        using thief = await openRawClient(port())
        const welcome = await thief.hello({ sessionId: session.sessionId, password })
        assert.equal(welcome?.sessionId, 0n)
        assert.equal(welcome?.timeout, 0)
        await thief.closed
      }
      using stranger = await openRawClient(port())
      const welcome = await stranger.hello({ sessionId: 0x7fff_ffff_ffff_fff1n })
      assert.equal(welcome?.timeout, 0)
      await unharmed()
    })
    test('does not take a client that has seen the future', async () => {
      using client = await openRawClient(port())
      assert.equal(await client.hello({ lastZxidSeen: 0x7000_0000_0000_0000n }), undefined)
      await unharmed()
    })
  })
}

hostilePromises('the embedded server', () => openEmbedded(), false)
hostilePromises(
  'Apache ZooKeeper',
  () => openZooKeeper({ config: { maxSessionTimeout: 60_000 } }),
  zookeeperMissing(),
)

test('a thief does not cut the owner of a session off', async () => {
  await using server = await openEmbedded()
  using owner = await openRawClient(server.port)
  const session = await owner.hello()
  using thief = await openRawClient(server.port)
  await thief.hello({ sessionId: session?.sessionId ?? 0n })
  await thief.closed
  await isServed(owner)
})

test('half a handshake is not waited for without end', async () => {
  await using server = await openEmbedded({ limits: { handshakeMostMs: 1500, tickMs: 50 } })
  using other = await witness(server.port)
  const silent = [Buffer.alloc(0), Buffer.alloc(2), Buffer.concat([int(44), Buffer.alloc(20)])]
  await Promise.all(
    silent.map(async (bytes) => {
      using client = await openRawClient(server.port)
      client.send(bytes)
      await client.closed
    }),
  )
  await isServed(other)
})

test('a thousand connections that say nothing, or lie, cost next to nothing', async () => {
  await using server = await startEmbedded({ limits: { connectionsMost: 900 } })
  using other = await witness(server.port)
  const memory = server.memory()
  const clients: RawClient[] = []
  try {
    for (let index = 0; index < 1000; index += 1) {
      const client = await openRawClient(server.port)
      clients.push(client)
      // Every second one promises a megabyte, and sends ten bytes of it.
      if (index % 2 === 0) client.send(Buffer.concat([int(megabyte - 1), Buffer.alloc(10)]))
    }
    await isServed(other)
    const grown = server.memory() - memory
    assert.ok(grown < 40 * megabyte, `${grown} bytes for 1,000 silent connections`)
    // Beyond the limit the oldest of the silent makes room: whoever speaks is let in.
    using late = await witness(server.port)
    await isServed(late)
    await until('the oldest is gone', () => clients[0]?.isClosed === true)
  } finally {
    for (const client of clients) client[Symbol.dispose]()
  }
})

test('a client that asks and does not listen is not asked for more', async () => {
  await using server = await startEmbedded()
  using other = await witness(server.port)
  const data = Buffer.alloc(900_000)
  await other.ask('create', { path: '/large', data, acl: openCreateAcl, flags: 0 })
  const memory = server.memory()
  using deaf = await witness(server.port)
  deaf.deafen()
  for (let index = 0; index < 2000; index += 1) {
    void deaf.ask('getData', { path: '/large', watch: false })
  }
  for (let round = 0; round < 50; round += 1) await isServed(other)
  const grown = server.memory() - memory
  assert.ok(grown < 60 * megabyte, `${grown} bytes for answers that nobody takes`)
})

test('a client that writes without end waits, and others are served', async () => {
  await using server = await startEmbedded({ limits: { outstandingMost: 50 } })
  using other = await witness(server.port)
  using greedy = await witness(server.port)
  const data = Buffer.alloc(1000)
  const answers = Array.from({ length: 5000 }, () =>
    greedy.ask('setData', { path: '/', data, version: -1 }),
  )
  await isServed(other)
  const set = await other.ask('setData', { path: '/', data, version: -1 })
  assert.equal(errorOf(set), 0)
  assert.ok((await Promise.all(answers)).every((answer) => errorOf(answer) === 0))
})

test('a tree that is full takes nothing more, and what is in it can be deleted', async () => {
  const limits = { treeBytesMost: 100_000, nodeBytesMost: 5000 }
  await using server = await openEmbedded({ limits })
  using client = await witness(server.port)
  const create = (path: string, bytes: number): Promise<RawAnswer> =>
    client.ask('create', { path, data: Buffer.alloc(bytes), acl: openCreateAcl, flags: 0 })
  const full = errorCode('quota-exceeded')
  assert.equal(errorOf(await create('/too-large', 5001)), full)
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, index) => create(`/n${index}`, 4000)),
  )
  const made = answers.filter((answer) => errorOf(answer) === 0).length
  assert.ok(made > 10 && made < 30, `${made} nodes of 4000 bytes in 100,000`)
  assert.ok(answers.every((answer) => [0, full].includes(errorOf(answer) as number)))
  const grown: RawAnswer[] = []
  for (let index = 0; index < made; index += 1) {
    const grow = { path: `/n${index}`, data: Buffer.alloc(5000), version: -1 }
    grown.push(await client.ask('setData', grow))
  }
  assert.ok(grown.some((answer) => errorOf(answer) === full))
  const shrink = { path: '/n0', data: Buffer.alloc(10), version: -1 }
  assert.equal(errorOf(await client.ask('setData', shrink)), 0)
  assert.equal(errorOf(await client.ask('delete', { path: '/n1', version: -1 })), 0)
  assert.equal(errorOf(await create('/again', 3000)), 0)
})

test('more connections of one address than agreed are refused', async () => {
  await using server = await openEmbedded({ limits: { connectionsPerAddressMost: 2 } })
  using one = await witness(server.port)
  using two = await witness(server.port)
  using three = await openRawClient(server.port)
  await three.closed
  await isServed(one)
  await isServed(two)
  two[Symbol.dispose]()
  await until('there is room again', async () => {
    using four = await openRawClient(server.port)
    return (await four.hello()) !== undefined
  })
})
