// Hostile servers: their clients are told, nobody else is harmed, and nothing stays in the edge.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ms } from '../../src/foundation/time.ts'
import { get, Origin, ok, type Peer, post, until } from '../support/edge-bed.ts'
import { many, Siege } from './siege.ts'

const mebibyte = 1024 * 1024

/** Writes as fast as the other side takes it, until it has gone. */
function pour(peer: Peer, start: string, more: string): void {
  peer.send(start)
  const bytes = Buffer.from(more, 'latin1')
  const on = (): void => {
    if (!peer.socket.destroyed && peer.socket.writable) peer.socket.write(bytes, () => next())
  }
  // One write after the other, with everybody else's turn in between.
  const next = (): void => void setImmediate(on)
  on()
}

/** A server that does this with each connection, until that is broken off. */
const playing = (play: (peer: Peer) => Promise<void>): Promise<Origin> =>
  Origin.open('bad', (peer) => void play(peer).catch(() => undefined))

/** A server that does this with each request, however it goes on. */
const serving = (serve: (peer: Peer) => void): Promise<Origin> =>
  playing(async (peer) => {
    for (;;) {
      await peer.takeMessage()
      serve(peer)
    }
  })

/** Asks `/bad` over so many connections; what came of each when it was over, or `enough` came. */
async function ask(siege: Siege, count: number, request = get('/bad'), enough = Infinity) {
  const peers = await siege.clients(count)
  for (const peer of peers) peer.send(request)
  await until('all to be over', () =>
    peers.every((peer) => peer.ended || peer.closed || peer.received.length >= enough),
  )
  const received = peers.map((peer) => peer.received)
  siege.leave(peers)
  return received
}

const last = { lines: 'Connection: close\r\n' }

