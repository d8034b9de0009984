// Field lines: their syntax, Host, limits, and what is passed on untouched (RFC 9110 5 to 7,
// RFC 9112 5).

import assert from 'node:assert/strict'
import { get, ok } from '../../support/edge-bed.ts'
import type { Requirement } from './requirement.ts'

/** Fields that mean something to the ends alone. */
const endToEnd = [
  'Accept: text/html;q=0.8, */*',
  'Accept-Encoding: gzip, br',
  'Authorization: Basic dTpw',
  'Cache-Control: no-transform, max-age=0',
  'Cookie: a=1; b=2',
  'If-Match: "x"',
  'If-None-Match: W/"y"',
  'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT',
  'If-Range: "z"',
  'Range: bytes=0-99,200-',
  'Referer: http://a/',
  'Origin: null',
  'Proxy-Authorization: Basic dTpw',
  'User-Agent: x/1 (y)',
  'X-Unknown: anything',
]

/** The same of answers. */
const endToEndDown = [
  'Accept-Ranges: bytes',
  'Age: 7',
  'Alt-Svc: clear',
  'Cache-Control: no-transform',
  'Content-Encoding: gzip',
  'Content-Range: bytes 0-0/9',
  'Content-Type: multipart/byteranges; boundary=x',
  'ETag: W/"y"',
  'Expires: 0',
  'Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT',
  'Location: /elsewhere',
  'Retry-After: 120',
  'Server: theirs/1',
  'Vary: *',
  'WWW-Authenticate: Basic realm="a, b"',
  'X-Unknown: anything',
]

