// What belongs to one connection, how long it lasts, and what is asked again (RFC 9110 7.6 and
// 9.2.2, RFC 9112 9).

import assert from 'node:assert/strict'
import { ms } from '../../../src/foundation/time.ts'
import { get, ok, post, until } from '../../support/edge-bed.ts'
import type { Requirement } from './requirement.ts'
import { bears } from './scene.ts'

const hop = [
  'Connection: keep-alive, X-One, x-two',
  'X-One: 1',
  'X-TWO: 2',
  'Keep-Alive: timeout=5',
  'Proxy-Connection: keep-alive',
  'TE: trailers, deflate;q=0.5',
  'Upgrade: nothing',
]

/** See the first line. */
export const connections: readonly Requirement[] = [
  {
    id: 'hop-fields-up',
    ...{ rfc: '9110 7.6.1', level: 'MUST' },
    says: 'Connection and all that it names end here, and so does what is known to be hop-by-hop',
    proof: (on) =>
      on.goesUp(get('/', `${hop.join('\r\n')}\r\nX-Three: 3\r\n`), '\r\nX-Three: 3\r\n', {
        not: /\r\n(connection|x-one|x-two|keep-alive|proxy-connection|te|upgrade):/i,
      }),
  },
  {
    id: 'hop-fields-down',
    ...{ rfc: '9110 7.6.1', level: 'MUST' },
    says: 'the same on the way down',
    proof: async (on) => {
      const lines = hop.filter((line) => !line.startsWith('TE')).join('\r\n')
      await on.comesDown(ok('', `${lines}\r\nX-Three: 3\r\n`), get(), '\r\nX-Three: 3\r\n', {
        not: /\r\n(connection|x-one|x-two|keep-alive|proxy-connection|upgrade):/i,
      })
    },
  },
  {
    id: 'hop-fields-several',
    ...{ rfc: '9110 7.6.1', level: 'MUST' },
    says: 'several lines of Connection are one list, before or behind what they name',
    proof: (on) =>
      on.goesUp(
        get('/', 'A: 1\r\nConnection: b\r\nB: 2\r\nConnection: ,a,,\r\nC: 3\r\nb: 4\r\n'),
        'C: 3',
        {
          not: /\r\n(a|b|connection):/i,
        },
      ),
  },
  {
    id: 'hop-fields-essential',
    ...{ rfc: '9110 7.6.1', level: 'MUST NOT' },
    says: 'nobody sends the name of a field that frames or routes in Connection: 400',
    proof: async (on) => {
      for (const name of ['Host', 'content-length', 'Transfer-Encoding']) {
        await on.refuses(get('/', `Connection: close, ${name}\r\n`), 400)
      }
      await on.distrusts(ok('a', 'Connection: Content-Length\r\n'))
    },
  },
  {
    id: 'keep-1.1',
    ...{ rfc: '9112 9.3', level: 'SHOULD' },
    says: 'connections of HTTP/1.1 are kept for the next request, on both sides',
    proof: async (on) => {
      const first = await on.comesDown(ok(''), get(), { not: /\r\nConnection:/i })
      const second = await on.asks(get(), first.client)
      assert.equal(second.upstream, first.upstream)
      second.upstream.send(ok(''))
      await first.client.takeMessage()
    },
  },
  {
    id: 'keep-1.0',
    ...{ rfc: '9112 9.3', level: 'MUST NOT' },
    says: 'a proxy keeps no connection with clients of HTTP/1.0',
    but: 'we are a gateway, not a proxy: one that asks for it is kept, and told so',
    proof: async (on) => {
      const old = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'
      const { client } = await on.comesDown(ok(''), old, '\r\nConnection: keep-alive\r\n')
      await on.asks(old, client)
    },
  },
  {
    id: 'close-1.0',
    ...{ rfc: '9112 9.3', level: 'MUST' },
    says: 'without that wish the connection of HTTP/1.0 ends with the answer',
    proof: async (on) => {
      const old = 'GET / HTTP/1.0\r\n\r\n'
      const { client } = await on.comesDown(ok(''), old, '\r\nConnection: close\r\n')
      await client.takeEnd()
    },
  },
  {
    id: 'close-asked',
    ...{ rfc: '9112 9.6', level: 'MUST' },
    says: 'who asks for it gets the end of the connection with the answer, and is told so',
    proof: async (on) => {
      for (const lines of ['Connection: close\r\n', 'Connection: x, CLOSE\r\nConnection: y\r\n']) {
        const { client } = await on.comesDown(ok(''), get('/', lines), '\r\nConnection: close\r\n')
        await client.takeEnd()
      }
    },
  },
  {
    id: 'close-means-last',
    ...{ rfc: '9112 9.6', level: 'MUST NOT' },
    says: 'what comes behind a request with `close` is no request any more',
    proof: async (on) => {
      const { client, upstream } = await on.asks(
        get('/last', 'Connection: close\r\n') + get('/never').repeat(2),
      )
      upstream.send(ok('last'))
      assert.equal((await client.takeMessage()).body, 'last')
      assert.equal(await client.takeEnd(), '')
      assert.ok(on.upstreams.every((peer) => !peer.received.includes('/never')))
    },
  },
  {
    id: 'close-of-server',
    ...{ rfc: '9112 9.6', level: 'MUST NOT' },
    says: 'a connection whose server said `close` carries no further request; the client’s does',
    proof: async (on) => {
      for (const lines of ['Connection: close\r\n', 'Connection: x,Close\r\n']) {
        const { client, upstream } = await on.comesDown(ok('', lines), get(), {
          not: /\r\nConnection/i,
        })
        const second = await on.asks(get(), client)
        assert.notEqual(second.upstream, upstream)
      }
      const old = 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'
      const { client, upstream } = await on.comesDown(old, get())
      assert.notEqual((await on.asks(get(), client)).upstream, upstream)
    },
  },
  {
    id: 'close-lingers',
    ...{ rfc: '9112 9.6', level: 'SHOULD' },
    says: 'the last answer is not lost to a reset: writing ends first, then what comes is read',
    proof: async (on) => {
      const client = await on.client()
      client.send(`POST / HTTP/1.1\r\nHost: a b\r\nContent-Length: 900000\r\n\r\n`)
      client.send('x'.repeat(900_000))
      assert.match((await client.takeMessage()).head, /^HTTP\/1.1 400 /)
      await until('the end', () => client.ended)
      assert.equal(client.error, undefined)
    },
  },
  {
    id: 'close-idle',
    ...{ rfc: '9112 9.5', level: 'SHOULD' },
    says: 'a connection that rests too long is closed in order',
    wish: { frontend: { idleTimeout: ms(150) } },
    proof: async (on) => {
      const { client } = await on.comesDown(ok(''), get())
      assert.equal(await client.takeEnd(), '')
      assert.equal(client.error, undefined)
    },
  },
  {
    id: 'pipeline-order',
    ...{ rfc: '9112 9.3.2', level: 'MUST' },
    says: 'pipelined requests are answered in the order in which they came',
    servers: 2,
    proof: async (on) => {
      const client = await on.client()
      client.send(Array.from({ length: 20 }, (_, index) => get(`/${index}`)).join(''))
      for (let index = 0; index < 20; index += 1) {
        const upstream = await on.next()
        const head = await upstream.take('\r\n\r\n')
        upstream.send(ok(/^GET \/(\d+)/.exec(head)?.[1] ?? ''))
        assert.equal((await client.takeMessage()).body, String(index))
      }
    },
  },
  {
    id: 'pipeline-mixed',
    ...{ rfc: '9112 9.3.2', level: 'MUST' },
    says: 'also when bodies lie between them and a refused one is the last',
    proof: async (on) => {
      const client = await on.client()
      const coded =
        'POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n'
      client.send(`${post('body', '/1')}${coded}${get('/3')}GET /bad\r\n\r\n`)
      for (const path of ['/1', '/2', '/3']) {
        const upstream = await on.next()
        bears(await upstream.take('\r\n\r\n'), [` ${path} HTTP/1.1\r\n`])
        upstream.received = ''
        upstream.send(ok(path))
        assert.equal((await client.takeMessage()).body, path)
      }
      assert.match((await client.takeMessage()).head, /^HTTP\/1.1 400 /)
      await client.takeEnd()
    },
  },
  {
    id: 'again-safe',
    ...{ rfc: '9110 9.2.2', level: 'MAY' },
    says: 'a request that does no harm when done twice may be sent again without asking',
    proof: async (on) => {
      for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
        const { client, upstream } = await on.asks(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)
        upstream.socket.resetAndDestroy()
        const second = await on.next()
        bears(await second.take('\r\n\r\n'), [new RegExp(`^${method} `)])
        second.send(ok(''))
        await client.take(/^HTTP\/1.1 200 /)
      }
    },
  },
  {
    id: 'again-unsafe',
    ...{ rfc: '9110 9.2.2', level: 'MUST NOT' },
    says: 'one that may do harm is not, once any of it has been sent',
    servers: 2,
    proof: async (on) => {
      for (const method of ['POST', 'PATCH', 'LOCK', 'get']) {
        const { client, upstream } = await on.asks(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)
        upstream.socket.resetAndDestroy()
        await client.take(/^HTTP\/1.1 502 /)
        assert.ok(on.upstreams.every((peer) => peer.received === ''))
      }
    },
  },
  {
    id: 'again-not-after-answer',
    ...{ rfc: '9112 9.3.1', level: 'GUARD' },
    says: 'nothing is sent again once a byte of its answer has gone out',
    servers: 2,
    proof: async (on) => {
      const { client, upstream } = await on.asks(get())
      upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
      await client.take('half')
      upstream.socket.resetAndDestroy()
      await until('a broken connection', () => client.closed)
      assert.ok(on.upstreams.every((peer) => peer.received === ''))
    },
  },
  {
    id: 'again-bounded',
    ...{ rfc: '9112 9.3.1', level: 'SHOULD NOT' },
    says: 'what fails again and again is given up',
    servers: 2,
    proof: async (on) => {
      const client = await on.client()
      client.send(get())
      let sends = 0
      await until('an answer', () => {
        for (const upstream of on.upstreams) {
          if (!upstream.received.includes('\r\n\r\n')) continue
          upstream.received = ''
          upstream.socket.resetAndDestroy()
          sends += 1
        }
        return client.received.includes('\r\n\r\n')
      })
      assert.match(client.received, /^HTTP\/1.1 502 /)
      assert.ok(sends >= 2 && sends <= 5, `sent ${sends} times`)
    },
  },
  {
    id: 'client-gone',
    ...{ rfc: '9112 9.5', level: 'MAY' },
    says: 'who leaves is not answered: the request ends at the server too',
    proof: async (on) => {
      const { client, upstream } = await on.asks(get())
      client.close()
      await upstream.takeEnd()
    },
  },
]
