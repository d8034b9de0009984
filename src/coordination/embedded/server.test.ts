// Does the server keep what it promised, as a client without any cleverness sees it?

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { certificates, opensslMissing } from '../../../test/engines/certificates.ts'
import { startEmbedded } from '../../../test/engines/embedded-process.ts'
import { openRawClient, type RawAnswer, type RawClient } from '../../../test/engines/raw-client.ts'
import { openCreateAcl } from '../../../test/engines/raw-records.ts'
import { until } from '../../../test/engines/waiting.ts'
import { fourLetterWord } from '../../../test/engines/zookeeper.ts'
import { Fault } from '../../foundation/fault.ts'
import { errorCode } from '../../wire/jute/errors.ts'
import { openZooKeeper } from '../client/client.ts'
import { type EmbeddedServerOptions, openEmbeddedServer } from './server.ts'

/** A folder that goes with the test. */
function newFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'alwayson-embedded-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

async function connected(port: number): Promise<RawClient> {
  const client = await openRawClient(port)
  assert.ok(await client.hello())
  return client
}

const bodyOf = (answer: RawAnswer): unknown => {
  assert.equal(answer.kind, 'answer')
  assert.equal(answer.error, 0)
  return answer.body
}
const errorOf = (answer: RawAnswer): number | undefined =>
  answer.kind === 'answer' ? answer.error : undefined

const create = (client: RawClient, path: string, data = 'x', flags = 0): Promise<RawAnswer> =>
  client.ask('create', { path, data: Buffer.from(data), acl: openCreateAcl, flags })

for (const transport of [undefined, 'net'] as const) {
  test(`keeps nodes and sessions over a restart (${transport ?? 'handles'})`, async () => {
    using folder = newFolder()
    const options: EmbeddedServerOptions = {
      folder: folder.path,
      ...(transport && { transport }),
    }
    let session: { sessionId: bigint; password: Uint8Array | null }
    {
      await using server = await openEmbeddedServer(options)
      using client = await openRawClient(server.port)
      const welcome = await client.hello()
      assert.ok(welcome)
      session = welcome
      bodyOf(await create(client, '/kept', 'value'))
      bodyOf(await create(client, '/mine', '', 1))
    }
    await using server = await openEmbeddedServer(options)
    assert.equal(server.replayed, 3)
    using client = await openRawClient(server.port)
    const again = await client.hello({
      sessionId: session.sessionId,
      password: session.password,
    })
    assert.equal(again?.sessionId, session.sessionId)
    const body = bodyOf(await client.ask('getData', { path: '/kept', watch: false }))
    assert.equal((body as { data: Buffer }).data.toString(), 'value')
    bodyOf(await client.ask('exists', { path: '/mine', watch: false }))
    bodyOf(await client.ask('closeSession', undefined))
    using other = await connected(server.port)
    const gone = await other.ask('exists', { path: '/mine', watch: false })
    assert.equal(errorOf(gone), errorCode('no-node'))
  })
}

test('answers requests behind a write after it, and in their order', async () => {
  using folder = newFolder()
  await using server = await openEmbeddedServer({ folder: folder.path })
  using client = await connected(server.port)
  const answers = await Promise.all([
    client.ask('exists', { path: '/a', watch: false }),
    create(client, '/a', '1'),
    client.ask('getData', { path: '/a', watch: true }),
    client.ask('setData', { path: '/a', data: Buffer.from('2'), version: 0 }),
    client.ask('getData', { path: '/a', watch: false }),
    client.ask('setData', { path: '/a', data: Buffer.from('3'), version: 0 }),
    client.ask('getData', { path: '/a', watch: false }),
  ])
  assert.deepEqual(
    answers.map((answer) => {
      if (answer.kind === 'closed' || answer.error !== 0) return errorOf(answer)
      const { data } = answer.body as { data?: Buffer }
      return data?.toString()
    }),
    [errorCode('no-node'), undefined, '1', undefined, '2', errorCode('bad-version'), '2'],
  )
  assert.deepEqual(client.events, [{ type: 3, state: 3, path: '/a' }])
})

test('answers the words that operators know', async () => {
  using folder = newFolder()
  await using server = await openEmbeddedServer({ folder: folder.path })
  assert.equal(await fourLetterWord(server.port, 'ruok'), 'imok')
  assert.match(await fourLetterWord(server.port, 'srvr'), /^Zookeeper version: 3\.8\.0.*\n/)
  assert.match(await fourLetterWord(server.port, 'srvr'), /\nMode: standalone\nNode count: 5\n$/)
  assert.equal(await fourLetterWord(server.port, 'isro'), 'rw')
})

test('two servers do not share a folder', async () => {
  using folder = newFolder()
  await using _server = await openEmbeddedServer({ folder: folder.path })
  await assert.rejects(openEmbeddedServer({ folder: folder.path }), (thrown) => {
    assert.ok(thrown instanceof Fault)
    assert.equal(thrown.code, 'in-use')
    return true
  })
})