suite('hostile servers', () => {
  const mad: Readonly<Record<string, { readonly start: string; readonly more: string }>> = {
    'garbage without end': { start: '', more: '\x00\xff\x80garbage\n'.repeat(999) },
    'a status line without end': { start: 'HTTP/1.1 200 ', more: 'a'.repeat(9999) },
    'fields without end': { start: 'HTTP/1.1 200 OK\r\n', more: 'X-A: b\r\n'.repeat(999) },
    'a field without end': { start: 'HTTP/1.1 200 OK\r\nX-A: ', more: 'a'.repeat(9999) },
    'interim answers without end': {
      start: '',
      more: 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(99),
    },
    'another answer than was asked for': { start: 'HTTP/1.1 101 Sure\r\n\r\n', more: 'x' },
    'two lengths': {
      start: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      more: 'x',
    },
  }
  for (const [name, { start, more }] of Object.entries(mad)) {
    test(`that say ${name}: 502, and no more than a head is ever kept`, async () => {
      await using bad = await serving((peer) => pour(peer, start, more))
      await using siege = await Siege.begin([bad])
      const base = siege.memory
      await siege.endures(async () => {
        for (const request of [get('/bad', last.lines), post('x', '/bad', last.lines)]) {
          for (const received of await ask(siege, many(10), request)) {
            const rest = received.replaceAll(/HTTP\/1.1 102 [^\r]*\r\n\r\n/g, '')
            assert.match(rest, /^HTTP\/1.1 502 /)
          }
        }
        assert.ok(siege.memory < base + 64 * mebibyte, `${siege.memory / mebibyte} MiB`)
      })
    })
  }

  test('that never end their answer end with their client', async () => {
    for (const framing of [
      'Transfer-Encoding: chunked\r\n',
      '',
      'Content-Length: 99999999999\r\n',
    ]) {
      const start = `HTTP/1.1 200 OK\r\n${framing}\r\n`
      const more = framing.startsWith('T')
        ? `4000\r\n${'x'.repeat(0x4000)}\r\n`
        : 'x'.repeat(0x4000)
      await using bad = await serving((peer) => pour(peer, start, more))
      await using siege = await Siege.begin([bad])
      const base = siege.memory
      await siege.endures(async () => {
        await ask(siege, 3, get('/bad'), mebibyte)
        await until('the servers to be left', () => bad.peers.every(({ closed }) => closed))
        bad.peers.length = 0
        assert.ok(siege.memory < base + 96 * mebibyte, `${siege.memory / mebibyte} MiB`)
      }, 3)
    }
  })

  test('that answer twice, or before they are asked, answer nobody else', async () => {
    for (const early of [false, true]) {
      await using bad = await playing(async (peer) => {
        if (early) peer.send(ok('early'))
        for (;;) {
          const { head } = await peer.takeMessage()
          const path = head.split(' ')[1] ?? ''
          peer.send(ok(path) + (early ? '' : ok('again')))
        }
      })
      await using siege = await Siege.begin([bad])
      await siege.endures(async () => {
        for (let i = 0; i < many(20); i += 1) {
          const [received = ''] = await ask(siege, 1, get(`/bad/${i}`, last.lines))
          const body = received.slice(received.indexOf('\r\n\r\n') + 4)
          // An answer that was there before the request is the first one's, at most.
          assert.ok(body === `/bad/${i}` || (early && body === 'early'), body)
          // Its own comes when nobody asks: that ends the connection. Whoever asked before it came
          // would be given it: HTTP/1.1 has no numbers to tell answers apart by.
          const isLeft = (): boolean => bad.peers.every(({ ended, closed }) => ended || closed)
          if (body === 'early') await until('it to be left', isLeft)
        }
      }, 3)
    }
  })

  test('that break off in mid-answer: the client sees that it is not whole', async () => {
    await using bad = await serving((peer) => {
      peer.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
      peer.socket.resetAndDestroy()
    })
    await using siege = await Siege.begin([bad])
    await siege.endures(async () => {
      const peers = await siege.clients(many(20))
      for (const peer of peers) peer.send(get('/bad'))
      await until('them to be broken', () => peers.every(({ closed }) => closed))
      for (const peer of peers) assert.ok(peer.received === '' || !peer.ended, peer.received)
      siege.leave(peers)
    })
  })

  test('that answer while the body comes: the answer arrives, the rest does not', async () => {
    const early = 'HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nstop'
    for (const closes of [false, true]) {
      await using bad = await playing(async (peer) => {
        await peer.take('\r\n\r\n')
        peer.send(early)
        if (closes) peer.socket.end()
      })
      await using siege = await Siege.begin([bad], { idleTimeout: ms(3000) })
      await siege.endures(async () => {
        const peers = await siege.clients(many(5))
        for (const peer of peers) {
          peer.send('POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n')
          for (let i = 0; i < 40; i += 1) peer.send('x'.repeat(10_000))
          assert.match(await peer.take('stop'), /^HTTP\/1.1 413 [\s\S]*\r\nConnection: close\r\n/i)
          // What follows is of this body, and must never be taken for another request.
          peer.send(`${'x'.repeat(500_000)}${get('/bad/smuggled')}`)
        }
        await until('the connections to end', () => peers.every((p) => p.ended || p.closed))
        siege.leave(peers)
        assert.ok(!bad.peers.some(({ received }) => received.includes('smuggled')))
        for (const peer of bad.peers.splice(0)) peer.close()
      }, 3)
    }
  })

  test('that refuse an expectation are heard before the body is sent', async () => {
    for (const status of ['417 Expectation Failed', '401 Unauthorized']) {
      await using bad = await playing(async (peer) => {
        await peer.take('\r\n\r\n')
        peer.send(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`)
      })
      await using siege = await Siege.begin([bad])
      await siege.endures(async () => {
        const peer = await siege.client()
        peer.send('PUT /bad HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n')
        peer.send('Transfer-Encoding: chunked\r\n\r\n')
        const answer = await peer.take('\r\n\r\n')
        assert.ok(answer.startsWith(`HTTP/1.1 ${status}`))
        assert.match(answer, /\r\nConnection: close\r\n/i)
        siege.leave([peer])
      }, 4)
    }
  })
})
