// A door under TLS does all that a plain one does, and is not to be held open or broken by anybody.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { type ConnectionOptions, type TLSSocket, connect as tlsTo } from 'node:tls'
import { makePair, sharedPair } from '../../../../../test/support/certificates.ts'
import {
  answering,
  EdgeBed,
  get,
  Origin,
  ok,
  Peer,
  post,
  type TableWish,
  until,
} from '../../../../../test/support/edge-bed.ts'
import { ms } from '../../../../foundation/time.ts'
import type { EdgeSecrets, TableTls } from '../../../model.ts'

const ticketKey = () => ({ bytes: randomBytes(48).toString('base64') })

const secrets: EdgeSecrets = {
  certificates: [{ id: 'one', ...sharedPair() }],
  tickets: [ticketKey()],
  challenges: [],
}

const doorTls: TableTls = {
  certificates: [{ id: 'one', names: ['shop.example', '*.shop.example'] }],
  oldest: 'TLSv1.2',
  protocols: ['http/1.1'],
}

async function securedBed(wish: TableWish['frontend'] = {}, given = secrets) {
  const origin = await answering('a', (head, body) =>
    ok(`${/x-forwarded-proto: (\w+)/i.exec(head)?.[1]}${body}`),
  )
  const bed = new EdgeBed()
  bed.edge.entrust(given)
  await bed.apply([origin.row()], { frontend: { tls: doorTls, ...wish } })
  const sockets: TLSSocket[] = []
  return {
    bed,
    origin,
    dial(options: ConnectionOptions = {}): { socket: TLSSocket; peer: Peer } {
      const socket = tlsTo({
        ...{ port: bed.port, host: '127.0.0.1', servername: 'shop.example' },
        ...{ rejectUnauthorized: false, ...options },
      })
      sockets.push(socket)
      return { socket, peer: new Peer(socket) }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await bed[Symbol.asyncDispose]()
      await origin[Symbol.asyncDispose]()
    },
  }
}

test('carries requests over TLS and tells servers that it was https', async () => {
  await using stage = await securedBed()
  const { socket, peer } = stage.dial({ ALPNProtocols: ['h2', 'http/1.1'] })
  peer.send(get())
  assert.equal((await peer.takeMessage()).body, 'https')
  peer.send(get())
  assert.equal((await peer.takeMessage()).body, 'https')
  assert.equal(socket.alpnProtocol, 'http/1.1')
})

test('carries large bodies both ways, and requests that come together', async () => {
  await using stage = await securedBed()
  const { peer } = stage.dial()
  const body = 'x'.repeat(3_000_000)
  peer.send(post(body) + get())
  assert.equal((await peer.takeMessage()).body === `https${body}`, true)
  assert.equal((await peer.takeMessage()).body, 'https')
})

test('shows each name its certificate, and the first one to every other name', async () => {
  const other = makePair(['other.example'])
  const tls: TableTls = {
    ...doorTls,
    certificates: [...doorTls.certificates, { id: 'two', names: ['other.example'] }],
  }
  const given = { ...secrets, certificates: [...secrets.certificates, { id: 'two', ...other }] }
  await using stage = await securedBed({ tls }, given)
  const shown = async (servername: string): Promise<string> => {
    const { socket } = stage.dial({ servername })
    await until('a handshake', () => socket.getProtocol() !== null && !socket.connecting)
    await new Promise<void>((resolve) => {
      if (socket.getPeerCertificate().subjectaltname !== undefined) return resolve()
      socket.once('secureConnect', resolve)
    })
    return socket.getPeerCertificate().subjectaltname ?? ''
  }
  assert.match(await shown('other.example'), /other/)
  assert.match(await shown('a.shop.example'), /shop/)
  assert.match(await shown('b.a.shop.example'), /shop/)
  assert.match(await shown('nobody.knows'), /shop/)
  assert.match(await shown(''), /shop/)
})

test('ends TLS in TCP mode', async () => {
  await using origin = await Origin.open('a', (peer) => {
    peer.socket.on('data', () => peer.send(peer.received.toUpperCase()))
  })
  await using bed = new EdgeBed()
  bed.edge.entrust(secrets)
  await bed.apply([origin.row()], { frontend: { mode: 'tcp', tls: doorTls } })
  const socket = tlsTo({ port: bed.port, host: '127.0.0.1', rejectUnauthorized: false })
  using _end = { [Symbol.dispose]: () => void socket.destroy() }
  const peer = new Peer(socket)
  peer.send('hello')
  assert.equal(await peer.take('HELLO'), 'HELLO')
})

