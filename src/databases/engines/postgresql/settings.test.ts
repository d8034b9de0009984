// What a member is configured by: nothing that durability rests on is left to the file.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defeats } from '../../durable-settings.ts'
import {
  acksIn,
  configuration,
  courseText,
  doorsIn,
  enforced,
  hbaText,
  namesOf,
  noAcks,
  passwordLine,
  quoteValue,
  slotOf,
  upstreamIn,
} from './settings.ts'

const address = { member: 'm1', host: '10.0.0.1', port: 5432 }
const place = { address, run: '/run/ao/m1', major: 18, freeBytes: 8 * 1024 ** 3 }
const approach = {
  ...{ user: 'repl', passwordFile: '/run/ao/m1/passwords', member: 'm1', major: 18 },
  tls: undefined,
}

test('refuses in the file whatever is written whatever the file says', () => {
  for (const name of Object.keys(enforced(place, {}))) {
    const found = defeats('postgresql', name, 'anything else', 'quorum')
    assert.ok(found !== undefined, `${name} would be taken from the file and not be in force`)
  }
})

test('writes last what the file may not have', () => {
  const text = configuration(place, { Work_Mem: '64MB', fsync: 'off', 'wal-level': 'logical' })
  const lines = text.split('\n')
  assert.ok(lines.includes("work_mem = '64MB'"))
  assert.equal(
    lines.findLast((line) => line.startsWith('fsync')),
    "fsync = 'on'",
  )
  assert.equal(
    lines.findLast((line) => line.startsWith('wal_level')),
    "wal_level = 'logical'",
  )
})

test('does not name what a version does not know', () => {
  assert.ok(!configuration({ ...place, major: 16 }, {}).includes('allow_alter_system'))
  assert.ok(configuration({ ...place, major: 17 }, {}).includes('allow_alter_system'))
})

test('quotes a value so that it stays one', () => {
  assert.equal(quoteValue("it's \\ here"), "'it''s \\\\ here'")
})

test('reads the set that it wrote', () => {
  for (const acks of [
    { members: [], needed: 0 },
    { members: ['m2', 'm3'], needed: 1 },
    { members: ['a "b"', 'c, d'], needed: 2 },
  ]) {
    assert.deepEqual(acksIn(namesOf(acks)), acks)
  }
  assert.equal(acksIn(namesOf(noAcks)), undefined)
  assert.equal(acksIn('FIRST 1 (a)'), undefined)
})

test('remembers whom a member follows, and no password', () => {
  const text = courseText({ upstream: address, acks: noAcks }, approach)
  assert.deepEqual(upstreamIn(text), address)
  assert.match(text, /passfile=/)
  assert.doesNotMatch(text, /password=/)
  assert.equal(upstreamIn(courseText({ upstream: undefined, acks: noAcks }, approach)), undefined)
})

const accounts = {
  ...{ admin: { user: 'us' }, replication: { user: 'them' }, app: { user: 'shop' } },
}

test('lets in whom a server let in before it was taken over, while doors are open', () => {
  const before = ['host "shop" "old" "10.0.0.0" "255.0.0.0" md5']
  const open = hbaText('open', accounts, before).split('\n')
  assert.ok(open.indexOf('host all "us" all reject') < open.indexOf(before[0] ?? ''))
  assert.ok(open.includes('host all "shop" all scram-sha-256'))
  assert.ok(!open.includes('host all all all scram-sha-256'))
  assert.ok(!hbaText('closed', accounts, before).includes('old'))
})

test('lets clients in only through open doors, and our account never over the network', () => {
  assert.equal(doorsIn(hbaText('open', accounts)), 'open')
  const closed = hbaText('closed', accounts)
  assert.equal(doorsIn(closed), 'closed')
  assert.ok(closed.includes('host all all all reject'))
  assert.ok(closed.includes('host all "us" all reject'))
  assert.ok(closed.includes('host replication "them" all scram-sha-256'))
})

test('gives every member a slot of its own', () => {
  const names = ['m1', 'M1', 'm-1', 'm_1', 'm.1', 'ö', 'x'.repeat(60), `${'x'.repeat(60)}y`]
  const slots = names.map(slotOf)
  assert.equal(new Set(slots).size, names.length)
  for (const slot of slots) assert.match(slot, /^[a-z0-9_]{1,63}$/)
})

test('writes a password as its file wants it', () => {
  assert.equal(passwordLine({ user: 'a:b', password: 'c\\d:e' }), '*:*:*:a\\:b:c\\\\d\\:e\n')
})

const tls = { ca: '/run/ao/m1/ca', cert: '/run/ao/m1/cert', key: '/run/ao/m1/key' }

test('members on several machines receive from whom they can believe, and from nobody else', () => {
  const plain = courseText({ upstream: address, acks: noAcks }, approach)
  assert.match(plain, /sslmode='disable'|sslmode=''disable''/)
  const text = courseText({ upstream: address, acks: noAcks }, { ...approach, tls })
  assert.match(text, /sslmode=''verify-full''/)
  assert.match(text, /sslcert=''\/run\/ao\/m1\/cert''/)
  // Its libpq compares names only, and members are known by their addresses.
  const old = courseText({ upstream: address, acks: noAcks }, { ...approach, tls, major: 14 })
  assert.match(old, /sslmode=''verify-ca''/)
})

test('over the network nobody is let in there without TLS and a certificate', () => {
  const lines = hbaText('open', accounts, undefined, true)
    .split('\n')
    .filter((line) => /^host/.test(line) && !line.endsWith('reject'))
  assert.equal(lines.length, 3)
  for (const line of lines) assert.match(line, /^hostssl .* scram-sha-256 clientcert=verify-ca$/)
  assert.match(configuration({ ...place, tls }, { ssl: 'off' }), /ssl = 'off'[\s\S]*ssl = 'on'/)
})
