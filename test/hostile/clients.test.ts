// Hostile clients: whatever they do, others are answered, and nothing of it stays in the edge.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ms } from '../../src/foundation/time.ts'
import { answering, get, Origin, ok, type Peer, until } from '../support/edge-bed.ts'
import { many, Siege } from './siege.ts'

const mebibyte = 1024 * 1024

/** Sends a byte now and then until the edge has had enough. */
async function drip(peers: readonly Peer[], bytes: string): Promise<void> {
  for (let at = 0; peers.some((peer) => !peer.ended && !peer.closed); at += 1) {
    const byte = bytes[at % bytes.length] ?? ''
    for (const peer of peers) if (!peer.ended && !peer.closed) peer.send(byte)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

suite('hostile clients', () => {
  test('send heads byte by byte: they are told so, and others are answered', async () => {
    await using siege = await Siege.begin([])
    await siege.endures(async () => {
      const peers = await siege.clients(many(100))
      for (const peer of peers) peer.send('GET / HTTP/1.1\r\nHost: a\r\n')
      await drip(peers, 'X-Slow: x\r\n')
      for (const peer of peers) assert.match(peer.received, /^HTTP\/1.1 408 /)
      siege.leave(peers)
    }, 3)
  })

  test('send bodies byte by byte, as long as they like, and then not at all', async () => {
    await using bad = await answering('bad', () => ok(''))
    await using siege = await Siege.begin([bad])
    await siege.endures(async () => {
      const peers = await siege.clients(many(60))
      for (const peer of peers) {
        peer.send('POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nxxx')
      }
      for (let i = 0; i < 20; i += 1) {
        for (const peer of peers) peer.send('x')
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      await until('the edge to have had enough', () => peers.every((p) => p.ended || p.closed))
      siege.leave(peers)
    }, 3)
  })

  test('open connections and say nothing: each costs little, and is closed in time', async () => {
    await using siege = await Siege.begin([])
    const base = siege.memory
    await siege.endures(async () => {
      const peers = await siege.clients(many(1000))
      const each = (siege.memory - base) / peers.length
      assert.ok(each < 32 * 1024, `${Math.round(each)} bytes a connection`)
      await until('them to be closed', () => peers.every((peer) => peer.ended || peer.closed))
      siege.leave(peers)
    }, 4)
  })

  const floods: Readonly<Record<string, { readonly start: string; readonly more: string }>> = {
    'field after field': { start: 'GET / HTTP/1.1\r\nHost: a\r\n', more: 'X-A: b\r\n'.repeat(99) },
    'a field without end': { start: 'GET / HTTP/1.1\r\nX-A: ', more: 'a'.repeat(4000) },
    'a line without end': { start: 'GET /', more: 'a'.repeat(4000) },
    'a name without end': { start: 'GET / HTTP/1.1\r\n', more: 'a'.repeat(4000) },
    'empty lines without end': { start: '', more: '\r\n'.repeat(2000) },
  }
  for (const [name, { start, more }] of Object.entries(floods)) {
    test(`send ${name}: they are refused, and nothing is kept`, async () => {
      await using siege = await Siege.begin([])
      await siege.endures(async () => {
        const peers = await siege.clients(many(20))
        for (const peer of peers) peer.send(start)
        for (let i = 0; i < 100; i += 1) {
          for (const peer of peers) if (!peer.closed) peer.send(more)
          if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
        }
        await until('them to be refused', () => peers.every((peer) => peer.ended || peer.closed))
        for (const peer of peers) {
          if (peer.received !== '') assert.match(peer.received, /^HTTP\/1.1 4(00|08|14|31) /)
        }
        siege.leave(peers)
      })
    })
  }

  test('ask thousands of times at once and read nothing: no more is read ahead', async () => {
    const large = ok('x'.repeat(16_000))
    await using bad = await answering('bad', () => large)
    await using siege = await Siege.begin([bad], { idleTimeout: ms(60_000) })
    const base = siege.memory
    await siege.endures(async () => {
      const peers = await siege.clients(4)
      for (const peer of peers) {
        peer.socket.pause()
        for (let i = 0; i < 200; i += 1) peer.send(get('/bad').repeat(1000))
      }
      await until('the edge to stop reading', () => peers.every((p) => p.socket.writableLength > 0))
      assert.ok(siege.memory < base + 96 * mebibyte, `${siege.memory / mebibyte} MiB`)
      siege.leave(peers)
    })
  })

  test('ask thousands of times at once: all are answered, in order', async () => {
    await using bad = await answering('bad', (head) => ok(head.split(' ')[1] ?? ''))
    await using siege = await Siege.begin([bad])
    await siege.unharmed(async () => {
      const peer = await siege.client()
      const paths = Array.from({ length: many(500) }, (_, i) => `/bad/${i}`)
      peer.send(paths.map((path) => get(path)).join(''))
      for (const path of paths) assert.equal((await peer.takeMessage()).body, path)
    })
  })

  test('read nothing of large answers: servers wait, and memory does not', async () => {
    const large = ok('x'.repeat(4 * mebibyte))
    await using bad = await answering('bad', () => large)
    await using siege = await Siege.begin([bad])
    const base = siege.memory
    await siege.endures(async () => {
      const peers = await siege.clients(many(20))
      for (const peer of peers) {
        peer.socket.pause()
        peer.send(get('/bad'))
      }
      await until('the edge to have had enough', () => siege.files < 60)
      assert.ok(siege.memory < base + 96 * mebibyte, `${siege.memory / mebibyte} MiB`)
      siege.leave(peers)
    }, 4)
  })

  test('send bodies without end to a server that does not read: they have to wait', async () => {
    await using bad = await Origin.open('bad', (peer) => peer.socket.pause())
    await using siege = await Siege.begin([bad])
    const base = siege.memory
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    await siege.endures(async () => {
      const peers = await siege.clients(many(10))
      for (const peer of peers) {
        peer.send('PUT /bad HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
        for (let i = 0; i < 200; i += 1) peer.send(chunk)
      }
      await until('the edge to stop reading', () => peers.every((p) => p.socket.writableLength > 0))
      assert.ok(siege.memory < base + 96 * mebibyte, `${siege.memory / mebibyte} MiB`)
      siege.leave(peers)
      for (const peer of bad.peers.splice(0)) peer.close()
    }, 4)
  })

  test('leave in the middle of everything', async () => {
    await using bad = await Origin.open('bad', (peer) => peer.send('HTTP/1.1 200 OK\r\nContent-'))
    await using siege = await Siege.begin([bad])
    const parts = ['G', 'GET /bad HTTP/1.1\r\nHost', get('/bad'), `${get('/bad')}GET`]
    await siege.endures(async () => {
      const peers = await siege.clients(many(100))
      for (const [i, peer] of peers.entries()) peer.send(parts[i % parts.length] ?? '')
      for (const [i, peer] of peers.entries()) {
        if (i % 2 === 0) peer.socket.resetAndDestroy()
        else peer.socket.end()
      }
      siege.leave(peers)
    })
  })
})