test('refuses what is no TLS, tells whoever speaks HTTP, and serves the others', async () => {
  await using stage = await securedBed()
  const good = stage.dial().peer
  const http = await stage.bed.client()
  http.send(get())
  assert.match(await http.takeEnd(), /^HTTP\/1\.1 400 .*use https/s)
  for (const garbage of ['\0'.repeat(600), '\x16\x03\x01\xff\xff', 'SSH-2.0-x\r\n']) {
    const peer = await stage.bed.client()
    peer.send(garbage)
    assert.equal(await peer.takeEnd(), '')
  }
  const broken = await stage.bed.client()
  broken.send('\x16\x03\x01\x00\x08\x01\x00\x00\x04\x03\x03\x00\x00')
  await broken.takeEnd()
  good.send(get())
  assert.equal((await good.takeMessage()).body, 'https')
})

test('ends a handshake that is held open', async () => {
  await using stage = await securedBed({ headTimeout: ms(100) })
  const silent = await stage.bed.client()
  const half = await stage.bed.client()
  half.send('\x16\x03\x01')
  await silent.takeEnd()
  await half.takeEnd()
  assert.equal(stage.bed.report.frontends.public?.connections, 0)
})

/** A ClientHello of our own, for handshakes that nobody means to finish. */
async function helloBytes(): Promise<string> {
  await using sink = await Origin.open('sink', () => undefined)
  const socket = tlsTo({ port: sink.port, host: '127.0.0.1', servername: 'shop.example' })
  socket.on('error', () => undefined)
  await until('a hello', () => (sink.peers[0]?.received.length ?? 0) > 200)
  socket.destroy()
  return sink.peers[0]?.received ?? ''
}

test('lets the oldest of too many begun handshakes give way, and serves who means it', async () => {
  await using stage = await securedBed({ maxConnections: 10_000 })
  const hello = await helloBytes()
  const held: Peer[] = []
  for (let count = 0; count < 1100; count += 1) {
    const peer = await stage.bed.client()
    peer.send(hello)
    held.push(peer)
  }
  await until('the first to give way', () => held.slice(0, 99).every((peer) => peer.closed))
  assert.ok(held.slice(-500).every((peer) => !peer.closed))
  const { peer } = stage.dial()
  peer.send(get())
  assert.equal((await peer.takeMessage()).body, 'https')
})

test('does not renegotiate', async () => {
  await using stage = await securedBed()
  const { socket, peer } = stage.dial({ maxVersion: 'TLSv1.2' })
  peer.send(get())
  await peer.takeMessage()
  const failure = await new Promise<Error | null>((resolve) => {
    socket.once('error', resolve)
    socket.renegotiate({}, (error) => resolve(error))
  })
  assert.match(String(failure), /renegotiation/)
})

test('refuses versions older than it is told', async () => {
  await using stage = await securedBed({ tls: { ...doorTls, oldest: 'TLSv1.3' } })
  const { peer } = stage.dial({ maxVersion: 'TLSv1.2' })
  await until('an alert', () => peer.error !== undefined)
  assert.match(String(peer.error), /alert protocol version|ALERT/i)
})

test('shows what it was given before until a table names the new one', async () => {
  await using stage = await securedBed()
  const next = makePair(['new.example'])
  const renewed = { ...secrets, certificates: [{ id: 'two', ...next }] }
  stage.bed.edge.entrust(renewed)
  const { peer } = stage.dial()
  peer.send(get())
  assert.equal((await peer.takeMessage()).body, 'https')
  const tls = { ...doorTls, certificates: [{ id: 'two', names: ['new.example'] }] }
  await stage.bed.apply([stage.origin.row()], { frontend: { tls } })
  const after = stage.dial().peer
  after.send(get())
  assert.equal((await after.takeMessage()).body, 'https')
  assert.equal((await askAgain(peer)).body, 'https')
})

async function askAgain(peer: Peer) {
  peer.send(get())
  return peer.takeMessage()
}

test('says that it has too many connections by ending them, before a handshake', async () => {
  await using stage = await securedBed({ maxConnections: 1 })
  const first = stage.dial().peer
  first.send(get())
  await first.takeMessage()
  const { peer } = stage.dial()
  await until('an end', () => peer.closed)
  assert.equal((await askAgain(first)).body, 'https')
})