test('says who has the port', async () => {
  for (const transport of [undefined, 'net'] as const) {
    using folder = newFolder()
    using other = newFolder()
    await using server = await openEmbeddedServer({ folder: folder.path })
    const again = openEmbeddedServer({
      folder: other.path,
      port: server.port,
      ...(transport && { transport }),
    })
    await assert.rejects(again, (thrown) => thrown instanceof Fault && thrown.code === 'in-use')
  }
})

test('says where a folder is damaged, and what can be done', async () => {
  using folder = newFolder()
  {
    await using server = await openEmbeddedServer({ folder: folder.path })
    using client = await connected(server.port)
    for (const name of ['/a', '/b', '/c']) bodyOf(await create(client, name))
  }
  const log = readdirSync(folder.path).find((name) => name.startsWith('log.')) ?? ''
  const path = join(folder.path, log)
  const whole = readFileSync(path)
  // A server that was closed well has vouched for everything, to the last byte.
  for (let at = 24; at < whole.length - 24; at += 5) {
    const bytes = Buffer.from(whole)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(path, bytes)
    await assert.rejects(openEmbeddedServer({ folder: folder.path }), Fault, `byte ${at}`)
  }
  const bytes = Buffer.from(whole)
  bytes[60] = (bytes[60] ?? 0) ^ 1
  writeFileSync(path, bytes)
  await assert.rejects(openEmbeddedServer({ folder: folder.path }), (thrown) => {
    assert.ok(thrown instanceof Fault)
    assert.equal(thrown.code, 'corrupt')
    assert.match(thrown.message, new RegExp(`${log} is damaged at byte 24`))
    assert.match(thrown.remedy ?? '', /truncate -s 24/)
    return true
  })
  // What the remedy says is true: cut there, it starts, and has what came before.
  truncateSync(path, 24)
  await using server = await openEmbeddedServer({ folder: folder.path })
  using client = await connected(server.port)
  const gone = await client.ask('exists', { path: '/a', watch: false })
  assert.equal(errorOf(gone), errorCode('no-node'))
})

test('deletes containers that are empty again, and nodes whose time is over', async () => {
  using folder = newFolder()
  const limits = { tickMs: 50, overdueCheckMs: 50 }
  await using server = await openEmbeddedServer({ folder: folder.path, limits })
  using client = await connected(server.port)
  const made = { data: null, acl: openCreateAcl }
  bodyOf(await client.ask('createContainer', { ...made, path: '/box', flags: 4 }))
  bodyOf(await client.ask('createContainer', { ...made, path: '/unused', flags: 4 }))
  bodyOf(await client.ask('createTTL', { ...made, path: '/brief', flags: 5, ttl: 100 }))
  bodyOf(await client.ask('createTTL', { ...made, path: '/long', flags: 5, ttl: 100_000 }))
  bodyOf(await create(client, '/box/thing'))
  bodyOf(await client.ask('delete', { path: '/box/thing', version: -1 }))
  const isGone = async (path: string): Promise<boolean> =>
    errorOf(await client.ask('exists', { path, watch: false })) === errorCode('no-node')
  await until('the container is gone', () => isGone('/box'))
  await until('the node is gone', () => isGone('/brief'))
  assert.equal(await isGone('/unused'), false)
  assert.equal(await isGone('/long'), false)
})

test('ends a session that is silent, with its nodes and its connection', async () => {
  using folder = newFolder()
  const limits = { tickMs: 50, timeoutLeastMs: 100 }
  await using server = await openEmbeddedServer({ folder: folder.path, limits })
  using watcher = await connected(server.port)
  using silent = await openRawClient(server.port)
  assert.equal((await silent.hello({ timeout: 1500 }))?.timeout, 1500)
  bodyOf(await create(silent, '/mine', '', 1))
  bodyOf(await watcher.ask('exists', { path: '/mine', watch: true }))
  await silent.closed
  await until('the node is gone', () => watcher.events.length > 0)
  assert.deepEqual(watcher.events, [{ type: 2, state: 3, path: '/mine' }])
})

test('what is under way is answered when the server is closed', async () => {
  using folder = newFolder()
  const server = await openEmbeddedServer({ folder: folder.path })
  using client = await connected(server.port)
  const answers = Array.from({ length: 20 }, (_, index) => create(client, `/n${index}`))
  await until('the server has heard of the last', async () => {
    const { outstanding } = /outstanding_requests\t(?<outstanding>\d+)/.exec(
      await fourLetterWord(server.port, 'mntr'),
    )?.groups ?? { outstanding: '0' }
    const received = /packets_received\t(\d+)/.exec(await fourLetterWord(server.port, 'mntr'))
    return Number(outstanding) > 0 || Number(received?.[1]) > 20
  })
  await server[Symbol.asyncDispose]()
  for (const answer of await Promise.all(answers)) bodyOf(answer)
})

