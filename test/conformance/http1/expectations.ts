// Answers before the answer, answers before the request is read, and other protocols
// (RFC 9110 7.8, 10.1.1 and 15.2).

import assert from 'node:assert/strict'
import { get, ok, until } from '../../support/edge-bed.ts'
import type { Requirement } from './requirement.ts'
import { bears } from './scene.ts'

const expecting = (version = '1.1'): string =>
  `PUT / HTTP/${version}\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n`

const websocket = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
const switching =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n'

/** See the first line. */
export const expectations: readonly Requirement[] = [
  {
    id: 'expect-passes',
    ...{ rfc: '9110 10.1.1', level: 'MUST' },
    says: '`100-continue` is passed on, and so is the 100 that answers it; then the body',
    proof: async (on) => {
      const { client, upstream } = await on.goesUp(expecting(), /\r\nExpect: 100-Continue\r\n/)
      upstream.send('HTTP/1.1 100 Continue\r\n\r\n')
      assert.equal(await client.take('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n')
      client.send('body')
      assert.equal(await upstream.take('body'), 'body')
      upstream.send(ok('done'))
      assert.equal((await client.takeMessage()).body, 'done')
    },
  },
  {
    id: 'expect-impatient',
    ...{ rfc: '9110 10.1.1', level: 'MAY' },
    says: 'a client need not wait for the 100 before it sends the body',
    proof: async (on) => {
      const { client, upstream } = await on.asks(`${expecting()}body`)
      await upstream.take('body')
      upstream.send(ok('done'))
      assert.equal((await client.takeMessage()).body, 'done')
    },
  },
  {
    id: 'expect-refused',
    ...{ rfc: '9110 10.1.1', level: 'MUST' },
    says: 'a final answer instead of the 100 is passed on, and the unsent body is not waited for',
    proof: async (on) => {
      const { client, upstream } = await on.asks(expecting())
      upstream.send('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig')
      const { head, body } = await client.takeMessage()
      bears(head, [/^HTTP\/1.1 413 /, /\r\nConnection: close\r\n/])
      assert.equal(body, 'big')
      await client.takeEnd()
    },
  },
  {
    id: 'expect-1.0',
    ...{ rfc: '9110 10.1.1', level: 'MUST' },
    says: 'the expectation of a client of HTTP/1.0 is ignored, and no 100 goes to it',
    proof: async (on) => {
      const { client, upstream } = await on.asks(`${expecting('1.0')}body`)
      upstream.send(`HTTP/1.1 100 Continue\r\n\r\n${ok('x')}`)
      assert.match(await client.take('\r\n\r\n'), /^HTTP\/1.1 200 /)
    },
  },
  {
    id: 'expect-other',
    ...{ rfc: '9110 10.1.1', level: 'MAY' },
    says: 'another expectation may be answered 417',
    proof: (on) => on.refuses(get('/', 'Expect: miracles\r\n'), 417),
  },
  {
    id: 'interim-passes',
    ...{ rfc: '9110 15.2', level: 'MUST' },
    says: 'answers of 1xx are passed on, all of them, with their fields',
    proof: async (on) => {
      const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX: \xe9\r\n\r\n'
      const { client, upstream } = await on.asks()
      upstream.send(`HTTP/1.1 102 Processing\r\n\r\n${early}${early}${ok('x')}`)
      assert.match(await client.take('\r\n\r\n'), /^HTTP\/1.1 102 /)
      assert.equal(await client.take('\r\n\r\n'), early)
      assert.equal(await client.take('\r\n\r\n'), early)
      assert.equal((await client.takeMessage()).body, 'x')
    },
  },
  {
    id: 'interim-1.0',
    ...{ rfc: '9110 15.2', level: 'MUST NOT' },
    says: 'no 1xx goes to a client of HTTP/1.0',
    proof: (on) =>
      on.comesDown(
        `HTTP/1.1 103 Early Hints\r\n\r\n${ok('')}`,
        'GET / HTTP/1.0\r\n\r\n',
        /^HTTP\/1.1 200 /,
      ),
  },
  {
    id: 'interim-then-lost',
    ...{ rfc: '9110 15.2', level: 'GUARD' },
    says: 'a 1xx is no answer: a request that gets nothing more is one that got none',
    proof: async (on) => {
      const { client, upstream } = await on.asks(`POST / HTTP/1.1\r\nHost: a\r\n\r\n`)
      upstream.send('HTTP/1.1 103 Early Hints\r\n\r\n')
      await client.take(/^HTTP\/1.1 103 [\s\S]*\r\n\r\n/)
      upstream.socket.end()
      assert.match(await client.take('\r\n\r\n'), /^HTTP\/1.1 502 /)
    },
  },
  {
    id: 'early-answer',
    ...{ rfc: '9112 9.3', level: 'MUST' },
    says: 'a server that answers before it has read all is heard; the rest is not a request',
    proof: async (on) => {
      const request = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n'
      const { client, upstream } = await on.asks(`${request}part`)
      upstream.send(ok('enough'))
      const { head, body } = await client.takeMessage()
      assert.equal(body, 'enough')
      bears(head, [/\r\nConnection: close\r\n/])
      client.send(get('/no-request'))
      await client.takeEnd()
      assert.ok(on.upstreams.every((peer) => !peer.received.includes('/no-request')))
    },
  },
  {
    id: 'upgrade-passes',
    ...{ rfc: '9110 7.8', level: 'MAY' },
    says: 'an upgrade may be passed on; after a 101 the bytes of both sides pass as they are',
    proof: async (on) => {
      const asked = await on.goesUp(
        get('/chat', websocket),
        /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/i,
      )
      asked.upstream.send(`${switching}\r\n\x81\x02hi`)
      const head = await asked.client.take('\r\n\r\n')
      bears(head, [
        /^HTTP\/1.1 101 /,
        /\r\nConnection: Upgrade\r\n/i,
        /\r\nUpgrade: websocket\r\n/i,
      ])
      assert.equal(await asked.client.take('hi'), '\x81\x02hi')
      asked.client.send('\x00\r\n\r\nGET')
      assert.equal(await asked.upstream.take('GET'), '\x00\r\n\r\nGET')
    },
  },
  {
    id: 'upgrade-declined',
    ...{ rfc: '9110 7.8', level: 'MAY' },
    says: 'a server may ignore the wish: then the connection goes on as HTTP',
    proof: async (on) => {
      const { client } = await on.comesDown(ok('no', ''), get('/', websocket), /^HTTP\/1.1 200 /)
      await client.take('no')
      await on.asks(get('/next'), client)
    },
  },
  {
    id: 'upgrade-required',
    ...{ rfc: '9110 15.5.22', level: 'MUST' },
    says: 'a 426 says which protocol is asked for',
    proof: async (on) => {
      const lines = 'Connection: upgrade\r\nUpgrade: TLS/1.3\r\n'
      const answer = ok('', lines).replace('200 OK', '426 Upgrade Required')
      const { client } = await on.comesDown(answer, get(), /\r\nUpgrade: TLS\/1\.3\r\n/)
      await on.asks(get('/next'), client)
    },
  },
  {
    id: 'upgrade-alone',
    ...{ rfc: '9110 7.8', level: 'MUST' },
    says: 'Upgrade without the option in Connection is not passed on',
    proof: (on) => on.goesUp(get('/', 'Upgrade: websocket\r\n'), { not: /upgrade/i }),
  },
  {
    id: 'upgrade-1.0',
    ...{ rfc: '9110 7.8', level: 'MUST' },
    says: 'Upgrade in a request of HTTP/1.0 is ignored',
    proof: (on) =>
      on.goesUp(`GET / HTTP/1.0\r\n${websocket}\r\n`, { not: /\r\n(upgrade|connection):/i }),
  },
  {
    id: 'upgrade-h2c',
    ...{ rfc: '9113 3.1', level: 'GUARD' },
    says: 'no upgrade to HTTP/2 in clear passes: it would carry requests that nobody here reads',
    proof: (on) => {
      const lines = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n'
      return on.goesUp(get('/', lines), { not: /h2c|http2-settings/i })
    },
  },
  {
    id: 'upgrade-unasked',
    ...{ rfc: '9110 15.2.2', level: 'MUST NOT' },
    says: 'a 101 that nobody asked for is not passed on',
    proof: (on) => on.distrusts(`${switching}\r\n`),
  },
  {
    id: 'upgrade-too-early',
    ...{ rfc: '9110 7.8', level: 'GUARD' },
    says: 'what a client sends behind its wish waits for the 101, and is a request without one',
    proof: async (on) => {
      const { client, upstream } = await on.asks(get('/chat', websocket) + get('/second'))
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(upstream.received, '')
      upstream.send(ok('no'))
      assert.equal((await client.takeMessage()).body, 'no')
      assert.match(await (await on.next()).take('\r\n\r\n'), /^GET \/second /)
    },
  },
  {
    id: 'upgrade-ends',
    ...{ rfc: '9110 7.8', level: 'GUARD' },
    says: 'the end of one side of a tunnel ends the other',
    proof: async (on) => {
      const { client, upstream } = await on.asks(get('/chat', websocket))
      upstream.send(`${switching}\r\n`)
      await client.take('\r\n\r\n')
      upstream.socket.end()
      await until('the end', () => client.ended)
      client.socket.end()
      await until('the end upstream', () => upstream.ended || upstream.closed)
    },
  },
]
