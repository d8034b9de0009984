// What the file says its machines agree through: opened, kept, and closed to whoever does not know
// the secret.

import assert from 'node:assert/strict'
import { mkdtempDisposableSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { issue, makeAuthority } from '../../src/control/doors/certificates.ts'
import type { MachineKeys } from '../../src/control/doors/keys.ts'
import { openZooKeeper } from '../../src/coordination/client/client.ts'
import type { CoordinationPlan } from '../../src/coordination/model.ts'
import { type OpenCoordination, openCoordination } from '../../src/coordination/open.ts'
import { ms, openClock } from '../../src/foundation/time.ts'

const newFolder = () => mkdtempDisposableSync(join(tmpdir(), 'alwayson-open-'))

const openHost = (): never => {
  throw new Error('nothing is run for this')
}
const clock = openClock()
const authority = makeAuthority('shop', new Date())

function keysWith(secret: string): MachineKeys {
  const { cert, key } = issue(authority, { name: 'a', hosts: [] }, new Date())
  return { cluster: 'shop', machine: 'a', secret, ca: authority.cert, cert, key }
}

const open = (
  folder: string,
  plan: CoordinationPlan = { kind: 'embedded' },
  keys?: MachineKeys,
): Promise<OpenCoordination> =>
  openCoordination({ plan, folder, keys, clock, heard: () => undefined, openHost })

const signal = (): AbortSignal => AbortSignal.timeout(60_000)

test('one machine starts its own server, and finds again what it had', async () => {
  using folder = newFolder()
  for (const round of [0, 1]) {
    await using coordination = await open(folder.path)
    await using coordinator = await coordination.open(signal())
    const known = await coordinator.read('/what')
    assert.equal(known?.data.toString(), round === 0 ? undefined : 'kept')
    if (round === 0) {
      await coordinator.write([{ kind: 'create', path: '/what', data: 'kept' }])
    }
  }
  assert.equal(statSync(join(folder.path, 'secret')).mode & 0o777, 0o600)
})

test('who does not know the secret can neither read nor write', async () => {
  using folder = newFolder()
  await using coordination = await open(folder.path)
  await using coordinator = await coordination.open(signal())
  await coordinator.write([{ kind: 'create', path: '/what', data: 'ours' }])
  const [hosts = ''] = coordination.hosts.split('/')
  await using stranger = openZooKeeper(hosts)
  await stranger.connected(signal())
  const noAuth = { error: 'no-auth' }
  await assert.rejects(stranger.getData('/alwayson/what'), noAuth)
  await assert.rejects(stranger.setData('/alwayson/what', 'theirs'), noAuth)
  await assert.rejects(stranger.getChildren('/alwayson'), noAuth)
  await assert.rejects(stranger.create('/alwayson/more'), noAuth)
  await assert.rejects(stranger.delete('/alwayson/what'), noAuth)
})

test('a machine with another secret does not join, and is told why', async () => {
  using folder = newFolder()
  await using server = await open(folder.path, undefined, keysWith('s'.repeat(43)))
  const [host = '', port = ''] = (server.hosts.split('/')[0] ?? '').split(':')
  const plan: CoordinationPlan = {
    kind: 'zookeeper',
    servers: [{ host, port: Number(port) }],
    chroot: '/teams/shop',
    session: ms(6000),
    tls: undefined,
  }
  await using ours = await open(folder.path, plan, keysWith('a'.repeat(43)))
  await using coordinator = await ours.open(signal())
  await coordinator.write([{ kind: 'create', path: '/what' }])
  await using theirs = await open(folder.path, plan, keysWith('b'.repeat(43)))
  await assert.rejects(theirs.open(signal()), {
    code: 'refused',
    message: `127.0.0.1:${port}/teams/shop belongs to a cluster with another secret`,
  })
  // Beside it there is room for other clusters.
  const beside = { ...plan, chroot: '/teams/other' }
  await using others = await open(folder.path, beside, keysWith('b'.repeat(43)))
  await using another = await others.open(signal())
  assert.deepEqual(await another.list('/'), [])
})

test('without keys nobody takes part in what others share', async () => {
  using folder = newFolder()
  const plan: CoordinationPlan = {
    kind: 'zookeeper',
    servers: [{ host: '127.0.0.1', port: 1 }],
    chroot: '/shop',
    session: ms(6000),
    tls: undefined,
  }
  await assert.rejects(open(folder.path, plan), { code: 'not-found', message: /has no keys/ })
})

test('what was agreed on does not move to another coordinator', async () => {
  using folder = newFolder()
  await using coordination = await open(folder.path)
  await coordination.follow({ kind: 'embedded' })
  const elsewhere: CoordinationPlan = {
    kind: 'zookeeper',
    servers: [{ host: '127.0.0.1', port: 1 }],
    chroot: '/shop',
    session: ms(6000),
    tls: undefined,
  }
  await assert.rejects(coordination.follow(elsewhere), {
    code: 'refused',
    message: /does not move/,
  })
  await using coordinator = await coordination.open(signal())
  assert.deepEqual(await coordinator.list('/'), [])
})
