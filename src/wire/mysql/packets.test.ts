// Whether packets of MySQL are found wherever the bytes were cut, and answers to their end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerFollower, type AnswerStep, commands, expectedFor } from './answers.ts'
import { readGreeting, readResponse, tameGreeting, underTls, writeResponse } from './greeting.ts'
import {
  errorCode,
  errorPacket,
  numberAt,
  PacketScanner,
  packetOf,
  Renumbering,
} from './packets.ts'
import { proofOf } from './proof.ts'

type Heard = readonly [sequence: number, length: number, body: string]

function scan(parts: readonly Buffer[], most = 6): readonly Heard[] {
  const heard: Heard[] = []
  const scanner = new PacketScanner(most, (sequence, length, bytes, start, end) => {
    heard.push([sequence, length, bytes.toString('latin1', start, end)])
    return false
  })
  for (const part of parts) scanner.push(part, 0, part.length)
  assert.equal(scanner.isBetween, true)
  return heard
}

test('hears the same wherever the stream is cut', () => {
  const stream = Buffer.concat([
    packetOf(0, Buffer.from('short')),
    packetOf(1, Buffer.from('longer than wanted')),
    packetOf(2, Buffer.alloc(0)),
    packetOf(3, Buffer.from('end')),
  ])
  const expected: readonly Heard[] = [
    [0, 5, 'short'],
    [1, 18, 'longer'],
    [2, 0, ''],
    [3, 3, 'end'],
  ]
  for (let cut = 0; cut <= stream.length; cut += 1) {
    assert.deepEqual(scan([stream.subarray(0, cut), stream.subarray(cut)]), expected, `at ${cut}`)
  }
  assert.deepEqual(scan([...stream].map((byte) => Buffer.from([byte]))), expected)
})

test('hears one packet of what goes on in the next', () => {
  const full = packetOf(0, Buffer.alloc(0xffffff, 'x'))
  const rest = packetOf(1, Buffer.from('rest'))
  const next = packetOf(0, Buffer.from('next'))
  assert.deepEqual(scan([full, rest, next]), [
    [0, 0xffffff, 'xxxxxx'],
    [0, 4, 'next'],
  ])
})

/** The steps of an answer, packet by packet. */
function answer(command: number, packets: readonly string[], deprecatesEof = false): AnswerStep[] {
  const follower = new AnswerFollower()
  follower.deprecatesEof = deprecatesEof
  const expected = expectedFor(command)
  assert.ok(expected !== undefined && expected !== 'nothing')
  follower.begin(expected)
  return packets.map((text) => {
    const payload = Buffer.from(text, 'latin1')
    return follower.take(payload.length, payload, 0, payload.length)
  })
}

const okay = '\0\0\0\x02\0\0\0'
const eof = '\xfe\0\0\x02\0'
const okayAtEnd = '\xfe\0\0\x02\0\0\0'
const [go, done] = ['goes-on', 'done']

test('follows answers to their end', () => {
  assert.deepEqual(answer(commands.ping, [okay]), [done])
  assert.deepEqual(answer(commands.query, [okay]), [done])
  assert.deepEqual(answer(commands.query, ['\xff\x10\x04#42000no']), ['failed'])
  const rows = ['\x01', 'column', eof, '\x01a', '\x01b', eof]
  assert.deepEqual(answer(commands.query, rows), [go, go, go, go, go, done])
  const newer = ['\x01', 'column', '\x01a', okayAtEnd]
  assert.deepEqual(answer(commands.query, newer, true), [go, go, go, done])
  const more = '\0\0\0\x0a\0\0\0'
  assert.deepEqual(answer(commands.query, [more, okay]), [go, done])
  assert.deepEqual(answer(commands.query, ['\xfbfile', okay]), ['wants-file', done])
  const prepared = ['\0\x01\0\0\0\x01\0\x02\0\0\0\0', 'p', 'p', eof, 'c', eof]
  assert.deepEqual(answer(commands.prepare, prepared), [go, go, go, go, go, done])
  assert.deepEqual(answer(commands.prepare, ['\0\x01\0\0\0\0\0\0\0\0\0\0']), [done])
  assert.equal(expectedFor(commands.closeStatement), 'nothing')
  assert.equal(expectedFor(0x12), undefined)
})

const greeting = Buffer.from(
  '\n10.11.19-MariaDB\0\x05\0\0\0saltsalt\0\xfe\xff\x2d\x02\0\xff\xff\x15' +
    '\0\0\0\0\0\0\x1d\0\0\0saltsaltsalt\0mysql_native_password\0',
  'latin1',
)

