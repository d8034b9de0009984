// The first line of a request: method, target, version (RFC 9112 2 and 3, RFC 9110 4 and 9.1).

import { get, ok } from '../../support/edge-bed.ts'
import type { Requirement } from './requirement.ts'

const long = (bytes: number): string => `/${'a'.repeat(bytes - 1)}`

/** A request of HTTP/1.1 with this first line. */
const line = (first: string, lines = ''): string => `${first}\r\nHost: a\r\n${lines}\r\n`

/** See the first line. */
export const requestLine: readonly Requirement[] = [
  {
    id: 'line-bare-lf',
    ...{ rfc: '9112 2.2', level: 'MAY' },
    says: 'a lone LF may be taken for the end of a line',
    but: 'it is refused: servers differ in what they take it for',
    proof: async (on) => {
      await on.refuses('GET / HTTP/1.1\nHost: a\r\n\r\n', 400)
      await on.refuses('GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n', 400)
      await on.refuses('GET / HTTP/1.1\r\nHost: a\r\n\n', 400)
    },
  },
  {
    id: 'line-bare-cr',
    ...{ rfc: '9112 2.2', level: 'MUST' },
    says: 'a lone CR outside the content makes a message invalid',
    proof: async (on) => {
      await on.refuses('GET / HTTP/1.1\rHost: a\r\n\r\n', 400)
      await on.refuses('GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n', 400)
      await on.refuses('GET / HTTP/1.1\r\nHost: a\r\n\rX', 400)
    },
  },
  {
    id: 'line-octets',
    ...{ rfc: '9112 2.2', level: 'MUST' },
    says: 'a message is read as octets; what arrives cut anywhere is the same message',
    proof: async (on) => {
      const client = await on.client()
      const whole = 'PUT /x HTTP/1.1\r\nHost: a\r\nX: \xe9\r\n\r\n'
      for (let cut = 1; cut < whole.length; cut += 1) {
        client.send(whole.slice(0, cut))
        await new Promise((resolve) => setImmediate(resolve))
        const { upstream } = await on.asks(whole.slice(cut), client)
        upstream.send(ok(''))
        await client.takeMessage()
      }
    },
  },
  {
    id: 'line-empty-lines-before',
    ...{ rfc: '9112 2.2', level: 'SHOULD' },
    says: 'at least one empty line before a request is passed over',
    proof: (on) => on.goesUp(`\r\n\r\n${get('/x')}`, /^GET \/x /),
  },
  {
    id: 'line-space-after',
    ...{ rfc: '9112 2.2', level: 'MUST' },
    says: 'white space between the first line and the first field is refused, or its line ignored',
    proof: (on) => on.refuses('GET / HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n', 400),
  },
  {
    id: 'line-not-http',
    ...{ rfc: '9112 2.2', level: 'SHOULD' },
    says: 'what is not a request is answered 400, and the connection closed',
    proof: async (on) => {
      await on.refuses('\x16\x03\x01\x02\x00\x01\r\n\r\n', 400)
      await on.refuses('hello\r\n\r\n', 400)
    },
  },
  {
    id: 'line-spaces',
    ...{ rfc: '9112 3', level: 'MAY' },
    says: 'other white space than one space may part the words of the line',
    but: 'it is refused: a lenient reading here is a way to smuggle',
    proof: async (on) => {
      await on.refuses(line('GET  / HTTP/1.1'), 400)
      await on.refuses(line('GET\t/ HTTP/1.1'), 400)
      await on.refuses(line('GET / HTTP/1.1 '), 400)
      await on.refuses(line(' GET / HTTP/1.1'), 400)
      await on.refuses(line('GET /\x0bHTTP/1.1'), 400)
    },
  },
  {
    id: 'line-invalid-not-corrected',
    ...{ rfc: '9112 3', level: 'SHOULD NOT' },
    says: 'an invalid line is not mended and passed on, but answered 400',
    proof: (on) => on.refuses(line('GET /a b HTTP/1.1'), 400),
  },
  {
    id: 'method-case',
    ...{ rfc: '9110 9.1', level: 'MUST' },
    says: 'the method counts case: `get` is another method than `GET`',
    proof: async (on) => {
      const { upstream, client } = await on.goesUp(line('get / HTTP/1.1'), /^get \/ /)
      upstream.socket.resetAndDestroy()
      // Were it GET, it would be sent again.
      await client.take(/^HTTP\/1.1 502 /)
    },
  },
  {
    id: 'method-unknown',
    ...{ rfc: '9110 9.1', level: 'SHOULD' },
    says: 'methods that are not known to it are passed on, with their content',
    proof: async (on) => {
      const { upstream } = await on.goesUp(
        line('PROPFIND /x HTTP/1.1', 'Content-Length: 3\r\n').concat('abc'),
        /^PROPFIND \/x /,
      )
      await upstream.take('abc')
    },
  },
  {
    id: 'method-token',
    ...{ rfc: '9110 9.1', level: 'MUST' },
    says: 'a method is a token',
    proof: async (on) => {
      await on.refuses(line('GE(T / HTTP/1.1'), 400)
      await on.refuses(line('"GET" / HTTP/1.1'), 400)
      await on.refuses(line('G\x00T / HTTP/1.1'), 400)
    },
  },
  {
    id: 'method-too-long',
    ...{ rfc: '9112 3', level: 'SHOULD' },
    says: 'a method longer than any that is known is answered 501',
    proof: (on) => on.refuses(line(`${'M'.repeat(33)} / HTTP/1.1`), 501),
  },
  {
    id: 'line-8000',
    ...{ rfc: '9112 3', level: 'SHOULD' },
    says: 'lines of at least 8,000 octets are taken',
    proof: (on) => on.goesUp(get(long(8000)), long(8000)),
  },
  {
    id: 'line-too-long',
    ...{ rfc: '9112 3', level: 'MUST' },
    says: 'a target longer than is read is answered 414',
    proof: async (on) => {
      await on.refuses(get(long(17 * 1024)), 414)
      await on.refuses(`GET ${long(17 * 1024)}`, 414)
    },
  },
  {
    id: 'target-untouched',
    ...{ rfc: '9110 7.7', level: 'MUST NOT' },
    says: 'path and query are passed on as they came: no decoding, no dots taken out',
    proof: (on) =>
      on.goesUp(
        get('/a/../b//c/%2e%2E/%41?x=%00&y=a|b{}^'),
        '/a/../b//c/%2e%2E/%41?x=%00&y=a|b{}^',
      ),
  },
  {
    id: 'target-absolute',
    ...{ rfc: '9112 3.2.2', level: 'MUST' },
    says: 'a target in absolute form is understood, and passed on in origin form',
    proof: async (on) => {
      await on.goesUp('GET http://a/x?y HTTP/1.1\r\nHost: a\r\n\r\n', /^GET \/x\?y HTTP\/1.1\r\n/)
      await on.goesUp('GET HTTP://a/ HTTP/1.1\r\nHost: a\r\n\r\n', /^GET \/ HTTP\/1.1\r\n/)
    },
  },
  {
    id: 'target-absolute-empty-path',
    ...{ rfc: '9112 3.2.1', level: 'MUST' },
    says: 'an empty path is sent as `/`',
    proof: async (on) => {
      await on.goesUp('GET http://a HTTP/1.1\r\nHost: a\r\n\r\n', /^GET \/ HTTP\/1.1\r\n/)
      await on.goesUp('GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n', /^GET \/\?q HTTP\/1.1\r\n/)
    },
  },
  {
    id: 'target-absolute-host',
    ...{ rfc: '9112 3.2.2', level: 'MUST' },
    says: 'with an absolute target its host counts, and another Host is ignored',
    but: 'a Host that differs is refused: servers behind us disagree about which counts',
    proof: async (on) => {
      await on.refuses('GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n', 400)
      await on.refuses('GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n', 400)
      await on.goesUp('GET http://A:80/ HTTP/1.1\r\nHost: a\r\n\r\n', /\r\nHost: a\r\n/)
    },
  },
  {
    id: 'target-absolute-1.0',
    ...{ rfc: '9112 3.2.2', level: 'MUST' },
    says: 'the Host that is sent on is made from an absolute target when there was none',
    proof: (on) => on.goesUp('GET http://shop/ HTTP/1.0\r\n\r\n', /\r\nHost: shop\r\n/),
  },
  {
    id: 'target-userinfo',
    ...{ rfc: '9110 4.2.4', level: 'SHOULD' },
    says: 'a user in the authority of a target is treated as an error',
    proof: (on) => on.refuses('GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n', 400),
  },
  {
    id: 'target-no-host',
    ...{ rfc: '9110 4.2.1', level: 'MUST' },
    says: 'a URI of http with an empty host is refused',
    proof: (on) => on.refuses('GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n', 400),
  },
  {
    id: 'target-scheme',
    ...{ rfc: '9110 7.4', level: 'SHOULD' },
    says: 'a request for a scheme that is not served here is refused',
    proof: async (on) => {
      await on.refuses('GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 400)
      await on.refuses('GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n', 400)
    },
  },
  {
    id: 'target-authority',
    ...{ rfc: '9112 3.2.3', level: 'MUST' },
    says: 'authority form belongs to CONNECT alone',
    proof: (on) => on.refuses(line('GET a:80 HTTP/1.1'), 400),
  },
  {
    id: 'target-connect',
    ...{ rfc: '9110 9.3.6', level: 'MAY' },
    says: 'a server may offer tunnels by CONNECT',
    but: 'none are offered: 501, and nothing behind it is read as a request',
    proof: async (on) => {
      for (const target of ['a:80', '/a', '*', 'http://a/']) {
        const request = `CONNECT ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`
        await on.refuses(request + get('/smuggled'), 501)
      }
    },
  },
  {
    id: 'target-asterisk',
    ...{ rfc: '9112 3.2.4', level: 'MUST' },
    says: '`*` asks about the whole server: OPTIONS alone may, and it is passed on as it is',
    proof: async (on) => {
      await on.goesUp(line('OPTIONS * HTTP/1.1'), /^OPTIONS \* HTTP\/1.1\r\n/)
      await on.refuses(line('GET * HTTP/1.1'), 400)
      await on.refuses(line('OPTIONS ** HTTP/1.1'), 400)
    },
  },
  {
    id: 'target-options-absolute',
    ...{ rfc: '9112 3.2.4', level: 'MUST' },
    says: 'OPTIONS for an absolute target without a path is sent on as `*`',
    proof: (on) =>
      on.goesUp('OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n', /^OPTIONS \* HTTP\/1.1\r\n/),
  },
  {
    id: 'target-fragment',
    ...{ rfc: '9110 4.1', level: 'GUARD' },
    says: 'a fragment is no part of a target; servers differ in what they cut off',
    proof: (on) => on.refuses(line('GET /a#b HTTP/1.1'), 400),
  },
  {
    id: 'target-bytes',
    ...{ rfc: '9112 3.2', level: 'SHOULD' },
    says: 'a target with bytes that no URI holds is refused',
    proof: async (on) => {
      await on.refuses(line('GET /\xff HTTP/1.1'), 400)
      await on.refuses(line('GET /\x00 HTTP/1.1'), 400)
      await on.refuses(line('GET /\x7f HTTP/1.1'), 400)
    },
  },
  {
    id: 'version-major',
    ...{ rfc: '9110 15.6.6', level: 'SHOULD' },
    says: 'another major version is answered 505',
    proof: async (on) => {
      await on.refuses(line('GET / HTTP/2.0'), 505)
      await on.refuses(line('GET / HTTP/0.9'), 505)
    },
  },
  {
    id: 'version-minor',
    ...{ rfc: '9110 2.5', level: 'SHOULD' },
    says: 'a later minor version is read as the latest one known',
    proof: (on) => on.goesUp(line('GET / HTTP/1.7'), /^GET \/ HTTP\/1.1\r\n/),
  },
  {
    id: 'version-own',
    ...{ rfc: '9112 2.3', level: 'MUST' },
    says: 'an intermediary sends its own version, whatever it received',
    proof: async (on) => {
      const asked = await on.goesUp('GET / HTTP/1.0\r\nHost: a\r\n\r\n', /^GET \/ HTTP\/1.1\r\n/)
      asked.upstream.send('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n')
      await asked.client.take(/^HTTP\/1.1 200 /)
    },
  },
  {
    id: 'version-case',
    ...{ rfc: '9112 2.3', level: 'MUST' },
    says: 'the name of the version counts case',
    proof: async (on) => {
      await on.refuses(line('GET / http/1.1'), 400)
      await on.refuses(line('GET / HTTP/1.1x'), 400)
      await on.refuses(line('GET / HTTP/11'), 400)
      await on.refuses(line('GET / HTTP/1.10'), 400)
    },
  },
  {
    id: 'version-none',
    ...{ rfc: '9112 A.1', level: 'GUARD' },
    says: 'a line without a version, as in HTTP/0.9, is no request',
    proof: (on) => on.refuses('GET /\r\n\r\n', 400),
  },
]
