// Where does an answer end, and may it be believed? Status lines, lengths and chunks on the way
// down (RFC 9112 4, 6 and 7, RFC 9110 6.4 and 15).

import assert from 'node:assert/strict'
import { get, ok, until } from '../../support/edge-bed.ts'
import type { Requirement } from './requirement.ts'
import { bears, type Scene } from './scene.ts'

const head = 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n'
const old = 'GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n'
const inChunks = (body: string): string =>
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`
const lengths = (lines: string, body = ''): string => `HTTP/1.1 200 OK\r\n${lines}\r\n${body}`

/** The answer has no body: the next one on the same connections follows its head. */
async function hasNoBody(on: Scene, request: string, answer: string): Promise<string> {
  const { client, upstream, got } = await on.comesDown(answer, request)
  await on.asks(get('/after'), client)
  upstream.send(ok('after'))
  bears(await client.take('\r\n\r\n'), [/^HTTP\/1.1 200 OK\r\n/])
  assert.equal(await client.take('after'), 'after')
  return got
}

/** The answer begins, and its breaking off is seen by the client. */
async function breaksOff(on: Scene, answer: string): Promise<void> {
  const { client, upstream } = await on.asks()
  upstream.send(answer)
  await client.take('half')
  upstream.socket.end()
  await until('a broken connection', () => client.closed)
  assert.equal((client.error as NodeJS.ErrnoException | undefined)?.code, 'ECONNRESET')
  assert.doesNotMatch(client.received, /0\r\n\r\n/)
}

/** See the first line. */
export const framingDown: readonly Requirement[] = [
  {
    id: 'status-line',
    ...{ rfc: '9112 4', level: 'MUST' },
    says: 'a reason is for people: any, or none, with or without the space before it',
    proof: async (on) => {
      for (const line of ['200 OK', '200 ', '200', '200 \xfcber alles', '200 a\tb']) {
        await on.comesDown(`HTTP/1.1 ${line}\r\nContent-Length: 0\r\n\r\n`, get(), /^HTTP\/1.1 200/)
      }
    },
  },
  {
    id: 'status-unknown',
    ...{ rfc: '9110 15', level: 'MUST' },
    says: 'a status that is not known is passed on and treated as the x00 of its class',
    proof: async (on) => {
      for (const status of ['299', '399', '499', '599', '999']) {
        await on.comesDown(
          `HTTP/1.1 ${status} ?\r\nContent-Length: 0\r\n\r\n`,
          get(),
          new RegExp(`^HTTP/1.1 ${status} \\?\r\n`),
        )
      }
    },
  },
  {
    id: 'status-invalid',
    ...{ rfc: '9110 15.6.3', level: 'MUST' },
    says: 'what is no answer becomes a 502',
    proof: async (on) => {
      for (const line of [
        'HTTP/1.1 20 OK',
        'HTTP/1.1 2000 OK',
        'HTTP/1.1 abc',
        'HTTP/1.1  200 OK',
      ]) {
        await on.distrusts(`${line}\r\nContent-Length: 0\r\n\r\n`)
      }
      await on.distrusts('HTTP/1.1 099 ?\r\nContent-Length: 0\r\n\r\n')
      await on.distrusts('HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n')
      await on.distrusts('ICY 200 OK\r\n\r\n')
      await on.distrusts('<html>\r\n\r\n')
      await on.distrusts('\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    },
  },
  {
    id: 'status-line-ends',
    ...{ rfc: '9112 2.2', level: 'MAY' },
    says: 'a lone LF may be taken for the end of a line',
    but: 'an answer with one is a 502',
    proof: async (on) => {
      await on.distrusts('HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n')
      await on.distrusts('HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n')
      await on.distrusts('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n')
    },
  },
  {
    id: 'status-version',
    ...{ rfc: '9112 2.3', level: 'MUST' },
    says: 'answers go out with our own version, whatever the server’s is',
    proof: async (on) => {
      await on.comesDown('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', get(), /^HTTP\/1.1 200 /)
      await on.comesDown('HTTP/1.9 200 OK\r\nContent-Length: 0\r\n\r\n', get(), /^HTTP\/1.1 200 /)
    },
  },
  {
    id: 'down-head',
    ...{ rfc: '9112 6.3', level: 'MUST' },
    says: 'an answer to HEAD ends with its head, whatever length or coding it states',
    proof: async (on) => {
      const sized = await hasNoBody(on, head, lengths('Content-Length: 9\r\n'))
      bears(sized, ['\r\nContent-Length: 9\r\n'])
      await hasNoBody(on, head, lengths('Transfer-Encoding: chunked\r\n'))
      await hasNoBody(on, head, lengths(''))
    },
  },
  {
    id: 'down-204-304',
    ...{ rfc: '9112 6.3', level: 'MUST' },
    says: '204 and 304 end with their head',
    proof: async (on) => {
      await hasNoBody(on, get(), 'HTTP/1.1 204 No Content\r\n\r\n')
      await hasNoBody(on, get(), 'HTTP/1.1 304 Not Modified\r\n\r\n')
      const kept = await hasNoBody(on, get(), 'HTTP/1.1 304 ?\r\nContent-Length: 9\r\n\r\n')
      bears(kept, ['\r\nContent-Length: 9\r\n'])
      await hasNoBody(on, get(), 'HTTP/1.1 304 ?\r\nTransfer-Encoding: chunked\r\n\r\n')
    },
  },
  {
    id: 'down-204-length',
    ...{ rfc: '9110 8.6', level: 'MUST NOT' },
    says: 'no length goes out with 1xx and 204, and no coding',
    proof: async (on) => {
      const none = { not: /Content-Length|Transfer-Encoding/i }
      bears(await hasNoBody(on, get(), 'HTTP/1.1 204 ?\r\nContent-Length: 0\r\n\r\n'), [none])
      const coded = 'HTTP/1.1 204 ?\r\nTransfer-Encoding: chunked\r\n\r\n'
      bears(await hasNoBody(on, get(), coded), [none])
      const early = 'HTTP/1.1 103 ?\r\nContent-Length: 3\r\n\r\n'
      const { got } = await on.comesDown(early, get())
      bears(got, [/^HTTP\/1.1 103 /, none])
    },
  },
  {
    id: 'down-length-and-coding',
    ...{ rfc: '9112 6.3', level: 'SHOULD' },
    says: 'an answer with a length and a coding is treated as an error',
    proof: async (on) => {
      const body = '1\r\na\r\n0\r\n\r\n'
      await on.distrusts(lengths('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n', body))
      await on.distrusts(lengths('Transfer-Encoding: chunked\r\nContent-Length: 1\r\n', body))
    },
  },
  {
    id: 'down-length-twice',
    ...{ rfc: '9112 6.3', level: 'MUST' },
    says: 'one with lengths that differ is a 502, and the connection to the server ends',
    but: 'so is one with equal lengths',
    proof: async (on) => {
      await on.distrusts(lengths('Content-Length: 1\r\nContent-Length: 2\r\n', 'ab'))
      await on.distrusts(lengths('Content-Length: 1\r\nContent-Length: 1\r\n', 'a'))
      await on.distrusts(lengths('Content-Length: 1, 1\r\n', 'a'))
    },
  },
  {
    id: 'down-length-invalid',
    ...{ rfc: '9112 6.3', level: 'MUST' },
    says: 'one with an invalid length is a 502, and the connection to the server ends',
    proof: async (on) => {
      for (const length of ['', '-1', '+1', '0x1', 'a', '1 2', '9'.repeat(30)]) {
        await on.distrusts(lengths(`Content-Length: ${length}\r\n`, 'a'))
      }
    },
  },
  {
    id: 'down-coding-other',
    ...{ rfc: '9112 6.1', level: 'MUST NOT' },
    says: 'a server uses no coding that was not asked for (TE): one that does is not believed',
    proof: async (on) => {
      for (const coding of ['gzip', 'gzip, chunked', 'identity', 'chunked, chunked', '']) {
        await on.distrusts(lengths(`Transfer-Encoding: ${coding}\r\n`, '0\r\n\r\n'))
      }
      await on.distrusts(
        lengths('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
      )
    },
  },
  {
    id: 'down-coding-1.0',
    ...{ rfc: '9112 6.1', level: 'MUST' },
    says: 'a coding in an answer of HTTP/1.0 is a fault of framing',
    proof: (on) => on.distrusts('HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  },
  {
    id: 'down-open',
    ...{ rfc: '9112 6.3', level: 'MUST' },
    says: 'without length and coding an answer ends with its connection',
    proof: async (on) => {
      const { client, upstream } = await on.comesDown(
        'HTTP/1.1 200 OK\r\n\r\nall of it',
        get(),
        '\r\nTransfer-Encoding: chunked\r\n',
        { not: /Content-Length/ },
      )
      upstream.socket.end()
      assert.equal(await client.take('0\r\n\r\n'), '9\r\nall of it\r\n0\r\n\r\n')
      assert.equal(client.ended, false)
    },
  },
  {
    id: 'down-open-1.0',
    ...{ rfc: '9112 6.1', level: 'MUST NOT' },
    says: 'no coding goes to a client of HTTP/1.0: chunks are unpacked, and the end says the end',
    proof: async (on) => {
      const marks = [{ not: /Transfer-Encoding/i }, /\r\nConnection: close\r\n/]
      const coded = await on.comesDown(
        inChunks('3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: 1\r\n\r\n'),
        old,
        ...marks,
      )
      assert.equal(await coded.client.takeEnd(), 'abcde')
      const open = await on.comesDown('HTTP/1.1 200 OK\r\n\r\nabc', old, ...marks)
      open.upstream.socket.end()
      assert.equal(await open.client.takeEnd(), 'abc')
    },
  },
  {
    id: 'down-incomplete',
    ...{ rfc: '9112 8', level: 'MUST' },
    says: 'an answer that breaks off is not passed off as whole',
    proof: async (on) => {
      await breaksOff(on, lengths('Content-Length: 9\r\n', 'half'))
      await breaksOff(on, inChunks('9\r\nhalf'))
      await breaksOff(on, inChunks('4\r\nhalf\r\n'))
      await breaksOff(on, inChunks('4\r\nhalf\r\n0\r\n'))
    },
  },
  {
    id: 'down-incomplete-head',
    ...{ rfc: '9112 8', level: 'MUST' },
    says: 'nor is one whose head breaks off: 502',
    proof: async (on) => {
      const { client, upstream } = await on.asks('POST / HTTP/1.1\r\nHost: a\r\n\r\n')
      upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n')
      upstream.socket.end()
      assert.match(await client.take('\r\n\r\n'), /^HTTP\/1.1 502 /)
    },
  },
  {
    id: 'down-chunk-bad',
    ...{ rfc: '9112 7.1', level: 'MUST' },
    says: 'bad chunks end the answer where they are, for all to see',
    proof: async (on) => {
      for (const next of ['g\r\n', '0x1\r\n', '1\na\r\n', '-1\r\n', 'ffffffffffffffff1\r\n']) {
        const { client, upstream } = await on.asks()
        upstream.send(inChunks('4\r\nhalf\r\n'))
        await client.take('half\r\n')
        upstream.send(`${next}0\r\n\r\n`)
        await until('a broken connection', () => client.closed)
        assert.doesNotMatch(client.received, /0\r\n\r\n/)
      }
    },
  },
  {
    id: 'down-chunks-and-trailers',
    ...{ rfc: '9112 7.1.2', level: 'MUST' },
    says: 'extensions are no obstacle, trailers pass and do not become fields of the head',
    proof: async (on) => {
      const body = '3;a="b"\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n'
      const { client } = await on.comesDown(inChunks(body), get(), { not: 'X-Sum' })
      assert.match(
        await client.take('X-Sum: 1\r\n\r\n'),
        /^3[^\r]*\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n$/,
      )
    },
  },
  {
    id: 'down-excess',
    ...{ rfc: '9112 6.3', level: 'MUST NOT' },
    says: 'bytes behind an answer are no answer to the next request',
    proof: async (on) => {
      for (const first of [ok('1'), 'HTTP/1.1 204 ?\r\n\r\n', inChunks('0\r\n\r\n')]) {
        const { client, upstream } = await on.comesDown(`${first}${ok('poison')}`, get('/1'))
        await until('the end upstream', () => upstream.ended || upstream.closed)
        client.received = ''
        const second = await on.asks(get('/2'), client)
        assert.notEqual(second.upstream, upstream)
        second.upstream.send(ok('2'))
        assert.equal((await client.takeMessage()).body, '2')
      }
    },
  },
  {
    id: 'down-unasked',
    ...{ rfc: '9112 9.5', level: 'GUARD' },
    says: 'what a server says on a connection that rests is nobody’s answer',
    proof: async (on) => {
      const { client, upstream } = await on.comesDown(ok(''), get('/1'))
      upstream.send('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n')
      await until('the end upstream', () => upstream.ended || upstream.closed)
      const second = await on.asks(get('/2'), client)
      second.upstream.send(ok('2'))
      assert.equal((await client.takeMessage()).body, '2')
    },
  },
]
