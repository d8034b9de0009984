// Where does a request end? Lengths, chunks and trailers on the way up (RFC 9112 6 and 7).

import assert from 'node:assert/strict'
import { ms } from '../../../src/foundation/time.ts'
import { get, ok, until } from '../../support/edge-bed.ts'
import type { Requirement } from './requirement.ts'

/** A POST with these field lines and this body. */
const post = (lines: string, body = '', version = '1.1'): string =>
  `POST / HTTP/${version}\r\nHost: a\r\n${lines}\r\n${body}`

const inChunks = (body: string): string => post('Transfer-Encoding: chunked\r\n', body)

const smuggled = get('/smuggled')

/** See the first line. */
export const framingUp: readonly Requirement[] = [
  {
    id: 'up-length-and-coding',
    ...{ rfc: '9112 6.3', level: 'MAY' },
    says: 'a request with a length and a coding is refused, or read by its coding alone',
    but: 'it is refused, and the connection ends',
    proof: async (on) => {
      const coding = 'Transfer-Encoding: chunked\r\n'
      const body = `0\r\n\r\n${smuggled}`
      await on.refuses(post(`Content-Length: 5\r\n${coding}`, body), 400)
      await on.refuses(post(`${coding}Content-Length: 0\r\n`, body), 400)
    },
  },
  {
    id: 'up-coding-last',
    ...{ rfc: '9112 6.3', level: 'MUST' },
    says: 'a coding whose last is not chunked leaves the length unknown: 400, and the end',
    proof: async (on) => {
      for (const coding of ['gzip', 'identity', 'chunked, gzip', 'xchunked', 'chunked;q=1', '']) {
        await on.refuses(post(`Transfer-Encoding: ${coding}\r\n`, `0\r\n\r\n${smuggled}`), 400)
      }
    },
  },
  {
    id: 'up-coding-unknown',
    ...{ rfc: '9112 6.1', level: 'SHOULD' },
    says: 'a coding that is not understood before the chunks is answered 501',
    proof: async (on) => {
      await on.refuses(post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), 501)
      await on.refuses(post('Transfer-Encoding: gzip,chunked\r\n', '0\r\n\r\n'), 501)
    },
  },
  {
    id: 'up-coding-twice',
    ...{ rfc: '9112 6.1', level: 'MUST NOT' },
    says: 'chunks within chunks, or two lines that say so, are refused',
    proof: async (on) => {
      const line = 'Transfer-Encoding: chunked\r\n'
      await on.refuses(post(`${line}${line}`, '0\r\n\r\n'), 400)
      await on.refuses(post(`${line}Transfer-Encoding: identity\r\n`, '0\r\n\r\n'), 400)
      await on.refuses(post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'), 400)
    },
  },
  {
    id: 'up-coding-disguised',
    ...{ rfc: '9112 6.3', level: 'GUARD' },
    says: 'what only some would read as `chunked` is refused',
    proof: async (on) => {
      for (const value of [
        '\x0bchunked',
        'chunked\x00',
        '"chunked"',
        'chunked,',
        ',chunked',
        'chunKed;',
      ]) {
        await on.refuses(post(`Transfer-Encoding: ${value}\r\n`, `0\r\n\r\n${smuggled}`), 400)
      }
      await on.refuses(post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'), 400)
      await on.refuses(post('Transfer-Encoding\x00: chunked\r\n', '0\r\n\r\n'), 400)
    },
  },
  {
    id: 'up-framing-tidy',
    ...{ rfc: '9110 5.5', level: 'GUARD' },
    says: 'white space around a length or a coding does not go up: some take it for a part of it',
    proof: async (on) => {
      const coded = post('Transfer-Encoding: \t chunked \t\r\n', '0\r\n\r\n')
      const { upstream } = await on.goesUp(coded, '\r\nTransfer-Encoding:chunked\r\n')
      await upstream.take('0\r\n\r\n')
      await on.goesUp(post('Content-Length:\t0 \r\n'), '\r\nContent-Length:0\r\n')
      await on.goesUp(post('Content-Length: 0\r\n'), '\r\nContent-Length: 0\r\n')
    },
  },
  {
    id: 'up-coding-1.0',
    ...{ rfc: '9112 6.1', level: 'MUST' },
    says: 'a coding in a message of HTTP/1.0 is a fault of framing',
    proof: (on) => on.refuses(post('Transfer-Encoding: chunked\r\n', '0\r\n\r\n', '1.0'), 400),
  },
  {
    id: 'up-coding-case',
    ...{ rfc: '9112 7', level: 'MUST' },
    says: 'names of codings do not count case',
    proof: async (on) => {
      const { upstream } = await on.goesUp(
        post('Transfer-Encoding: ChunKed\r\n', '1\r\na\r\n0\r\n\r\n'),
      )
      await upstream.take('a\r\n0\r\n\r\n')
    },
  },
  {
    id: 'up-length-invalid',
    ...{ rfc: '9112 6.3', level: 'MUST' },
    says: 'an invalid length makes a request a 400',
    proof: async (on) => {
      for (const length of ['', '+1', '-1', '0x1', '1 1', '1.0', '1e1', '1;', 'a', '\xb2', '"1"']) {
        await on.refuses(post(`Content-Length: ${length}\r\n`, 'a'), 400)
      }
    },
  },
  {
    id: 'up-length-list',
    ...{ rfc: '9110 8.6', level: 'MUST' },
    says: 'repeated lengths are refused, or taken for one when all are the same number',
    but: 'they are always refused',
    proof: async (on) => {
      await on.refuses(post('Content-Length: 1, 1\r\n', 'a'), 400)
      await on.refuses(post('Content-Length: 1\r\nContent-Length: 1\r\n', 'a'), 400)
      await on.refuses(post('Content-Length: 1\r\nContent-Length: 2\r\n', 'a'), 400)
    },
  },
  {
    id: 'up-length-huge',
    ...{ rfc: '9110 8.6', level: 'MUST' },
    says: 'numbers too large to be counted are no lengths',
    proof: async (on) => {
      for (const length of ['9'.repeat(16), '18446744073709551617', '9'.repeat(400)]) {
        await on.refuses(post(`Content-Length: ${length}\r\n`, 'a'), 400)
      }
    },
  },
  {
    id: 'up-length-zeros',
    ...{ rfc: '9110 8.6', level: 'GUARD' },
    says: 'leading zeros are decimal, never octal',
    proof: async (on) => {
      const { upstream } = await on.asks(post('Content-Length: 010\r\n', '0123456789'))
      await upstream.take('0123456789')
    },
  },
  {
    id: 'up-no-length',
    ...{ rfc: '9112 6.3', level: 'MUST' },
    says: 'without length and coding a request has no body: what follows is the next one',
    proof: async (on) => {
      const { client, upstream, head } = await on.asks(`${post('')}${get('/second')}`)
      assert.match(head, /^POST /)
      upstream.send(ok('1'))
      await client.takeMessage()
      assert.match(await upstream.take('\r\n\r\n'), /^GET \/second /)
    },
  },
  {
    id: 'up-body-on-any-method',
    ...{ rfc: '9112 6', level: 'MUST' },
    says: 'what frames a body does not depend on the method: a GET may have one',
    proof: async (on) => {
      const request = 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'
      const { upstream } = await on.goesUp(request, '\r\nContent-Length: 3\r\n')
      await upstream.take('abc')
    },
  },
  {
    id: 'up-length-zero',
    ...{ rfc: '9110 8.6', level: 'SHOULD' },
    says: 'a length of 0 is passed on',
    proof: (on) => on.goesUp(post('Content-Length: 0\r\n'), '\r\nContent-Length: 0\r\n'),
  },
  {
    id: 'up-incomplete',
    ...{ rfc: '9112 8', level: 'MUST' },
    says: 'a body that breaks off is not passed off as whole: the server sees the connection end',
    proof: async (on) => {
      for (const part of [
        post('Content-Length: 9\r\n', 'half'),
        inChunks('9\r\nhalf'),
        inChunks('4\r\nhalf\r\n'),
        inChunks('4\r\nhalf\r\n0\r\n'),
      ]) {
        const { client, upstream } = await on.asks(part)
        await upstream.take('half')
        client.socket.end()
        const rest = await upstream.takeEnd()
        assert.doesNotMatch(rest, /0\r\n\r\n/)
      }
    },
  },
  {
    id: 'up-incomplete-too-slow',
    ...{ rfc: '9110 15.5.9', level: 'MAY' },
    says: 'a request that is not completed in time is answered 408, and the connection ends',
    wish: { frontend: { idleTimeout: ms(200), headTimeout: ms(200) } },
    proof: async (on) => {
      for (const part of [post('Content-Length: 9\r\n', 'half'), 'GET / HTTP/1.1\r\nHo']) {
        const client = await on.client()
        client.send(part)
        assert.match(
          await client.take('\r\n\r\n'),
          /^HTTP\/1.1 408 [\s\S]*\r\nConnection: close\r\n/,
        )
        await client.takeEnd()
      }
    },
  },
  {
    id: 'up-chunks',
    ...{ rfc: '9112 7.1', level: 'MUST' },
    says: 'chunks are understood: sizes in either case, zeros before them, many and large',
    proof: async (on) => {
      const large = 'x'.repeat(70_000)
      const small = 'A\r\n0123456789\r\n00b\r\n0123456789a\r\n'
      const chunks = `${small}${(70_000).toString(16)}\r\n${large}\r\n`
      const { upstream, client } = await on.asks(inChunks(`${chunks}000\r\n\r\n`))
      await upstream.take(`${large}\r\n000\r\n\r\n`)
      upstream.send(ok(''))
      await client.takeMessage()
    },
  },
  {
    id: 'up-chunk-size-bad',
    ...{ rfc: '9112 7.1', level: 'MUST' },
    says: 'a chunk size that is none ends the request with a 400',
    proof: async (on) => {
      for (const size of [
        '',
        'g',
        '0x1',
        '+1',
        '-1',
        ' 1',
        '1 ',
        '1\t',
        '1 1',
        '\xb2',
        '1,1',
        '\r\n1',
      ]) {
        await on.endsBadly(inChunks(`${size}\r\na\r\n0\r\n\r\n${smuggled}`))
      }
    },
  },
  {
    id: 'up-chunk-size-huge',
    ...{ rfc: '9112 7.1', level: 'MUST' },
    says: 'sizes that no number holds are refused before they are counted',
    proof: async (on) => {
      await on.endsBadly(inChunks('ffffffffffffffff1\r\na\r\n0\r\n\r\n'))
      await on.endsBadly(inChunks('10000000000000001\r\na\r\n0\r\n\r\n'))
      await on.endsBadly(inChunks(`${'0'.repeat(100)}1\r\na\r\n0\r\n\r\n`))
    },
  },
  {
    id: 'up-chunk-ends',
    ...{ rfc: '9112 7.1', level: 'GUARD' },
    says: 'every line of a chunk ends with CRLF, and so does its data: nothing else does for it',
    proof: async (on) => {
      for (const body of [
        '1\na\r\n0\r\n\r\n',
        '1\r\na\n0\r\n\r\n',
        '1\r\nab0\r\n\r\n',
        '1\r\na\r\n0\n\r\n',
        '1\r\na\r\n0\r\n\n',
        '1\r\na\r\n0\r\n\rX',
        '1\rX\r\na\r\n0\r\n\r\n',
        '1;a\nb\r\na\r\n0\r\n\r\n',
        '1;\x00\r\na\r\n0\r\n\r\n',
      ]) {
        await on.endsBadly(inChunks(`${body}${smuggled}`))
      }
    },
  },
  {
    id: 'up-chunk-extensions',
    ...{ rfc: '9112 7.1.1', level: 'MUST' },
    says: 'extensions of chunks that mean nothing here are no obstacle',
    proof: async (on) => {
      const { upstream } = await on.asks(inChunks('1;a;b=c;d="e f"\r\nx\r\n0;z\r\n\r\n'))
      await upstream.take(/x\r\n0[^\r]*\r\n\r\n/)
    },
  },
  {
    id: 'up-chunk-extensions-long',
    ...{ rfc: '9112 7.1.1', level: 'SHOULD' },
    says: 'all extensions of a request together are limited, and beyond that it is a 4xx',
    proof: async (on) => {
      await on.endsBadly(inChunks(`1;${'a'.repeat(20_000)}\r\nx\r\n0\r\n\r\n`))
      await on.endsBadly(inChunks(`${`1;${'a'.repeat(99)}\r\nx\r\n`.repeat(200)}0\r\n\r\n`))
    },
  },
  {
    id: 'up-trailers',
    ...{ rfc: '9112 7.1.2', level: 'MUST' },
    says: 'trailers are passed on or dropped, and never become fields of the head',
    but: 'they are passed on',
    proof: async (on) => {
      const lines = 'Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n'
      const asked = await on.goesUp(post(lines, '1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n'), {
        not: 'X-Sum: 1',
      })
      await asked.upstream.take('0\r\nX-Sum: 1\r\n\r\n')
    },
  },
  {
    id: 'up-trailers-forbidden',
    ...{ rfc: '9110 6.5.1', level: 'MUST NOT' },
    says: 'nothing in a trailer frames, routes, authorises or describes the content',
    proof: async (on) => {
      for (const name of [
        ...['Content-Length', 'transfer-encoding', 'HOST', 'Connection', 'Authorization'],
        ...['Cookie', 'Content-Encoding', 'Content-Type', 'Content-Range', 'TE', 'Trailer'],
        ...['Expect', 'Upgrade', 'Keep-Alive'],
      ]) {
        await on.endsBadly(inChunks(`0\r\n${name}: 1\r\n\r\n${smuggled}`))
      }
    },
  },
  {
    id: 'up-trailers-malformed',
    ...{ rfc: '9112 7.1.2', level: 'GUARD' },
    says: 'trailers are fields: folded, nameless or endless ones are refused',
    proof: async (on) => {
      await on.endsBadly(inChunks('0\r\nA: 1\r\n 2\r\n\r\n'))
      await on.endsBadly(inChunks('0\r\n: 1\r\n\r\n'))
      await on.endsBadly(inChunks('0\r\nA : 1\r\n\r\n'))
      await on.endsBadly(inChunks('0\r\nGET /smuggled HTTP/1.1\r\n\r\n'))
      await on.endsBadly(inChunks(`0\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`))
    },
  },
  {
    id: 'up-trace-body',
    ...{ rfc: '9110 9.3.8', level: 'MUST NOT' },
    says: 'TRACE has no content',
    proof: (on) => on.refuses('TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na', 400),
  },
  {
    id: 'up-1.0-no-length',
    ...{ rfc: '9112 6.3', level: 'MUST' },
    says: 'the end of the connection never ends the body of a request',
    proof: async (on) => {
      const { upstream, client } = await on.asks('POST / HTTP/1.0\r\nHost: a\r\n\r\nno body')
      upstream.send(ok('x'))
      assert.match((await client.takeMessage()).head, /\r\nConnection: close\r\n/)
      await until('nothing more', () => client.ended)
      assert.equal(upstream.received, '')
    },
  },
]
