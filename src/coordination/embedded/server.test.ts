// Does the server keep what it promised, as a client without any cleverness sees it?

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openRawClient, type RawAnswer, type RawClient } from '../../../test/engines/raw-client.ts'
import { openCreateAcl } from '../../../test/engines/raw-records.ts'
import { fourLetterWord } from '../../../test/engines/zookeeper.ts'
import { Fault } from '../../foundation/fault.ts'
import { errorCode } from '../../wire/jute/errors.ts'
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
