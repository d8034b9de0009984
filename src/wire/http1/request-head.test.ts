// Requests as they come from browsers and from attackers: which are read, which are refused.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { type HeadLimits, headIncomplete, headRead, requestLimits } from './limits.ts'
import { parseRequestHead } from './request-head.ts'
import { RequestHead } from './request-line.ts'

const parse = (text: string, limits: HeadLimits = requestLimits) => {
  const head = new RequestHead()
  const bytes = Buffer.from(text, 'latin1')
  const code = parseRequestHead(bytes, 0, bytes.length, limits, head)
  return { code, head, bytes }
}

const read = (text: string) => {
  const { code, head, bytes } = parse(text)
  assert.equal(code, headRead, `${head.reason}: ${JSON.stringify(text)}`)
  const slice = (start: number, end: number) => bytes.toString('latin1', start, end)
  const cuts = Array.from({ length: head.cutCount }, (_, i) =>
    slice(head.cuts[i * 2]!, head.cuts[i * 2 + 1]!),
  )
  return { head, slice, cuts }
}

const get = (fields: string, line = 'GET / HTTP/1.1'): string => `${line}\r\n${fields}\r\n`

suite('a request head', () => {
  test('says its method, target, version and host', () => {
    const { head, slice } = read('PUT /a/b?c=d HTTP/1.1\r\nHost: shop.example:8080\r\n\r\nbody')
    assert.equal(slice(head.start, head.methodEnd), 'PUT')
    assert.equal(slice(head.targetStart, head.targetEnd), '/a/b?c=d')
    assert.equal(slice(head.hostStart, head.hostEnd), 'shop.example:8080')
    assert.equal(head.minor, 1)
    assert.equal(slice(head.end, head.end + 4), 'body')
  })

  for (const [method, idempotent] of Object.entries({
    ...{ GET: true, HEAD: true, PUT: true, DELETE: true, OPTIONS: true, TRACE: true },
    ...{ POST: false, PATCH: false, PROPFIND: false, get: false, QUERY: false },
  })) {
    test(`${method} is ${idempotent ? '' : 'not '}idempotent (RFC 9110 9.2.2)`, () => {
      assert.equal(read(get('Host: x\r\n', `${method} / HTTP/1.1`)).head.idempotent, idempotent)
    })
  }

  for (const { name, fields, minor = 1, keepAlive } of [
    { name: '1.1 stays open', fields: '', keepAlive: true },
    { name: '1.1 closes when it says so', fields: 'Connection: Close\r\n', keepAlive: false },
    { name: '1.0 closes', fields: '', minor: 0, keepAlive: false },
    {
      name: '1.0 stays open when asked',
      fields: 'Connection: x, keep-alive\r\n',
      minor: 0,
      keepAlive: true,
    },
    {
      name: 'close wins',
      fields: 'Connection: keep-alive\r\nConnection: close\r\n',
      keepAlive: false,
    },
  ]) {
    test(`HTTP/${name} (RFC 9112 9.3)`, () => {
      const { head } = read(get(`Host: x\r\n${fields}`, `GET / HTTP/1.${minor}`))
      assert.equal(head.keepAlive, keepAlive)
    })
  }

  test('marks what belongs to the connection, and what we say ourselves', () => {
    const lines = [
      'connection: Foo, keep-alive, TE\r\n',
      'Keep-Alive: timeout=5\r\n',
      'TE: trailers\r\n',
      'Proxy-Connection: keep-alive\r\n',
      'X-Forwarded-Proto: https\r\n',
      'X-Forwarded-Host: evil.example\r\n',
      'foo: 1\r\n',
    ]
    const { cuts } = read(get(`Host: x\r\nAccept: */*\r\n${lines.join('')}Foot: 2\r\n`))
    assert.deepEqual(cuts, lines)
  })

  test('keeps the order of cuts when the connection names a field before it', () => {
    const { cuts } = read(get('A: 1\r\nHost: x\r\nTE: x\r\nB: 2\r\nConnection: b, a\r\nC: 3\r\n'))
    assert.deepEqual(cuts, ['A: 1\r\n', 'TE: x\r\n', 'B: 2\r\n', 'Connection: b, a\r\n'])
  })

  test('passes an upgrade on that is asked for properly, and never one to h2c', () => {
    const upgrade = (fields: string, line?: string): string | undefined => {
      const { head, slice } = read(get(`Host: x\r\n${fields}`, line))
      return head.upgradeStart < 0 ? undefined : slice(head.upgradeStart, head.upgradeEnd)
    }
    assert.equal(upgrade('Upgrade: websocket \r\nConnection: Upgrade\r\n'), 'websocket')
    assert.equal(upgrade('Upgrade: websocket\r\n'), undefined)
    assert.equal(upgrade('Connection: Upgrade\r\n'), undefined)
    assert.equal(upgrade('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n'), undefined)
    assert.equal(upgrade('Connection: Upgrade\r\nUpgrade: websocket, H2C\r\n'), undefined)
    const twice = 'Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n'
    assert.equal(upgrade(twice), undefined)
    const withBody = 'Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n'
    assert.equal(upgrade(withBody), undefined)
    assert.equal(
      upgrade('Connection: Upgrade\r\nUpgrade: websocket\r\n', 'GET / HTTP/1.0'),
      undefined,
    )
  })

  test('takes the host of a whole URI, and its path (RFC 9112 3.2.2)', () => {
    const { head, slice } = read(
      'GET http://Shop.example/a?b HTTP/1.1\r\nHost: shop.example:80\r\n\r\n',
    )
    assert.equal(slice(head.hostStart, head.hostEnd), 'Shop.example')
    assert.equal(slice(head.pathStart, head.targetEnd), '/a?b')
    assert.equal(head.absolute, true)
  })

  test('passes over empty lines before a request (RFC 9112 2.2), but not without end', () => {
    assert.equal(read(`\r\n\r\n${get('Host: x\r\n')}`).head.start, 4)
    assert.equal(parse('\r\n'.repeat(20)).code, 400)
  })

  const long = 'a'.repeat(40_000)
  const refused: readonly (readonly [name: string, status: number, text: string])[] = [
    ['a bare LF after the request line', 400, 'GET / HTTP/1.1\nHost: x\r\n\r\n'],
    ['a bare LF after a field', 400, get('Host: x\nA: b\r\n')],
    ['a bare LF as the empty line', 400, 'GET / HTTP/1.1\r\nHost: x\r\n\n'],
    ['a bare CR in the request line', 400, 'GET /\rx HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a bare CR after the version', 400, 'GET / HTTP/1.1\rHost: x\r\n\r\n'],
    ['a bare CR in a value', 400, get('Host: x\r\nA: b\rc\r\n')],
    ['a bare CR before the request', 400, '\rGET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a NUL in a value', 400, get('Host: x\r\nA: b\0c\r\n')],
    ['a NUL in a name', 400, get('Host: x\r\nA\0: b\r\n')],
    ['a NUL in the target', 400, get('Host: x\r\n', 'GET /\0 HTTP/1.1')],
    ['a space before the colon (RFC 9112 5.1)', 400, get('Host: x\r\nContent-Length : 3\r\n')],
    ['a tab before the colon', 400, get('Host: x\r\nTransfer-Encoding\t: chunked\r\n')],
    ['a folded line (RFC 9112 5.2)', 400, get('Host: x\r\nA: b\r\n c\r\n')],
    ['a line that begins with a space', 400, get(' Host: x\r\n')],
    ['an empty field name', 400, get('Host: x\r\n: b\r\n')],
    ['a field without a colon', 400, get('Host: x\r\nAb\r\n')],
    ['no Host in 1.1 (RFC 9112 3.2)', 400, get('')],
    ['two Hosts', 400, get('Host: x\r\nHost: x\r\n')],
    ['two Hosts in other cases', 400, get('Host: x\r\nhOST: y\r\n')],
    ['a Host that is no host', 400, get('Host: x/y\r\n')],
    ['a Host with a user', 400, get('Host: a@b\r\n')],
    ['a list of Hosts', 400, get('Host: a, b\r\n')],
    ['a target of another host', 400, get('Host: b\r\n', 'GET http://a/ HTTP/1.1')],
    ['a target with a user', 400, get('Host: a\r\n', 'GET http://u@a/ HTTP/1.1')],
    ['a target of another scheme', 400, get('Host: a\r\n', 'GET ftp://a/ HTTP/1.1')],
    ['a target without a host', 400, get('Host: a\r\n', 'GET http:///x HTTP/1.1')],
    ['a target that is only a name', 400, get('Host: a\r\n', 'GET a HTTP/1.1')],
    ['a fragment in the target', 400, get('Host: a\r\n', 'GET /#x HTTP/1.1')],
    ['a byte above 127 in the target', 400, get('Host: a\r\n', 'GET /\xfc HTTP/1.1')],
    ['* for another method than OPTIONS', 400, get('Host: a\r\n', 'GET * HTTP/1.1')],
    ['an empty target', 400, get('Host: a\r\n', 'GET  HTTP/1.1')],
    ['two spaces after the target', 400, get('Host: a\r\n', 'GET /  HTTP/1.1')],
    ['a tab after the method', 400, get('Host: a\r\n', 'GET\t/ HTTP/1.1')],
    ['a space after the version', 400, get('Host: a\r\n', 'GET / HTTP/1.1 ')],
    ['no version (HTTP/0.9)', 400, 'GET /\r\n'],
    ['a version in lower case', 400, get('Host: a\r\n', 'GET / http/1.1')],
    ['a version of two digits', 400, get('Host: a\r\n', 'GET / HTTP/1.11')],
    ['HTTP/2', 505, 'PRI * HTTP/2.0\r\n\r\n'],
    ['HTTP/9.9', 505, get('Host: a\r\n', 'GET / HTTP/9.9')],
    ['a method that is no token', 400, get('Host: a\r\n', 'GE(T / HTTP/1.1')],
    ['a method longer than any', 501, get('Host: a\r\n', `${'M'.repeat(40)} / HTTP/1.1`)],
    ['CONNECT', 501, get('Host: a:1\r\n', 'CONNECT a:1 HTTP/1.1')],
    [
      'TRACE with a body (RFC 9110 9.3.8)',
      400,
      get('Host: a\r\nContent-Length: 1\r\n', 'TRACE / HTTP/1.1'),
    ],
    ['two lengths that differ', 400, get('Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n')],
    ['two lengths that agree', 400, get('Host: a\r\nContent-Length: 1\r\ncontent-length: 1\r\n')],
    ['a list of lengths', 400, get('Host: a\r\nContent-Length: 1, 1\r\n')],
    ['a length with a sign', 400, get('Host: a\r\nContent-Length: +1\r\n')],
    ['a negative length', 400, get('Host: a\r\nContent-Length: -1\r\n')],
    ['a length in hexadecimal', 400, get('Host: a\r\nContent-Length: 0x1\r\n')],
    ['an empty length', 400, get('Host: a\r\nContent-Length: \r\n')],
    ['a length with a space in it', 400, get('Host: a\r\nContent-Length: 1 2\r\n')],
    ['a length beyond counting', 400, get(`Host: a\r\nContent-Length: ${'9'.repeat(20)}\r\n`)],
    [
      'length and coding (RFC 9112 6.1)',
      400,
      get('Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
    ],
    [
      'coding and length',
      400,
      get('Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n'),
    ],
    [
      'two codings',
      400,
      get('Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'),
    ],
    [
      'a coding in HTTP/1.0',
      400,
      get('Host: a\r\nTransfer-Encoding: chunked\r\n', 'GET / HTTP/1.0'),
    ],
    ['another coding', 501, get('Host: a\r\nTransfer-Encoding: gzip, chunked\r\n')],
    ['a coding that looks like chunked', 400, get('Host: a\r\nTransfer-Encoding: xchunked\r\n')],
    ['chunked twice', 400, get('Host: a\r\nTransfer-Encoding: chunked, chunked\r\n')],
    ['chunked and identity', 400, get('Host: a\r\nTransfer-Encoding: chunked, identity\r\n')],
    ['chunked after a vertical tab', 400, get('Host: a\r\nTransfer-Encoding: \x0bchunked\r\n')],
    ['an empty coding', 400, get('Host: a\r\nTransfer-Encoding: \r\n')],
    ['a connection that names the length', 400, get('Host: a\r\nConnection: content-length\r\n')],
    [
      'a connection that names the coding',
      400,
      get('Host: a\r\nConnection: Transfer-Encoding\r\n'),
    ],
    ['a connection that names the host', 400, get('Host: a\r\nConnection: close, host\r\n')],
    ['another expectation', 417, get('Host: a\r\nExpect: 200-ok\r\n')],
    ['a request line without end', 414, `GET /${long}`],
    ['a request line that is too long', 414, get('Host: a\r\n', `GET /${long} HTTP/1.1`)],
    ['a head without end', 431, get(`Host: a\r\nA: ${long}`)],
    ['a head that is too long', 431, get(`Host: a\r\nA: ${long}\r\n`)],
    ['too many fields', 431, get(`Host: a\r\n${'A: b\r\n'.repeat(200)}`)],
  ]
  for (const [name, status, text] of refused) {
    test(`with ${name} is refused: ${status}`, () => {
      const { code, head } = parse(text)
      assert.equal(code, status)
      assert.notEqual(head.reason, '')
    })
  }

  test('with a field at every limit is read', () => {
    const fields = Array.from({ length: 127 }, (_, i) => `F${i}: v\r\n`).join('')
    assert.equal(parse(get(`Host: a\r\n${fields}`)).code, headRead)
    assert.equal(parse(get(`Host: a\r\n${fields}G: v\r\n`)).code, 431)
  })

  test('is refused alike at whichever byte it is cut', () => {
    for (const [name, status, text] of refused) {
      if (text.length > 2000) continue
      for (let cut = 0; cut < text.length; cut += 1) {
        const { code } = parse(text.slice(0, cut))
        assert.ok(code === headIncomplete || code === status, `${name}, cut at ${cut}: ${code}`)
      }
    }
  })
})

/** Pieces of which heads are made, good and bad. */
const piece = fc.oneof(
  ...[
    ...['GET', 'POST', 'OPTIONS', 'CONNECT', ' ', '  ', '/', '*', 'http://a', '?q', '#'],
    ...[' HTTP/1.1', ' HTTP/1.0', ' HTTP/2.0', '\r\n', '\r\n', '\r\n', '\n', '\r', '\0', '\t'],
    ...['Host: a', 'Host:', 'host: b', 'Content-Length: 5', 'Content-Length:', '5', '+', ','],
    ...['Transfer-Encoding: chunked', 'Transfer-Encoding: ', 'chunked', 'gzip', ':', ' :'],
    ...[
      'Connection: close',
      'Connection: upgrade, x',
      'Upgrade: websocket',
      'Expect: 100-continue',
    ],
    ...['X: y', 'x: \xe9', 'TE: trailers', 'Keep-Alive: 1', 'A', ' folded'],
  ].map((text) => fc.constant(text)),
  fc.string({
    maxLength: 6,
    unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
  }),
)
const anyHead = fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join(''))
const goodHead = fc
  .array(piece, { maxLength: 4 })
  .map((pieces) => `GET / HTTP/1.1\r\nHost: a\r\n${pieces.join('')}\r\n\r\n`)