test('a server that was stopped for a while does not blame its sessions', async () => {
  await using server = await startEmbedded({ limits: { tickMs: 100, timeoutLeastMs: 200 } })
  using client = await openRawClient(server.port)
  const session = await client.hello({ timeout: 1500 })
  assert.equal(session?.timeout, 1500)
  bodyOf(await create(client, '/mine', '', 1))
  server.signal('SIGSTOP')
  await pause(4000)
  server.signal('SIGCONT')
  const answer = await client.ask('exists', { path: '/mine', watch: false })
  assert.equal(errorOf(answer), 0, 'the session outlived the pause')
})

test('speaks TLS, and only to who has a certificate', { skip: opensslMissing() }, async () => {
  using folder = newFolder()
  const { cert, key, ca } = certificates(folder.path)
  await using server = await openEmbeddedServer({
    folder: join(folder.path, 'data'),
    tls: { cert, key, ca },
  })
  const hello = (options: ConnectionOptions): Promise<string> =>
    new Promise((resolve) => {
      const socket = connectTls({ port: server.port, host: '127.0.0.1', ca, ...options })
      socket.on('secureConnect', () => socket.write('ruok'))
      socket.on('data', (chunk: Buffer) => resolve(chunk.toString()))
      socket.on('error', (error) => resolve(`refused: ${error.message}`))
      socket.on('close', () => resolve('closed'))
    })
  assert.equal(await hello({ cert, key }), 'imok')
  assert.match(await hello({}), /refused|closed/)
})

test('answers small and large over TLS, one after the other and together', {
  skip: opensslMissing(),
}, async () => {
  using folder = newFolder()
  const { cert, key, ca } = certificates(folder.path)
  const data = join(folder.path, 'data')
  await using server = await openEmbeddedServer({ folder: data, tls: { cert, key, ca } })
  await using client = openZooKeeper(`127.0.0.1:${server.port}`, {
    tls: { ca, cert, key },
  })
  await client.create('/a')
  for (let round = 0; round < 50; round += 1) {
    const bytes = Buffer.alloc(2000 * round, round)
    const asked = [client.setData('/a', bytes), client.getData('/a'), client.getData('/a')] as const
    const [, ...seen] = await Promise.all(asked)
    for (const { data: found } of seen) assert.deepEqual(found, bytes)
  }
})

test('a session that comes back sees what it asked for on its old connection', async () => {
  using folder = newFolder()
  await using server = await openEmbeddedServer({ folder: folder.path })
  for (let round = 0; round < 50; round += 1) {
    using old = await openRawClient(server.port)
    const session = await old.hello()
    assert.ok(session)
    // Written and not waited for: the new connection may be faster than the disk.
    const written = create(old, `/round-${round}`)
    using fresh = await openRawClient(server.port)
    const { sessionId, password } = session
    assert.equal((await fresh.hello({ sessionId, password }))?.sessionId, sessionId)
    const where = { path: `/round-${round}`, watch: false }
    const before = await fresh.ask('exists', where)
    // Whatever is under way is done when a later write of anybody is answered.
    bodyOf(await create(fresh, `/after-${round}`))
    const after = await fresh.ask('exists', where)
    assert.equal(errorOf(before), errorOf(after), `round ${round}: it came late`)
    await written
  }
})

test('watches and sessions have an end', async () => {
  using folder = newFolder()
  const limits = { watchBytesMost: 2000, sessionsMost: 2 }
  await using server = await openEmbeddedServer({ folder: folder.path, limits })
  using client = await connected(server.port)
  const errors = new Set<number | undefined>()
  for (let index = 0; index < 20; index += 1) {
    const path = `/${'long'.repeat(20)}-${index}`
    errors.add(errorOf(await client.ask('exists', { path, watch: true })))
  }
  assert.deepEqual([...errors], [errorCode('no-node'), errorCode('quota-exceeded')])
  bodyOf(await client.ask('exists', { path: '/', watch: false }))
  using second = await connected(server.port)
  using third = await openRawClient(server.port)
  assert.equal(await third.hello(), undefined)
  bodyOf(await second.ask('closeSession', undefined))
  await connected(server.port).then((fourth) => fourth[Symbol.dispose]())
})

test('lists that a node had once are not kept for ever', async () => {
  using folder = newFolder()
  await using server = await openEmbeddedServer({
    folder: folder.path,
    limits: { snapshotAfterBytes: 2 ** 21 },
  })
  using client = await connected(server.port)
  bodyOf(await create(client, '/a'))
  const snapshots = () => readdirSync(folder.path).filter((name) => name.startsWith('snapshot.'))
  assert.deepEqual(snapshots(), [])
  // A snapshot goes through all nodes, and forgets the lists that none of them has.
  await until('a snapshot is taken', async () => {
    const lists = Array.from({ length: 5000 }, () => [
      { perms: 31, id: { scheme: 'digest', id: `x:${randomUUID()}` } },
      ...openCreateAcl,
    ])
    const set = lists.map((acl) => client.ask('setACL', { path: '/a', acl, version: -1 }))
    for (const answer of await Promise.all(set)) bodyOf(answer)
    return snapshots().length > 0
  })
})
