// What a gateway adds, counts down, and says itself (RFC 9110 6.6, 7.6 and 15).

import assert from 'node:assert/strict'
import { ms } from '../../../src/foundation/time.ts'
import { get, ok, serverRow, until } from '../../support/edge-bed.ts'
import type { Requirement } from './requirement.ts'
import { bears } from './scene.ts'

const counted = (method: string, hops: string): string =>
  `${method} / HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${hops}\r\n\r\n`

const date = /\r\nDate: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n/

/** See the first line. */
export const gateway: readonly Requirement[] = [
  {
    id: 'via',
    ...{ rfc: '9110 7.6.3', level: 'MUST' },
    says: 'a gateway names itself in Via on the way up',
    but: 'not by default: servers stop compressing when they see one (nginx does)',
    proof: (on) =>
      on.goesUp(get('/', 'Via: 1.1 other\r\n'), '\r\nVia: 1.1 other\r\n', {
        not: /via: [^\r]*alwayson/i,
      }),
  },
  {
    id: 'max-forwards',
    ...{ rfc: '9110 7.6.2', level: 'MUST' },
    says: 'Max-Forwards of OPTIONS and TRACE is passed on as one less',
    proof: async (on) => {
      for (const method of ['OPTIONS', 'TRACE']) {
        await on.goesUp(counted(method, '7'), /\r\nMax-Forwards: 6\r\n/, { not: /: 7/ })
        await on.goesUp(counted(method, '1'), /\r\nMax-Forwards: 0\r\n/)
        await on.goesUp(counted(method, '010'), /\r\nMax-Forwards: 9\r\n/)
      }
    },
  },
  {
    id: 'max-forwards-0',
    ...{ rfc: '9110 7.6.2', level: 'MUST NOT' },
    says: 'with 0 they are not passed on: we answer as the last one',
    proof: async (on) => {
      const client = await on.client()
      client.send(counted('OPTIONS', '0'))
      bears((await client.takeMessage()).head, [/^HTTP\/1.1 20[04] /, date])
      client.send(counted('TRACE', '0'))
      bears((await client.takeMessage()).head, [/^HTTP\/1.1 405 /, /\r\nAllow: /])
      await on.asks(get('/next'), client)
      assert.equal(on.upstreams.length, 1)
    },
  },
  {
    id: 'max-forwards-invalid',
    ...{ rfc: '9110 7.6.2', level: 'GUARD' },
    says: 'what is no number, or stands there twice, is refused where it would count',
    proof: async (on) => {
      for (const hops of ['', '-1', 'x', '1, 2', '99999999999']) {
        await on.refuses(counted('OPTIONS', hops), 400)
      }
      await on.refuses(counted('TRACE', '3\r\nMax-Forwards: 3'), 400)
    },
  },
  {
    id: 'max-forwards-others',
    ...{ rfc: '9110 7.6.2', level: 'MAY' },
    says: 'with other methods it may be ignored',
    proof: (on) => on.goesUp(counted('GET', '0'), /\r\nMax-Forwards: 0\r\n/),
  },
  {
    id: 'date-added',
    ...{ rfc: '9110 6.6.1', level: 'MUST' },
    says: 'an answer without Date gets one as it is passed on',
    proof: (on) => on.comesDown('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', get(), date),
  },
  {
    id: 'date-kept',
    ...{ rfc: '9110 6.6.1', level: 'MUST NOT' },
    says: 'one that is there is not replaced, right or wrong',
    proof: async (on) => {
      const { got } = await on.comesDown(
        ok('', 'dAte: yesterday\r\n').replace('Date: x\r\n', ''),
        get(),
      )
      bears(got, ['\r\ndAte: yesterday\r\n', { not: date }])
    },
  },
  {
    id: 'server-kept',
    ...{ rfc: '9110 10.2.4', level: 'SHOULD NOT' },
    says: 'the Server field is the server’s: it is neither made nor changed',
    proof: async (on) => {
      await on.comesDown(ok('', 'Server: theirs\r\n'), get(), '\r\nServer: theirs\r\n')
      await on.comesDown(ok(''), get(), { not: /\r\nServer:/i })
    },
  },
  {
    id: 'trace-passes',
    ...{ rfc: '9110 9.3.8', level: 'MUST' },
    says: 'TRACE goes to its last recipient, and its echo comes back as it is',
    proof: async (on) => {
      const echo = ok('TRACE / HTTP/1.1\r\n', 'Content-Type: message/http\r\n')
      const { client } = await on.comesDown(
        echo,
        'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n',
        'message/http',
      )
      await client.take('TRACE / HTTP/1.1\r\n')
    },
  },
  {
    id: 'head-passes',
    ...{ rfc: '9110 9.3.2', level: 'MUST' },
    says: 'HEAD is passed on as HEAD',
    proof: (on) => on.goesUp('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', /^HEAD \/ /),
  },
  {
    id: 'own-400',
    ...{ rfc: '9110 15.5', level: 'SHOULD' },
    says: 'an own answer of 4xx explains itself to people, with length, type and date',
    proof: async (on) => {
      const client = await on.client()
      client.send('GET / HTTP/1.1\r\n\r\n')
      const { head, body } = await client.takeMessage()
      bears(head, [date, /\r\nContent-Type: text\/plain; charset=utf-8\r\n/, 'no-store'])
      assert.match(body, /400/)
    },
  },
  {
    id: 'own-408',
    ...{ rfc: '9110 15.5.9', level: 'SHOULD' },
    says: 'a 408 says that the connection ends',
    wish: { frontend: { headTimeout: ms(100) } },
    proof: async (on) => {
      const client = await on.client()
      client.send('GET / HT')
      bears((await client.takeMessage()).head, [/^HTTP\/1.1 408 /, /\r\nConnection: close\r\n/])
    },
  },
  {
    id: 'own-404',
    ...{ rfc: '9110 15.5.5', level: 'GUARD' },
    says: 'what no route matches is answered 404, and the connection goes on; HEAD without a body',
    wish: {
      frontend: { routes: [{ host: undefined, path: '/here', pool: 'web', policy: 'random' }] },
    },
    proof: async (on) => {
      const client = await on.client()
      client.send('HEAD /there HTTP/1.1\r\nHost: a\r\n\r\n')
      bears((await client.takeMessage(true)).head, [
        /^HTTP\/1.1 404 /,
        /\r\nContent-Length: \d+\r\n/,
      ])
      client.send(get('/there'))
      assert.match((await client.takeMessage()).body, /404/)
      await on.asks(get('/here'), client)
    },
  },
  {
    id: 'own-502',
    ...{ rfc: '9110 15.6.3', level: 'SHOULD' },
    says: 'a server that breaks off is answered for with 502',
    proof: async (on) => {
      const { client, upstream } = await on.asks('POST / HTTP/1.1\r\nHost: a\r\n\r\n')
      upstream.socket.end()
      bears((await client.takeMessage()).head, [/^HTTP\/1.1 502 /, date])
      await on.asks(get('/next'), client)
    },
  },
  {
    id: 'own-503',
    ...{ rfc: '9110 15.6.4', level: 'MAY' },
    says: 'when no server is there in time the answer is 503, with Retry-After',
    wish: { pool: { hold: { wait: ms(100), requests: 10, bytes: 10_000 } } },
    proof: async (on) => {
      await on.bed.apply([{ ...serverRow('down', 1), state: 'down' }], {
        pool: { hold: { wait: ms(100), requests: 10, bytes: 10_000 } },
      })
      const client = await on.client()
      client.send(get())
      bears((await client.takeMessage()).head, [/^HTTP\/1.1 503 /, /\r\nRetry-After: \d+\r\n/])
    },
  },
  {
    id: 'own-504',
    ...{ rfc: '9110 15.6.5', level: 'SHOULD' },
    says: 'a server that says nothing in time is answered for with 504',
    wish: { pool: { responseTimeout: ms(100) } },
    proof: async (on) => {
      const { client } = await on.asks('POST / HTTP/1.1\r\nHost: a\r\n\r\n')
      bears((await client.takeMessage()).head, [/^HTTP\/1.1 504 /])
    },
  },
  {
    id: 'own-505',
    ...{ rfc: '9110 15.6.6', level: 'SHOULD' },
    says: 'a 505 says why to people',
    proof: async (on) => {
      const client = await on.client()
      client.send('GET / HTTP/3.0\r\nHost: a\r\n\r\n')
      assert.match((await client.takeMessage()).body, /Version/)
    },
  },
  {
    id: 'errors-pass',
    ...{ rfc: '9110 15', level: 'MUST' },
    says: 'an answer of 4xx or 5xx of the only server passes as it is',
    proof: async (on) => {
      for (const status of [
        '400 Bad',
        '401 Who',
        '403 No',
        '404 Nil',
        '418 ?',
        '500 Oh',
        '501 Hm',
        '503 Ah',
      ]) {
        const answer = ok('theirs', 'X: theirs\r\n').replace('200 OK', status)
        const { client } = await on.comesDown(answer, get(), `HTTP/1.1 ${status}\r\n`, 'X: theirs')
        await client.take('theirs')
      }
    },
  },
  {
    id: 'slow-reader',
    ...{ rfc: '9110 7.6', level: 'GUARD' },
    says: 'a reader that stops holds its server back, and memory does not fill',
    proof: async (on) => {
      const { client, upstream } = await on.asks()
      client.socket.pause()
      const total = 40_000_000
      upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n${'x'.repeat(total)}`)
      let before = -1
      await until('the server is held back', () => {
        const now = on.bed.report.frontends.public?.bytesOut ?? 0
        const still = now === before && now > 0
        before = now
        return still
      })
      assert.ok(before < total - 5_000_000, `${before} bytes are in flight`)
    },
  },
]
