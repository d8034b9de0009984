// Who gets in: certificates that others understand, keys that are read as they were written, and
// connections that nobody opens without both.

import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls'
import { identifier, integer, time } from '../../wire/der.ts'
import { writeWhole } from '../whole-file.ts'
import { issue, makeAuthority } from './certificates.ts'
import { formatKeys, type MachineKeys, parseKeys, readKeys } from './keys.ts'
import { clientTls, machineOf, serverTls } from './tls.ts'

const now = new Date()
const authority = makeAuthority('shop authority', now)

function keysOf(machine: string, by = authority, hosts = ['127.0.0.1']): MachineKeys {
  const { cert, key } = issue(by, { name: machine, hosts }, now)
  return { cluster: 'shop', machine, secret: 'x'.repeat(43), ca: by.cert, cert, key }
}

test('DER: the standards’ own examples', () => {
  // X.690 8.19.5, RFC 5280 4.1.2.5.
  assert.equal(identifier('2.999.3').toString('hex'), '0603883703')
  assert.equal(identifier('1.2.840.10045.4.3.2').toString('hex'), '06082a8648ce3d040302')
  assert.equal(integer(Buffer.from([0, 0, 0x80])).toString('hex'), '02020080')
  assert.equal(time(new Date('2049-12-31T23:59:59Z')).toString(), '\x17\r491231235959Z')
  assert.equal(time(new Date('2050-01-01T00:00:00Z')).toString(), '\x18\x0f20500101000000Z')
})

test('a certificate is good for the machine, at its addresses, under its authority', () => {
  const { cert, ca } = keysOf('a', authority, ['10.0.0.11', 'fd00::1:2', '::ffff:1.2.3.4', 'a.lan'])
  const [leaf, root] = [new X509Certificate(cert), new X509Certificate(ca)]
  assert.ok(leaf.verify(root.publicKey) && root.verify(root.publicKey))
  assert.ok(leaf.checkIssued(root) && root.ca && !leaf.ca)
  for (const ip of ['10.0.0.11', 'fd00::1:2', '::ffff:1.2.3.4']) assert.equal(leaf.checkIP(ip), ip)
  assert.equal(leaf.checkIP('10.0.0.12'), undefined)
  assert.deepEqual([leaf.checkHost('a.lan'), leaf.checkHost('a')], ['a.lan', 'a'])
  assert.ok(new Date(leaf.validFrom) < now)
  assert.equal(new Date(leaf.validTo).getUTCFullYear(), now.getUTCFullYear() + 10)
})

test('keys are read as they were written, and only from a private file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'alwayson-keys-'))
  try {
    const path = join(folder, 'a.keys')
    const keys = keysOf('a')
    assert.equal(await readKeys(path), undefined)
    writeWhole(path, formatKeys(keys))
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(await readKeys(path), keys)
    assert.deepEqual(readdirSync(folder), ['a.keys'])
    chmodSync(path, 0o640)
    await assert.rejects(readKeys(path), { code: 'refused', message: /can be read by others/ })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('keys that are damaged are refused without showing the secret', () => {
  const secret = 'S'.repeat(43)
  const text = formatKeys({ ...keysOf('a'), secret })
  const broken = [
    '',
    text.slice(1),
    text.replace('machine a', 'machine ../a'),
    text.replace(secret, secret.slice(1)),
    text.replace(/-----BEGIN CERT[A-Za-z0-9+/=\n -]*?END CERTIFICATE-----\n/, ''),
    text.slice(0, -20),
  ]
  for (const one of broken) {
    assert.throws(
      () => parseKeys(one, 'a.keys'),
      (thrown: Error) => /^a\.keys /.test(thrown.message) && !thrown.message.includes('SSS'),
    )
  }
})

/** What a server of machine `a` says to a client that comes with `options`. */
async function greeting(options: ConnectionOptions): Promise<string> {
  const server = createServer(serverTls(keysOf('a')), (socket: TLSSocket) => {
    socket.on('error', () => undefined)
    socket.end(`welcome ${machineOf(socket)}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, ...options })
      let heard = ''
      socket.on('data', (chunk) => {
        heard += chunk.toString()
      })
      socket.on('error', reject)
      socket.on('close', () => (heard === '' ? reject(new Error('not let in')) : resolve(heard)))
    })
  } finally {
    server.close()
  }
}

test('machines of one cluster know each other', async () => {
  assert.equal(await greeting(clientTls(keysOf('b'), 'a')), 'welcome b')
})

test('a machine without a certificate, or with another cluster’s, is not let in', async () => {
  const { ca } = keysOf('b')
  await assert.rejects(greeting({ ca, servername: 'a' }), /not let in|alert|ECONNRESET/)
  const stranger = { ...keysOf('b', makeAuthority('other', now)), ca }
  await assert.rejects(greeting(clientTls(stranger, 'a')), /not let in|alert|ECONNRESET/)
})

test('a machine that stands at another’s address is not believed', async () => {
  await assert.rejects(greeting(clientTls(keysOf('b'), 'c')), /of a, not of c/)
  const elsewhere = keysOf('b', makeAuthority('other', now))
  await assert.rejects(greeting(clientTls(elsewhere, 'a')), /certificate/)
})
