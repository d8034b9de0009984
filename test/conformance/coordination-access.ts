// The promises of doors: who may do what, and who is who.

import assert from 'node:assert/strict'
import { anyone, creator, digest, digestId } from '../../src/coordination/client/acl.ts'
import type { Permission } from '../../src/coordination/client/model.ts'
import { ms } from '../../src/foundation/time.ts'
import { failsWith, type SceneTest } from './scene.ts'

const ann = { scheme: 'digest', auth: 'ann:secret' } as const
const bob = { scheme: 'digest', auth: 'bob:other' } as const

export function accessPromises(test: SceneTest): void {
  test('lets nobody in who does not know the name and the secret', async ({ open }) => {
    const owner = await open({ credentials: [ann] })
    const strangers = [await open(), await open({ credentials: [bob] })]
    await owner.create('/safe', 'gold', { acl: [digest('ann', 'secret')] })
    await owner.create('/safe/box', '', { acl: [creator()] })
    await owner.catchUp()
    for (const stranger of strangers) {
      await stranger.catchUp()
      await failsWith(stranger.getData('/safe'), 'no-auth')
      await failsWith(stranger.getChildren('/safe'), 'no-auth')
      await failsWith(stranger.setData('/safe', ''), 'no-auth')
      await failsWith(stranger.create('/safe/mine'), 'no-auth')
      await failsWith(stranger.delete('/safe/box'), 'no-auth')
      await failsWith(stranger.setAcl('/safe', [anyone()]), 'no-auth')
      await failsWith(stranger.getAcl('/safe'), 'no-auth')
      await failsWith(stranger.multi([{ kind: 'set', path: '/safe', data: '' }]), 'no-auth')
      const [read] = await stranger.multiRead([{ kind: 'data', path: '/safe' }])
      assert.ok(read?.kind === 'error')
      // That it is there, and how it stands, is no secret.
      assert.equal((await stranger.exists('/safe'))?.dataLength, 4)
    }
    assert.equal((await owner.getData('/safe')).data.toString(), 'gold')
    await owner.setData('/safe', 'more', { version: 0 })
    await owner.delete('/safe/box')
  })

  test('lets in whoever authenticates later, also after a lost connection', async ({
    open,
    openFaulty,
  }) => {
    const owner = await open({ credentials: [ann] })
    await owner.create('/safe', 'gold', { acl: [creator()] })
    const { client, network } = await openFaulty()
    await failsWith(client.getData('/safe'), 'no-auth')
    await client.authenticate(ann)
    assert.equal((await client.getData('/safe')).data.toString(), 'gold')
    network.cut()
    assert.equal((await eventually(() => client.getData('/safe'))).data.toString(), 'gold')
    const who = await client.whoAmI()
    assert.ok(who.some(({ scheme, id }) => scheme === 'digest' && id === 'ann'))
  })

  test('grants each permission by itself', async ({ open }) => {
    const owner = await open({ credentials: [ann] })
    const guest = await open()
    const deeds: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
      read: (path) => guest.getData(path),
      write: (path) => guest.setData(path, 'x'),
      create: (path) => guest.create(`${path}/new`),
      delete: (path) => guest.delete(`${path}/old`),
      admin: (path) => guest.setAcl(path, [anyone()]),
    }
    for (const granted of Object.keys(deeds)) {
      const path = `/only-${granted}`
      const acl = [digest('ann', 'secret'), anyone(granted as Permission)]
      await owner.create(path, '', { acl })
      await owner.create(`${path}/old`)
      await guest.catchUp()
      for (const [deed, attempt] of Object.entries(deeds)) {
        if (deed !== granted) await failsWith(attempt(path), 'no-auth')
      }
      await deeds[granted]?.(path)
    }
  })

  test('shows an ACL with its version, and the secrets in it to administrators only', async ({
    open,
  }) => {
    const owner = await open({ credentials: [ann] })
    const guest = await open()
    const { stat } = await owner.create('/a', '', { acl: [creator(), anyone('read')] })
    assert.equal(stat.aversion, 0)
    const { acl } = await owner.getAcl('/a')
    assert.deepEqual(acl, [digest('ann', 'secret'), anyone('read')])
    await guest.catchUp()
    const seen = await guest.getAcl('/a')
    assert.deepEqual(seen.acl[0]?.id, { scheme: 'digest', id: 'ann:x' })
    const changed = await owner.setAcl('/a', [digest('ann', 'secret')], { version: 0 })
    assert.equal(changed.aversion, 1)
    assert.equal(changed.version, 0)
    await failsWith(owner.setAcl('/a', [anyone()], { version: 0 }), 'bad-version')
  })

  test('refuses an ACL that grants nothing to nobody, or to nobody known', async ({ open }) => {
    const client = await open()
    await failsWith(client.create('/a', '', { acl: [] }), 'invalid-acl')
    await failsWith(client.create('/a', '', { acl: [creator()] }), 'invalid-acl')
    const unknown = { perms: 31, id: { scheme: 'unheard-of', id: 'x' } }
    await failsWith(client.create('/a', '', { acl: [unknown] }), 'invalid-acl')
    const world = { perms: 31, id: { scheme: 'world', id: 'somebody' } }
    await failsWith(client.create('/a', '', { acl: [world] }), 'invalid-acl')
    const halved = { perms: 31, id: { scheme: 'digest', id: 'no-colon' } }
    await failsWith(client.create('/a', '', { acl: [halved] }), 'invalid-acl')
    assert.equal(await client.exists('/a'), undefined)
  })

  test('ends a session whose credentials no server takes', async ({ open }) => {
    const client = await open()
    await failsWith(client.authenticate({ scheme: 'unheard-of', auth: 'x' }), 'auth-failed')
    assert.deepEqual(client.state, { kind: 'over', why: 'auth-failed' })
    await failsWith(client.getData('/'), 'auth-failed')
  })

  test('keeps a digest as the hash that others make of it too', () => {
    // From the documentation of ZooKeeper's DigestAuthenticationProvider.
    assert.equal(digestId('super', 'test'), 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=')
    return Promise.resolve()
  })

  /** The first answer that is not a lost connection; rejects after 60 s. */
  async function eventually<T>(ask: () => Promise<T>): Promise<T> {
    const deadline = AbortSignal.timeout(ms(60_000))
    for (;;) {
      try {
        return await ask()
      } catch (thrown) {
        if ((thrown as { error?: string }).error !== 'connection-loss') throw thrown
        deadline.throwIfAborted()
      }
    }
  }
}
