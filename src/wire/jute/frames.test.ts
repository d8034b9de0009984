// A stream is cut into its frames however it arrives, and a lying length ends it.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { Reader, Writer } from './archive.ts'
import {
  frameSplitter,
  readReply,
  readRequest,
  writeEvent,
  writeReply,
  writeRequest,
} from './frames.ts'
import { eventType, keeperState, opcode } from './opcodes.ts'
import { getDataResponse, stat } from './records.ts'

const framed = (bodies: readonly Uint8Array[]): Buffer => {
  const to = new Writer()
  for (const body of bodies) to.bytes(body)
  return to.take()
}

const rest = (frame: Reader): Buffer => {
  const bytes = Buffer.alloc(frame.left)
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = Number(frame.bool())
  return bytes
}

suite('frames', () => {
  test('come out whole and in order, wherever the stream is cut', () => {
    const body = fc.uint8Array({ max: 1, maxLength: 40 })
    fc.assert(
      fc.property(fc.array(body, { maxLength: 8 }), fc.infiniteStream(fc.nat(30)), (all, cuts) => {
        const stream = framed(all)
        const splitter = frameSplitter(40)
        const seen: Buffer[] = []
        for (let at = 0; at < stream.length; ) {
          const end = at + cuts.next().value
          splitter.push(Buffer.from(stream.subarray(at, end)), (frame) => seen.push(rest(frame)))
          at = end
        }
        assert.deepEqual(
          seen,
          all.map((bytes) => Buffer.from(bytes)),
        )
        assert.equal(splitter.held, 0)
      }),
    )
  })

  test('of a negative or too great length are refused, also if the length comes in pieces', () => {
    for (const length of [-1, -(2 ** 31), 101, 2 ** 31 - 1, 0x73727672]) {
      const head = Buffer.alloc(4)
      head.writeInt32BE(length)
      assert.throws(() => frameSplitter(100).push(head, () => {}), { code: 'corrupt' })
      const slow = frameSplitter(100)
      assert.throws(
        () => {
          for (const byte of head) slow.push(Buffer.from([byte]), () => {})
        },
        { code: 'corrupt' },
      )
    }
  })

  test('hold no more than what arrived, whatever length was announced', () => {
    const head = Buffer.alloc(4)
    head.writeInt32BE(0xfffff)
    const splitter = frameSplitter()
    splitter.push(head, () => assert.fail('nothing is complete'))
    assert.equal(splitter.held, 4)
  })

  test('of requests say which operation, and leave the body of an unknown one alone', () => {
    const to = new Writer()
    writeRequest(to, 7, 'getData', { path: '/a', watch: true })
    const request = readRequest(new Reader(to.take(), 4))
    assert.deepEqual(request, {
      xid: 7,
      type: opcode.getData,
      name: 'getData',
      body: { path: '/a', watch: true },
    })
    to.int(8)
    to.int(4711)
    to.int(-99)
    const unknown = readRequest(new Reader(to.take()))
    assert.deepEqual(unknown, { xid: 8, type: 4711, name: undefined, body: undefined })
  })

  test('of replies carry a record, an error alone, or an event', () => {
    const to = new Writer()
    const zero = stat.read(new Reader(Buffer.alloc(68)))
    writeReply(to, { xid: 1, zxid: 5n, error: 0 }, 'getData', { data: null, stat: zero })
    const reader = new Reader(to.take(), 4)
    const header = { xid: 1, zxid: 5n, error: 0 }
    assert.deepEqual(readReply(reader), { kind: 'answer', header })
    assert.deepEqual(getDataResponse.read(reader), { data: null, stat: zero })

    assert.equal(writeReply(to, { xid: 2, zxid: 5n, error: -101 }, 'getData', undefined), 16)
    to.rewind(0)

    const event = { type: eventType.created, state: keeperState.syncConnected, path: '/a' }
    writeEvent(to, -1n, event)
    const notified = { xid: -1, zxid: -1n, error: 0 }
    assert.deepEqual(readReply(new Reader(to.take(), 4)), {
      kind: 'event',
      header: notified,
      event,
    })
  })
})