/** See the first line. */
export const fields: readonly Requirement[] = [
  {
    id: 'field-space-before-colon',
    ...{ rfc: '9112 5.1', level: 'MUST' },
    says: 'white space between a name and its colon makes a request a 400',
    proof: async (on) => {
      await on.refuses(get('/', 'Content-Length : 5\r\n'), 400)
      await on.refuses(get('/', 'X\t: 5\r\n'), 400)
    },
  },
  {
    id: 'field-space-before-colon-down',
    ...{ rfc: '9112 5.1', level: 'MUST' },
    says: 'in an answer that white space is taken away before it is passed on',
    proof: (on) =>
      on.comesDown(
        'HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length \t: 0\r\n\r\n',
        get(),
        '\r\nX-A: 1\r\nContent-Length: 0\r\n',
      ),
  },
  {
    id: 'field-folded',
    ...{ rfc: '9112 5.2', level: 'MUST' },
    says: 'a folded line in a request is refused, or mended',
    but: 'it is always refused',
    proof: async (on) => {
      await on.refuses(get('/', 'X: 1\r\n 2\r\n'), 400)
      await on.refuses(get('/', 'Transfer-Encoding:\r\n chunked\r\n'), 400)
    },
  },
  {
    id: 'field-folded-down',
    ...{ rfc: '9112 5.2', level: 'MUST' },
    says: 'a folded line in an answer is mended, or makes it a 502',
    but: 'it is always a 502',
    proof: (on) => on.distrusts('HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 0\r\n\r\n'),
  },
  {
    id: 'field-name-token',
    ...{ rfc: '9110 5.1', level: 'MUST' },
    says: 'a field name is a token of at least one character',
    proof: async (on) => {
      for (const name of ['', 'A B', 'A(', 'A\x00', 'A\x7f', 'A\xe9', 'A/', '"A"', 'A,B', 'A;']) {
        await on.refuses(get('/', `${name}: 1\r\n`), 400)
      }
      await on.refuses(get('/', 'no colon at all\r\n'), 400)
    },
  },
  {
    id: 'field-name-token-down',
    ...{ rfc: '9110 5.1', level: 'MUST' },
    says: 'nor is an answer believed whose field names are no tokens',
    proof: (on) => on.distrusts('HTTP/1.1 200 OK\r\nA(: 1\r\nContent-Length: 0\r\n\r\n'),
  },
  {
    id: 'field-name-case',
    ...{ rfc: '9110 5.1', level: 'MUST' },
    says: 'field names do not count case',
    proof: async (on) => {
      const asked = await on.goesUp(
        'POST / HTTP/1.1\r\nhOST: a\r\ncONTENT-lENGTH: 1\r\ncoNNection: x\r\nX: 1\r\n\r\nb',
        { not: /\r\nx: 1/i },
      )
      await asked.upstream.take('b')
    },
  },
  {
    id: 'field-controls',
    ...{ rfc: '9110 5.5', level: 'MUST' },
    says: 'NUL, CR and LF in a value are refused or replaced',
    but: 'they and the other controls are refused',
    proof: async (on) => {
      for (const byte of ['\x00', '\x01', '\x0b', '\x0c', '\x1b', '\x7f']) {
        await on.refuses(get('/', `X: a${byte}b\r\n`), 400)
      }
    },
  },
  {
    id: 'field-controls-down',
    ...{ rfc: '9110 5.5', level: 'MUST' },
    says: 'nor do they come down',
    proof: async (on) => {
      for (const byte of ['\x00', '\x0b', '\x7f', '\rX', '\nX']) {
        await on.distrusts(`HTTP/1.1 200 OK\r\nX: a${byte}b\r\nContent-Length: 0\r\n\r\n`)
      }
    },
  },
  {
    id: 'field-obs-text',
    ...{ rfc: '9110 5.5', level: 'SHOULD' },
    says: 'bytes above 127 in a value are opaque and pass as they are',
    proof: (on) => on.goesUp(get('/', 'X: gr\xfc\xdfe\xff\r\n'), 'X: gr\xfc\xdfe\xff\r\n'),
  },
  {
    id: 'field-white-space-around',
    ...{ rfc: '9110 5.5', level: 'MUST' },
    says: 'white space around a value is no part of it',
    proof: async (on) => {
      const length = 'POST / HTTP/1.1\r\nHost:\t a \t\r\nContent-Length: \t 3 \t \r\n\r\nabc'
      const { upstream } = await on.goesUp(length, 'X-Forwarded-Host: a\r\n')
      await upstream.take('abc')
    },
  },
  {
    id: 'field-empty-value',
    ...{ rfc: '9110 5.5', level: 'GUARD' },
    says: 'an empty value is a value and passes',
    proof: (on) =>
      on.goesUp(get('/', 'X-Empty:\r\nX-Space: \r\n'), /\r\nX-Empty:\r\nX-Space: ?\r\n/),
  },
  {
    id: 'field-order',
    ...{ rfc: '9110 5.3', level: 'MUST NOT' },
    says: 'lines of the same name keep their order, and are not joined where that changes them',
    proof: async (on) => {
      await on.goesUp(get('/', 'A: 1\r\nB: 2\r\nA: 3\r\n'), /\r\nA: 1\r\nB: 2\r\nA: 3\r\n/)
      const cookies = 'Set-Cookie: a=1, b\r\nSet-Cookie: c=2\r\n'
      await on.comesDown(ok('', cookies), get(), cookies)
    },
  },
  {
    id: 'field-end-to-end',
    ...{ rfc: '9110 7.6', level: 'MUST' },
    says: 'fields that are not for this connection are passed on, known or not',
    proof: (on) => on.goesUp(get('/', `${endToEnd.join('\r\n')}\r\n`), ...endToEnd),
  },
  {
    id: 'field-end-to-end-down',
    ...{ rfc: '9110 7.6', level: 'MUST' },
    says: 'and so they are in answers, also those of conditional and range requests',
    proof: async (on) => {
      for (const status of ['200 OK', '206 Partial Content', '412 No', '416 No']) {
        const lines = `${endToEndDown.join('\r\n')}\r\n`
        const answer = ok('x', lines).replace('200 OK', status)
        await on.comesDown(answer, get(), ...endToEndDown)
      }
    },
  },
  {
    id: 'content-untouched',
    ...{ rfc: '9110 7.7', level: 'MUST NOT' },
    says: 'content is not transformed, with `no-transform` or without',
    proof: async (on) => {
      const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, code) => code))
      const { client } = await on.comesDown(ok(bytes), get(), '\r\nContent-Length: 256\r\n')
      assert.equal(await client.take('\xff'), bytes)
    },
  },
  {
    id: 'host-missing',
    ...{ rfc: '9112 3.2', level: 'MUST' },
    says: 'a request of HTTP/1.1 without Host is a 400',
    proof: (on) => on.refuses('GET / HTTP/1.1\r\n\r\n', 400),
  },
  {
    id: 'host-twice',
    ...{ rfc: '9112 3.2', level: 'MUST' },
    says: 'so is one with more than one Host line',
    proof: async (on) => {
      await on.refuses('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400)
      await on.refuses('GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n', 400)
      await on.refuses('GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n', 400)
    },
  },
  {
    id: 'host-invalid',
    ...{ rfc: '9112 3.2', level: 'MUST' },
    says: 'so is one whose Host is none',
    proof: async (on) => {
      for (const host of ['a b', 'a/b', 'a@b', 'a, b', 'a?b', 'a#b', '\xe9', 'http://a', 'a"']) {
        await on.refuses(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400)
      }
    },
  },
  {
    id: 'host-empty',
    ...{ rfc: '9112 3.2', level: 'MUST' },
    says: 'an empty Host is well formed, and passed on as it is',
    proof: (on) => on.goesUp('GET / HTTP/1.1\r\nHost:\r\n\r\n', /\r\nHost: ?\r\n/),
  },
  {
    id: 'host-kept',
    ...{ rfc: '9110 7.2', level: 'SHOULD' },
    says: 'the server gets the Host that the client sent',
    proof: (on) =>
      on.goesUp(
        'GET / HTTP/1.1\r\nHost: Shop.Example:8080\r\n\r\n',
        '\r\nHost: Shop.Example:8080\r\n',
      ),
  },
  {
    id: 'host-made',
    ...{ rfc: '9112 3.2', level: 'MUST' },
    says: 'what is passed on as HTTP/1.1 has a Host, also when HTTP/1.0 sent none',
    proof: (on) => on.goesUp('GET / HTTP/1.0\r\n\r\n', /\r\nHost: \S+\r\n/),
  },
  {
    id: 'fields-too-large',
    ...{ rfc: '9110 5.4', level: 'MUST' },
    says: 'fields larger than are read are answered with a 4xx, never cut short',
    but: '431 (RFC 6585 5)',
    proof: async (on) => {
      await on.refuses(get('/', `X: ${'a'.repeat(40 * 1024)}\r\n`), 431)
      await on.refuses(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(40 * 1024)}`, 431)
    },
  },
  {
    id: 'fields-too-many',
    ...{ rfc: '6585 5', level: 'MAY' },
    says: 'too many fields are answered 431',
    proof: (on) => on.refuses(get('/', 'X: 1\r\n'.repeat(200)), 431),
  },
  {
    id: 'fields-too-large-down',
    ...{ rfc: '9110 5.4', level: 'GUARD' },
    says: 'an answer whose head has no end becomes a 502',
    proof: (on) => on.distrusts(`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(70 * 1024)}`),
  },
  {
    id: 'fields-large',
    ...{ rfc: '9110 5.4', level: 'GUARD' },
    says: 'heads of 30 KiB pass up, of 50 KiB down',
    proof: async (on) => {
      const up = `X: ${'u'.repeat(30 * 1024)}\r\n`
      const down = `X: ${'d'.repeat(50 * 1024)}\r\n`
      const { upstream, client } = await on.goesUp(get('/', up), up)
      upstream.send(ok('', down))
      await client.take(down)
    },
  },
  {
    id: 'forwarded-for',
    ...{ rfc: '7239 4', level: 'GUARD' },
    says: 'the server is told the address of the client, after what others have told',
    proof: (on) =>
      on.goesUp(
        get('/', 'X-Forwarded-For: 192.0.2.1\r\n'),
        /X-Forwarded-For: 192\.0\.2\.1(, |\r\n[\s\S]*X-Forwarded-For: )127\.0\.0\.1\r\n/,
      ),
  },
  {
    id: 'forwarded-not-forged',
    ...{ rfc: '7239 8.1', level: 'GUARD' },
    says: 'what a client says of its host and scheme in such fields does not pass for ours',
    proof: (on) =>
      on.goesUp(
        get('/', 'X-Forwarded-Proto: https\r\nx-forwarded-host: evil\r\nX-FORWARDED-PROTO: x\r\n'),
        { not: /evil|proto: https|proto: x/i },
        /X-Forwarded-Proto: http\r\n/,
        /X-Forwarded-Host: shop\.example\r\n/,
      ),
  },
]
