// Chunked bodies: where they end, and which of them must not be passed on.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { ChunkScanner } from './chunked.ts'

/** What a scanner says of `text`, given in the pieces that `cuts` make of it. */
function scan(text: string, cuts: readonly number[] = []) {
  const scanner = new ChunkScanner()
  const bytes = Buffer.from(text, 'latin1')
  let at = 0
  let data = ''
  for (const end of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    while (at < end && !scanner.done && !scanner.bad) {
      at = scanner.scan(bytes, at, end, true)
      data += bytes.toString('latin1', scanner.dataStart, scanner.dataEnd)
    }
  }
  return { at, data, done: scanner.done, bad: scanner.bad }
}

const encode = (parts: readonly string[], extension = '', trailers = ''): string =>
  [
    ...parts
      .filter((part) => part !== '')
      .map((part) => `${part.length.toString(16)}${extension}\r\n${part}\r\n`),
    `0${extension}\r\n${trailers}\r\n`,
  ].join('')

suite('a chunked body', () => {
  test('ends after its last chunk, and leaves what follows', () => {
    const body = '5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n'
    const { at, data, done } = scan(`${body}GET / `)
    assert.equal(data, 'hello world')
    assert.equal(done, true)
    assert.equal(at, body.length)
  })

  test('end at the first byte of a trailer that is none: nothing behind it is passed on', () => {
    for (const line of ['\x80\r\nPUT / ', 'PUT / HTTP/1.1\r\n', ': x\r\n', 'A\r\nGET']) {
      const scanner = new ChunkScanner()
      const bytes = Buffer.from(`0\r\n${line}`, 'latin1')
      const stopped = scanner.scan(bytes, 0, bytes.length)
      assert.ok(scanner.bad, JSON.stringify(line))
      assert.match(bytes.toString('latin1', 0, stopped), /^0\r\n[A-Z]*$/)
    }
  })

  test('may have extensions and trailers', () => {
    const { done, data } = scan(encode(['x'], ';a="b c";d', 'Expires: never\r\nX-Sum: 1\r\n'))
    assert.equal(done, true)
    assert.equal(data, 'x')
  })

  test('counts in upper and lower case', () => {
    assert.equal(scan(`A\r\n${'x'.repeat(10)}\r\na\r\n${'y'.repeat(10)}\r\n0\r\n\r\n`).done, true)
  })

  for (const [name, text] of Object.entries({
    'no size': '\r\nx\r\n0\r\n\r\n',
    'a size that is no number': 'g\r\n',
    'a negative size': '-1\r\n',
    'a size with a prefix': '0x5\r\nhello\r\n0\r\n\r\n',
    'a space before the size': ' 5\r\nhello\r\n0\r\n\r\n',
    'a space after the size': '5 \r\nhello\r\n0\r\n\r\n',
    'a size beyond counting': 'fffffffffffff\r\n',
    'zeros without end': `${'0'.repeat(20)}5\r\nhello\r\n`,
    'a bare LF after the size': '5\nhello\r\n0\r\n\r\n',
    'a bare CR after the size': '5\rhello\r\n0\r\n\r\n',
    'a bare LF in an extension': '5;a\nb\r\nhello\r\n0\r\n\r\n',
    'a NUL in an extension': '5;\0\r\nhello\r\n0\r\n\r\n',
    'data longer than its size': '5\r\nhello!\r\n0\r\n\r\n',
    'data without its CRLF': '5\r\nhello0\r\n\r\n',
    'a bare LF after data': '5\r\nhello\n0\r\n\r\n',
    'a bare LF at the end': '0\r\n\n',
    'a trailer without a colon': '0\r\nabc\r\n\r\n',
    'a trailer with a space before the colon': '0\r\nA : b\r\n\r\n',
    'a folded trailer': '0\r\nA: b\r\n c\r\n\r\n',
    'a trailer that frames': '0\r\nContent-Length: 5\r\n\r\n',
    'a trailer that codes': '0\r\nTransfer-Encoding: chunked\r\n\r\n',
    'a trailer that routes': '0\r\nHost: evil\r\n\r\n',
    'a trailer that authorises': '0\r\nAuthorization: x\r\n\r\n',
    'extensions without end': `1;${'a'.repeat(20_000)}`,
    'trailers without end': `0\r\n${'A: b\r\n'.repeat(4000)}`,
  })) {
    test(`with ${name} is refused`, () => {
      const { bad, done } = scan(text)
      assert.equal(bad, true)
      assert.equal(done, false)
    })
  }

  test('is the same whichever way it is cut', () => {
    const parts = fc.array(fc.string({ maxLength: 40, unit: 'binary-ascii' }), { maxLength: 5 })
    const extension = fc.constantFrom('', ';a', ';a="b"')
    const trailers = fc.constantFrom('', 'A: b\r\n', 'A: b\r\nC: d\r\n')
    fc.assert(
      fc.property(parts, extension, trailers, fc.array(fc.nat(200)), (body, ext, rest, cuts) => {
        const text = encode(body, ext, rest)
        const found = scan(
          `${text}next`,
          cuts.filter((cut) => cut < text.length),
        )
        assert.deepEqual(found, { at: text.length, data: body.join(''), done: true, bad: false })
      }),
    )
  })

  test('never throws, and says of every cut what it says of the whole', () => {
    const part = fc.constantFrom('5', '\r\n', 'hello', '0', ';a', '\n', '\r', 'A: b', '', 'ff', ' ')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 14 }), fc.array(fc.nat(40)), (pieces, cuts) => {
        const text = pieces.join('')
        const inside = cuts.filter((cut) => cut < text.length)
        assert.deepEqual(scan(text, inside), scan(text))
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 2000) },
    )
  })
})