test('reads a greeting, and takes out what cannot be followed', () => {
  const read = readGreeting(greeting)
  assert.equal(read?.plugin, 'mysql_native_password')
  assert.equal(read?.salt.toString(), 'saltsaltsaltsaltsalt')
  const tamed = Buffer.from(greeting)
  tameGreeting(tamed, 0, tamed.length)
  const can = readGreeting(tamed)?.abilities ?? 0
  assert.equal(can & (0x20 | 0x800 | (7 << 25)), 0)
  assert.equal(can | 0x20 | 0x800 | (7 << 25), (read?.abilities ?? 0) | (7 << 25))
  assert.equal(tamed.length, greeting.length)
  for (let cut = 0; cut < 50; cut += 1) {
    assert.equal(readGreeting(greeting.subarray(0, cut)), undefined, `cut at ${cut}`)
  }
})

test('says again who a client is, with another proof', () => {
  const head = Buffer.alloc(32)
  head.writeUInt32LE(0x8 | 0x8000 | 0x80000 | 0x100000 | 0x200000)
  const first = Buffer.concat([
    head,
    Buffer.from('app\0\x03abcshop\0mysql_native_password\0\x04attr'),
  ])
  const client = readResponse(first)
  assert.equal(client?.user, 'app')
  assert.equal(client?.database, 'shop')
  const again = writeResponse(client!, 'other', Buffer.from('proof'))
  assert.equal(again.toString('latin1', 32), 'app\0\x05proofshop\0other\0\x04attr')
})

test('proves a password as servers check it', () => {
  const salt = Buffer.from('saltsaltsaltsaltsalt')
  const native = proofOf('mysql_native_password', 'secret', salt)
  assert.equal(native?.toString('hex'), 'f0594bb5f75eac99bdd1de4dcaa8acdb233e7eab')
  assert.equal(proofOf('caching_sha2_password', 'secret', salt)?.length, 32)
  assert.equal(proofOf('mysql_native_password', '', salt)?.length, 0)
  assert.equal(proofOf('mysql_clear_password', 'secret', salt), undefined)
})

test('reads numbers and the errors that it writes', () => {
  assert.equal(numberAt(Buffer.from([0xfa]), 0, 1), 0xfa)
  assert.equal(numberAt(Buffer.from([0xfc, 1, 2]), 0, 3), 0x201)
  assert.equal(numberAt(Buffer.from([0xfd, 1, 2, 3]), 0, 4), 0x30201)
  assert.equal(numberAt(Buffer.from([0xfe, 1, 0, 0, 0, 0, 0, 0, 0]), 0, 9), 1)
  assert.equal(numberAt(Buffer.from([0xfc, 1]), 0, 2), undefined)
  assert.equal(errorCode(errorPacket(1, 1053, '08S01', 'gone').subarray(4)), 1053)
})

test('asks for TLS by the head of a response, and says all of it one number later', () => {
  const head = Buffer.alloc(32, 7)
  head.writeUInt32LE(0x8000, 0)
  const said = packetOf(1, Buffer.concat([head, Buffer.from('app\0\x03abc')]))
  for (let cut = 0; cut < said.length; cut += 1) {
    assert.equal(underTls(said.subarray(0, cut)), undefined)
  }
  const { request, response } = underTls(said) ?? assert.fail()
  assert.deepEqual([request.length, request[3], response[3]], [4 + 32, 1, 2])
  assert.equal(request.readUInt32LE(4), 0x8000 | 0x800)
  assert.deepEqual(response.subarray(4, 36), request.subarray(4))
  assert.deepEqual(response.subarray(36), said.subarray(36))
})

test('numbers packets anew wherever the stream is cut, and changes nothing else', () => {
  const stream = (by: number): Buffer =>
    Buffer.concat([
      packetOf(2 + by, Buffer.from('one')),
      packetOf(3 + by, Buffer.alloc(0)),
      packetOf(4 + by, Buffer.alloc(300, 5)),
    ])
  const whole = stream(0)
  for (let cut = 0; cut <= whole.length; cut += 1) {
    const bytes = stream(0)
    const renumbering = new Renumbering(-1)
    renumbering.apply(bytes, 0, cut)
    renumbering.apply(bytes, cut, bytes.length)
    assert.ok(bytes.equals(stream(-1)), String(cut))
  }
})