const summary = (text: string): string => {
  const { code, head } = parse(text)
  if (code !== headRead) return String(code)
  const { bytes: _, ...rest } = {
    ...head,
    cuts: [...head.cuts.slice(0, head.cutCount * 2)],
    bytes: 0,
  }
  return JSON.stringify(rest)
}

const runs = Number(process.env.FUZZ_RUNS ?? 2000)

suite('any bytes as a request head', () => {
  test('say the same of every prefix until they say something for good', () => {
    fc.assert(
      fc.property(fc.oneof(anyHead, goodHead), (text) => {
        const whole = parse(text).code
        for (let cut = 0; cut <= text.length; cut += 1) {
          const { code } = parse(text.slice(0, cut))
          if (code === headIncomplete) continue
          assert.equal(code, whole, `cut at ${cut}`)
        }
      }),
      { numRuns: runs },
    )
  })

  test('are read alike when more bytes follow, and when they lie elsewhere in memory', () => {
    fc.assert(
      fc.property(goodHead, fc.string(), (text, more) => {
        if (parse(text).code !== headRead) return
        assert.equal(summary(text + more), summary(text))
        const moved = Buffer.from(`??${text}`, 'latin1')
        const head = new RequestHead()
        const code = parseRequestHead(moved, 2, moved.length, requestLimits, head)
        assert.equal(code, headRead)
        assert.equal(head.end - 2, parse(text).head.end)
      }),
      { numRuns: runs },
    )
  })

  test('never give a head with two ways to find the end of its body', () => {
    fc.assert(
      fc.property(fc.oneof(anyHead, goodHead), (text) => {
        const { code, head } = parse(text)
        if (code !== headRead) return
        assert.ok(!(head.chunked && head.contentLength >= 0))
        const fields = text.slice(head.lineEnd, head.end)
        const count = (name: RegExp) => [...fields.matchAll(name)].length
        assert.ok(count(/^content-length[ \t]*:/gim) <= 1)
        assert.ok(count(/^transfer-encoding[ \t]*:/gim) <= 1)
        assert.ok(count(/^host[ \t]*:/gim) <= 1)
        assert.doesNotMatch(fields, /[^\r]\n|\r[^\n]|\0/)
      }),
      { numRuns: runs },
    )
  })
})
