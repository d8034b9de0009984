// The client and Apache ZooKeeper, stopped, killed, without its quorum, and behind TLS.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import {
  type ClientOptions,
  openZooKeeper as openClient,
  type ZooKeeperClient,
} from '../../src/coordination/client/client.ts'
import { isZooKeeperError } from '../../src/coordination/client/errors.ts'
import { ms } from '../../src/foundation/time.ts'
import { told } from '../conformance/scene.ts'
import { freePorts, until } from '../engines/waiting.ts'
import { openEnsemble, openZooKeeper, zookeeperMissing } from '../engines/zookeeper.ts'

const skip = zookeeperMissing()
/** A test that waits for ever must not keep all others. */
const bounded = { timeout: 120_000 } as const
const backoff = { first: ms(10), factor: 2, most: ms(100), jitter: 0.5 }

/** Longer than a busy machine takes to start a server or to elect one. */
const long = { config: { maxSessionTimeout: 60_000 } } as const

async function opened(hosts: string, options: ClientOptions = {}): Promise<ZooKeeperClient> {
  const client = openClient(hosts, { timeout: ms(60_000), backoff, ...options })
  await client.connected()
  return client
}

/** Asks again while connections are lost, until the answer comes. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (thrown) {
      if (!isZooKeeperError(thrown, 'connection-loss')) throw thrown
    }
  }
}

suite('a client of Apache ZooKeeper', { skip }, () => {
  test('keeps its session when the server hangs for a while, and loses it for long', async () => {
    await using server = await openZooKeeper(long)
    const hosts = `127.0.0.1:${server.port}`
    await using patient = await opened(hosts, { readTimeout: ms(2000) })
    await using hasty = await opened(hosts, { timeout: ms(1000) })
    await patient.create('/mine', '', { mode: 'ephemeral' })
    server.signal('SIGSTOP')
    await until('the hasty one gives up', () => hasty.over.aborted)
    assert.deepEqual(hasty.state, { kind: 'over', why: 'expired' })
    await until('the patient one has noticed', () => patient.state.kind === 'connecting')
    server.signal('SIGCONT')
    await patient.connected()
    assert.notEqual(await eventually(() => patient.exists('/mine')), undefined)
  })

  test('keeps session, ephemeral nodes and watches when a server is killed and back', async () => {
    await using server = await openZooKeeper(long)
    await using client = await opened(`127.0.0.1:${server.port}`)
    await client.create('/a', 'one')
    await client.create('/mine', '', { mode: 'ephemeral' })
    const { listener, heard } = told()
    await client.getData('/a', { watch: listener })
    const before = client.state
    await server.kill()
    await until('it has noticed', () => client.state.kind === 'connecting')
    await server.start()
    await client.connected()
    assert.deepEqual(client.state, before)
    await eventually(() => client.setData('/a', 'two'))
    assert.deepEqual(await heard(1), [{ kind: 'data-changed', path: '/a' }])
    assert.notEqual(await client.exists('/mine'), undefined)
  })

  for (const [harm, signal] of [
    ['killed', 'SIGKILL'],
    ['stopped', 'SIGSTOP'],
  ] as const) {
    test(`goes on with the others when the leader of an ensemble is ${harm}`, async () => {
      await using ensemble = await openEnsemble({ config: { ...long.config, syncLimit: 4 } })
      await using client = await opened(ensemble.hosts, { readTimeout: ms(3000) })
      await client.create('/a', 'one')
      await client.create('/mine', '', { mode: 'ephemeral' })
      const leader = await ensemble.leader()
      leader.signal(signal)
      const { version } = await eventually(() => client.setData('/a', 'two'))
      assert.ok(version >= 1)
      assert.equal(client.state.kind, 'connected')
      assert.notEqual(await eventually(() => client.exists('/mine')), undefined)
    })
  }

  test('reads from a server without its quorum, and leaves it for better', bounded, async () => {
    await using ensemble = await openEnsemble({
      properties: { 'readonlymode.enabled': true },
      // Without its quorum a server can give no other sessions than those of its own.
      config: { localSessionsEnabled: true, localSessionsUpgradingEnabled: true },
    })
    const [last, ...others] = ensemble.servers
    await using before = await opened(ensemble.hosts)
    await before.create('/a', 'one')
    await before.close()
    await Promise.all(others.map((server) => server.kill()))
    await using client = openClient(`${ensemble.hosts}`, { readOnly: true, backoff })
    const readsAt = () =>
      client.state.kind === 'connected' && client.state.readOnly ? client.state.server : ''
    await until('it reads where it can', () => readsAt() === `127.0.0.1:${last?.port}`)
    const { listener, heard } = told()
    const read = await eventually(() => client.getData('/a', { watch: listener }))
    assert.equal(read.data.toString(), 'one')
    await assert.rejects(
      eventually(() => client.setData('/a', 'two')),
      { error: 'not-read-only' },
    )
    await Promise.all(others.map((server) => server.start()))
    await until('it has moved', () => client.state.kind === 'connected' && !client.state.readOnly)
    await eventually(() => client.setData('/a', 'two'))
    assert.deepEqual(await heard(1), [{ kind: 'data-changed', path: '/a' }])
  })

  test('speaks TLS, and to nobody whose certificate it does not trust', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'alwayson-tls-'))
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rmSync(folder, { recursive: true, force: true }))
    const [ours, theirs] = [certificate(folder, 'ours'), certificate(folder, 'theirs')]
    const [port = 0] = await freePorts(1)
    const server = stack.use(
      await openZooKeeper({
        config: {
          serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
          secureClientPort: port,
          secureClientPortAddress: '127.0.0.1',
          'ssl.keyStore.location': ours.both,
          'ssl.keyStore.type': 'PEM',
          'ssl.trustStore.location': ours.certificate,
          'ssl.trustStore.type': 'PEM',
        },
      }),
    )
    const secured = { ca: ours.ca, cert: ours.ca, key: readFileSync(ours.key), servername: 'ours' }
    const client = stack.use(await opened(`127.0.0.1:${port}`, { tls: secured }))
    await client.create('/a', 'x'.repeat(100_000))
    assert.equal((await client.getData('/a')).data.length, 100_000)
    assert.ok((await client.whoAmI()).some(({ scheme }) => scheme === 'x509'))
    const wary = stack.use(
      openClient(`127.0.0.1:${port}`, { tls: { ...secured, ca: theirs.ca }, backoff }),
    )
    await until('it says why', () => /certificate/.test(String(wary.lossCause)))
    const plain = stack.use(openClient(`127.0.0.1:${port}`, { backoff }))
    await until('it is not taken in', () => plain.lossCause !== undefined)
    assert.equal(wary.state.kind, 'connecting')
    assert.ok((await server.ask('srvr')).includes('Mode: standalone'))
  })
})

/** A certificate that signs itself, and its key, in files and as text. */
function certificate(folder: string, name: string) {
  const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)]
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', `/CN=${name}`],
    ...['-addext', `subjectAltName=DNS:${name}`, '-keyout', key, '-out', certificate],
  ])
  assert.equal(made.status, 0, String(made.stderr))
  const ca = readFileSync(certificate, 'utf8')
  const both = join(folder, `${name}.pem`)
  writeFileSync(both, readFileSync(key, 'utf8') + ca)
  return { key, certificate, ca, both }
}
