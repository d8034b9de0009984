// Answers as servers give them, well made and not.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { AnswerHead, answerBad, parseAnswerHead } from './answer-head.ts'
import { answerLimits, headIncomplete, headRead } from './limits.ts'

const parse = (text: string) => {
  const head = new AnswerHead()
  const bytes = Buffer.from(text, 'latin1')
  return { code: parseAnswerHead(bytes, 0, bytes.length, answerLimits, head), head, bytes }
}

const read = (text: string) => {
  const { code, head, bytes } = parse(text)
  assert.equal(code, headRead, head.reason)
  const cuts = Array.from({ length: head.cutCount }, (_, i) =>
    bytes.toString('latin1', head.cuts[i * 2]!, head.cuts[i * 2 + 1]!),
  )
  return { head, cuts }
}

suite('an answer head', () => {
  test('says its status, its length and whether the connection stays', () => {
    const { head } = read('HTTP/1.1 404 Not Found\r\nContent-Length: 12\r\nDate: x\r\n\r\n')
    assert.equal(head.status, 404)
    assert.equal(head.contentLength, 12)
    assert.equal(head.keepAlive, true)
    assert.equal(head.hasDate, true)
  })

  test('may do without a reason (RFC 9112 4)', () => {
    assert.equal(read('HTTP/1.1 200 \r\n\r\n').head.status, 200)
    assert.equal(read('HTTP/1.1 200\r\n\r\n').head.status, 200)
  })

  test('closes by default in HTTP/1.0', () => {
    assert.equal(read('HTTP/1.0 200 OK\r\n\r\n').head.keepAlive, false)
    assert.equal(read('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n').head.keepAlive, true)
    assert.equal(read('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n').head.keepAlive, false)
  })

  test('loses what belongs to the connection', () => {
    const lines = [
      'Connection: keep-alive, X-Hop\r\n',
      'Keep-Alive: timeout=5\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Proxy-Connection: x\r\n',
      'Upgrade: h2\r\n',
      'X-Hop: 1\r\n',
    ]
    const { head, cuts } = read(`HTTP/1.1 200 OK\r\nA: b\r\n${lines.join('')}C: d\r\n\r\n`)
    assert.deepEqual(cuts, lines)
    assert.equal(head.chunked, true)
  })

  test('loses a space before a colon (RFC 9112 5.1)', () => {
    const { cuts } = read('HTTP/1.1 200 OK\r\nA : b\r\nKeep-Alive : x\r\nC\t: d\r\n\r\n')
    assert.deepEqual(cuts, [' ', 'Keep-Alive : x\r\n', '\t'])
  })

  test('loses the length that a 204 and a 1xx do not have (RFC 9110 8.6)', () => {
    for (const status of [103, 204]) {
      const { cuts } = read(`HTTP/1.1 ${status} x\r\nContent-Length: 5\r\n\r\n`)
      assert.deepEqual(cuts, ['Content-Length: 5\r\n'])
    }
    assert.deepEqual(read('HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n').cuts, [])
  })

  for (const [name, text] of Object.entries({
    'another protocol': 'SSH-2.0-OpenSSH\r\n\r\n',
    'HTTP/2': 'HTTP/2.0 200 OK\r\n\r\n',
    'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
    'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
    'a status below 100': 'HTTP/1.1 099 x\r\n\r\n',
    'no status': 'HTTP/1.1 \r\n\r\n',
    'a bare LF': 'HTTP/1.1 200 OK\n\n',
    'a bare CR in a value': 'HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n',
    'a NUL': 'HTTP/1.1 200 OK\r\nA: \0\r\n\r\n',
    'a folded line': 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n',
    'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n',
    'a length that is none': 'HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n',
    'length and coding':
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'another coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'a coding in HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'a head without end': `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(70_000)}`,
    'too many fields': `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(300)}\r\n`,
  })) {
    test(`with ${name} is a bad gateway's`, () => assert.equal(parse(text).code, answerBad))
  }

  test('is read alike however it is cut, whatever it is', () => {
    const part = fc.constantFrom(
      ...['HTTP/1.1 200 OK', 'HTTP/1.0 ', '204', '\r\n', '\r\n', '\n', '\r', 'A: b', 'A :', '\0'],
      ...[
        'Content-Length: 5',
        'Transfer-Encoding: chunked',
        'Connection: close, a',
        'Date: x',
        ' ',
      ],
    )
    const text = fc
      .tuple(fc.boolean(), fc.array(part, { maxLength: 12 }))
      .map(([good, parts]) => `${good ? 'HTTP/1.1 200 OK\r\n' : ''}${parts.join('')}`)
    fc.assert(
      fc.property(text, (whole) => {
        const { code } = parse(whole)
        for (let cut = 0; cut < whole.length; cut += 1) {
          const prefix = parse(whole.slice(0, cut)).code
          assert.ok(prefix === headIncomplete || prefix === code, `cut at ${cut}`)
        }
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 2000) },
    )
  })
})
