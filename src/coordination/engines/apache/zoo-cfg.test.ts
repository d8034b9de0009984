// The settings of an ensemble's servers: nothing beyond the machine's own address, nothing without
// a certificate, and numbers that stay.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ms } from '../../../foundation/time.ts'
import type { Machine, ManagedPlan } from '../../model.ts'
import { numbersOf, zooCfg } from './zoo-cfg.ts'

const machine = (name: string, address: string): Machine => ({ name, address, zone: undefined })
const members = [machine('a', '10.0.0.1'), machine('b', 'fd00::2'), machine('c', 'c.lan')]
const plan: ManagedPlan = {
  kind: 'managed',
  members,
  ports: { client: 2181, peer: 2888, election: 3888 },
  chroot: '/shop',
  session: ms(2000),
  home: undefined,
  data: undefined,
  heapBytes: 2 ** 28,
}
const files = { data: '/var/zk', identity: '/keys/us.pem', authority: '/keys/ca.pem' }

const settingsOf = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  )

test('a server listens at its machine’s address alone, and only over TLS', () => {
  const settings = settingsOf(zooCfg(plan, members[0]!, files))
  assert.equal(settings.get('secureClientPortAddress'), '10.0.0.1')
  assert.equal(settings.get('secureClientPort'), '2181')
  for (const key of ['clientPort', 'clientPortAddress']) assert.equal(settings.get(key), undefined)
  assert.equal(settings.get('quorumListenOnAllIPs'), 'false')
  assert.equal(settings.get('admin.enableServer'), 'false')
  assert.equal(settings.get('sslQuorum'), 'true')
  for (const door of ['ssl', 'ssl.quorum']) {
    assert.equal(settings.get(`${door}.keyStore.location`), '/keys/us.pem')
    assert.equal(settings.get(`${door}.trustStore.location`), '/keys/ca.pem')
  }
})

test('every server knows all of them by the same numbers', () => {
  const servers = members.map((one) =>
    [...settingsOf(zooCfg(plan, one, files))].filter(([key]) => key.startsWith('server.')),
  )
  assert.deepEqual(servers[0], servers[1])
  assert.deepEqual(servers[0], servers[2])
  const addresses = servers[0]?.map(([, address]) => address)
  assert.deepEqual(addresses, ['10.0.0.1:2888:3888', '[fd00::2]:2888:3888', 'c.lan:2888:3888'])
})

test('a leader that is lost, or followed by too few, is given up within seconds', () => {
  const settings = settingsOf(zooCfg(plan, members[0]!, files))
  const seconds = (key: string): number =>
    (Number(settings.get(key)) * Number(settings.get('tickTime'))) / 1000
  assert.ok(seconds('syncLimit') <= 2)
  assert.ok(seconds('connectToLearnerMasterLimit') <= 1)
  assert.ok(seconds('initLimit') <= 5)
})

test('one server alone is no ensemble', () => {
  const [first] = members
  assert.doesNotMatch(zooCfg({ ...plan, members: [first!] }, first!, files), /^server\./m)
})

test('numbers stay when the list changes its order or its length, and are never shared', () => {
  const before = numbersOf(members)
  const after = numbersOf([machine('z', '10.0.0.9'), ...members.slice(1).toReversed()])
  for (const name of ['b', 'c']) assert.equal(after.get(name), before.get(name))
  const many = Array.from({ length: 250 }, (_, index) => machine(`m${index}`, `10.0.1.${index}`))
  const numbers = [...numbersOf(many).values()]
  assert.equal(new Set(numbers).size, many.length)
  assert.ok(numbers.every((number) => number >= 1 && number <= 254))
})
