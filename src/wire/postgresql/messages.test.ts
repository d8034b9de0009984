// Whether messages of PostgreSQL are found wherever the bytes were cut.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromServer, MessageScanner, messageOf, textAt } from './messages.ts'

type Heard = readonly [type: string, body: string, whole: boolean]

function scan(parts: readonly Buffer[]): { heard: Heard[]; scanner: MessageScanner } {
  const heard: Heard[] = []
  const wanted = [
    [fromServer.ready, 10],
    [fromServer.parseComplete, 0],
    [fromServer.error, 4],
  ] as const
  const scanner = new MessageScanner(wanted, (type, bytes, start, end, whole) => {
    heard.push([String.fromCharCode(type), bytes.toString('latin1', start, end), whole])
    return false
  })
  for (const part of parts) assert.equal(scanner.push(part, 0, part.length), part.length)
  return { heard, scanner }
}

const stream = Buffer.concat([
  messageOf(0x44, Buffer.from('a row that nobody wants')),
  messageOf(fromServer.parseComplete, Buffer.alloc(0)),
  messageOf(fromServer.error, Buffer.from('longer than wanted')),
  messageOf(0x44, Buffer.alloc(0)),
  messageOf(fromServer.ready, Buffer.from('I')),
])

const expected: readonly Heard[] = [
  ['1', '', true],
  ['E', 'long', false],
  ['Z', 'I', true],
]

test('hears the same wherever the stream is cut once', () => {
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const { heard, scanner } = scan([stream.subarray(0, cut), stream.subarray(cut)])
    assert.deepEqual(heard, expected, `cut at ${cut}`)
    assert.equal(scanner.isBetween, true)
  }
})

test('hears the same byte by byte, and knows when it is between messages', () => {
  const { heard } = scan([...stream].map((byte) => Buffer.from([byte])))
  assert.deepEqual(heard, expected)
  for (let cut = 1; cut < 28; cut += 1) {
    assert.equal(scan([stream.subarray(0, cut)]).scanner.isBetween, false, `at ${cut}`)
  }
  assert.equal(scan([stream.subarray(0, 28)]).scanner.isBetween, true)
})

test('stops where it is asked to', () => {
  const scanner = new MessageScanner([[fromServer.ready, 1]], () => true)
  const two = Buffer.concat([
    messageOf(fromServer.ready, Buffer.from('I')),
    messageOf(fromServer.notice, Buffer.from('x')),
  ])
  assert.equal(scanner.push(two, 0, two.length), 6)
  assert.equal(scanner.push(two, 6, two.length), two.length)
})

test('is lost at a length that is none', () => {
  const { heard, scanner } = scan([Buffer.from([0x5a, 0, 0, 0, 3, 0x49, 0x5a, 0, 0, 0, 5, 0x49])])
  assert.deepEqual(heard, [])
  assert.equal(scanner.isLost, true)
})

test('reads texts that end, and none that do not', () => {
  assert.equal(textAt(Buffer.from('abc\0def'), 0, 7), 'abc')
  assert.equal(textAt(Buffer.from('abc\0def'), 4, 7), undefined)
  assert.equal(textAt(Buffer.from('abc\0def'), 0, 3), undefined)
})
