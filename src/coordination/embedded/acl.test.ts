// Who may do what? Lists, addresses and digests, as Apache ZooKeeper reads them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AclTable,
  digestIdentity,
  fixedAcl,
  isAllowed,
  makeAcl,
  openAcl,
  provedBy,
  withIdentities,
} from './acl.ts'

const local = { scheme: 'ip', id: '127.0.0.1' }
const bob = digestIdentity('bob:secret')

test('makes the digest that ZooKeeper documents', () => {
  // DigestAuthenticationProvider.generateDigest("super:admin"), from Apache's documentation.
  assert.equal(digestIdentity('super:admin').id, 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=')
})

test('takes networks apart by their bits', () => {
  const table = new AclTable()
  const reaches = (network: string, address: string): boolean =>
    isAllowed(table.intern(makeAcl([{ perms: 1, scheme: 'ip', id: network }])), 1, [
      { scheme: 'ip', id: address },
    ])
  assert.equal(reaches('10.0.0.0/8', '10.255.3.4'), true)
  assert.equal(reaches('10.0.0.0/8', '11.0.0.1'), false)
  assert.equal(reaches('10.1.2.3', '10.1.2.3'), true)
  assert.equal(reaches('10.1.2.3', '10.1.2.4'), false)
  assert.equal(reaches('10.1.2.3/31', '10.1.2.2'), true)
  assert.equal(reaches('0.0.0.0/0', '255.255.255.255'), true)
  assert.equal(reaches('10.0.0.0/33', '10.0.0.1'), false)
  assert.equal(reaches('10.0.0/8', '10.0.0.1'), false)
  assert.equal(reaches('::1', '::1'), false)
})

test('what is not valid makes the whole list invalid', () => {
  const entry = (scheme: string | null, id: string | null) => [{ perms: 31, scheme, id }]
  for (const [scheme, id] of [
    ['world', 'somebody'],
    ['digest', 'nobody'],
    ['digest', 'a:b:c'],
    ['digest', 'a:'],
    ['ip', '1.2.3'],
    ['ip', '1.2.3.4/-1'],
    ['ip', '1.2.3.256'],
    ['kerberos', 'x'],
    ['auth', ''],
    [null, 'x'],
  ] as const) {
    assert.equal(fixedAcl(entry(scheme, id), [local]), undefined, `${scheme}:${id}`)
  }
  assert.equal(fixedAcl([], [local]), undefined)
  assert.equal(fixedAcl(entry('digest', null), [local]), 'unreadable')
})

test('`auth` stands for what was proved, and duplicates for one', () => {
  const wished = [
    { perms: 5, scheme: 'auth', id: 'ignored' },
    { perms: 1, scheme: 'world', id: 'anyone' },
    { perms: 1, scheme: 'world', id: 'anyone' },
  ]
  assert.deepEqual(fixedAcl(wished, [local, bob]), [
    { perms: 5, ...bob },
    { perms: 1, scheme: 'world', id: 'anyone' },
  ])
})

test('permits what one of the entries permits to one of the identities', () => {
  const acl = makeAcl([
    { perms: 1, scheme: 'world', id: 'anyone' },
    { perms: 2, ...bob },
  ])
  assert.equal(isAllowed(acl, 1, []), true)
  assert.equal(isAllowed(acl, 2, [local]), false)
  assert.equal(isAllowed(acl, 2, [local, bob]), true)
  assert.equal(isAllowed(acl, 4, [local, bob]), false)
  assert.equal(isAllowed(acl, 4, [{ scheme: 'super', id: '' }]), true)
})

test('equal lists are one, and those that nobody has are forgotten', () => {
  const table = new AclTable()
  const entries = [{ perms: 3, ...bob }]
  const one = table.intern(makeAcl(entries))
  assert.equal(table.intern(makeAcl([...entries])), one)
  assert.equal(table.intern(makeAcl(openAcl.entries)), openAcl)
  for (let perms = 0; perms < 30; perms += 1) table.intern(makeAcl([{ perms, ...local }]))
  table.keepOnly(new Set([one]))
  assert.equal(table.size, 3)
  assert.equal(table.intern(makeAcl(entries)), one)
})

test('the super user is who has its digest, and nobody proves a scheme that is unknown', () => {
  const digest = digestIdentity('super:admin').id
  assert.deepEqual(provedBy('digest', 'super:admin', digest)?.[0], { scheme: 'super', id: '' })
  assert.deepEqual(provedBy('digest', 'super:guess', digest), [digestIdentity('super:guess')])
  assert.deepEqual(provedBy('ip', '', undefined), [])
  assert.equal(provedBy('world', 'anyone', undefined), undefined)
  assert.equal(provedBy(null, null, undefined), undefined)
  assert.deepEqual(withIdentities([local, bob], [bob]), [local, bob])
})
