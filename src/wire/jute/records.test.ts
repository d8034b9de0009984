// Every record survives the way through bytes and back; no bytes make a reader fail but as corrupt.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { Fault } from '../../foundation/fault.ts'
import { seededRandom } from '../../foundation/random.ts'
import { Reader, Writer } from './archive.ts'
import type { Layout } from './layout.ts'
import { operations } from './messages.ts'
import { type MultiOperation, type MultiResult, multiRequest, multiResponse } from './multi.ts'
import * as records from './records.ts'

type Any = Layout<unknown>

const named: readonly [string, unknown][] = [
  ...Object.entries(records),
  ...Object.entries(operations).flatMap(([name, { request, response }]) => [
    [`${name} request`, request] as [string, unknown],
    [`${name} response`, response] as [string, unknown],
  ]),
]
/** Every layout once, under its first name. */
const layouts = [...new Map(named.toReversed().map(([name, of]) => [of as Any, name]))].map(
  ([layout, name]) => [name, layout] as const,
)
/** Those whose every value may be made up; a multi's headers must tell the truth. */
const plain = layouts.filter(([name]) => !name.startsWith('multi'))

const texts = [
  '',
  '/',
  '/a',
  '/zookeeper/quota',
  'ä/ö',
  '日本',
  '🙂',
  'x'.repeat(300),
  'é'.repeat(60),
]
const longs = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 0x1_0000_0001n]

/** A reader that makes its values up: what a layout reads from it is a value of that layout. */
function dreamer(seed: number): Reader {
  const random = seededRandom(seed)
  const of = <T>(choices: readonly T[]): T => choices[Math.floor(random.next() * choices.length)]!
  const dream = {
    left: 1,
    bool: () => random.next() < 0.5,
    int: () => of([0, 1, -1, 2 ** 31 - 1, -(2 ** 31), Math.floor(random.next() * 1e6)]),
    long: () => of(longs),
    time: () => of([0, 1_700_000_000_000, 2 ** 32, 2 ** 32 - 1, -1, -(2 ** 40) - 3, 2 ** 53 - 1]),
    bytes: () => of([null, Buffer.alloc(0), Buffer.from([0, 255, 7]), Buffer.alloc(3000, 3)]),
    string: () => of(texts),
    list: (item: (from: Reader) => unknown) =>
      Array.from({ length: of([0, 1, 2, 30]) }, () => item(dream as unknown as Reader)),
  }
  return dream as unknown as Reader
}

const written = (layout: Any, value: unknown): Buffer => {
  const to = new Writer(8)
  layout.write(to, value)
  return to.take()
}

/** Reads, and holds the reader to its word: a value, or a Fault `corrupt`. */
const readOrCorrupt = (layout: Any, bytes: Buffer): unknown => {
  try {
    return layout.read(new Reader(bytes))
  } catch (thrown) {
    assert.ok(thrown instanceof Fault, `threw ${thrown}`)
    assert.equal(thrown.code, 'corrupt')
    return undefined
  }
}

suite('the records of the ZooKeeper protocol', () => {
  test('survive bytes, and every cut of the bytes is corrupt or read as what is there', () => {
    for (const [name, layout] of plain) {
      const promise = fc.property(fc.nat(), (seed) => {
        const value = layout.read(dreamer(seed))
        const bytes = written(layout, value)
        const reader = new Reader(bytes)
        assert.deepEqual(layout.read(reader), value, name)
        assert.equal(reader.left, 0, name)
        assert.ok(bytes.length >= layout.least, name)
        for (let cut = 0; cut < Math.min(bytes.length, 200); cut += 1) {
          const part = Buffer.from(bytes.subarray(0, cut))
          const again = readOrCorrupt(layout, part)
          if (again !== undefined) assert.ok(written(layout, again).length >= cut, `${name} ${cut}`)
        }
      })
      fc.assert(promise, { numRuns: 40 })
    }
  })

  test('read bytes from a stranger as a value or as corrupt, never as another error', () => {
    for (const [name, layout] of layouts) {
      const promise = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const value = readOrCorrupt(layout, Buffer.from(bytes))
        if (value === undefined) return
        assert.deepEqual(layout.read(new Reader(written(layout, value))), value, name)
      })
      fc.assert(promise, { numRuns: 100 })
    }
  })

  const stat = records.stat.read(dreamer(1))
  const data = Buffer.from('data')
  const acl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]
  const asked: readonly MultiOperation[] = [
    { kind: 'create', path: '/a', data, acl, flags: 3 },
    { kind: 'create2', path: '/b', data: null, acl, flags: 0 },
    { kind: 'createContainer', path: '/c', data, acl, flags: 4 },
    { kind: 'createTTL', path: '/d', data, acl, flags: 5, ttl: 7 },
    { kind: 'delete', path: '/e', version: -1 },
    { kind: 'setData', path: '/f', data, version: 7 },
    { kind: 'check', path: '/g', version: 0 },
    { kind: 'getData', path: '/h', watch: false },
    { kind: 'getChildren', path: '/i', watch: false },
  ]
  const answered: readonly MultiResult[] = [
    { kind: 'create', path: '/a0000000001' },
    { kind: 'create2', path: '/b', stat },
    { kind: 'delete' },
    { kind: 'setData', stat },
    { kind: 'check' },
    { kind: 'getData', data, stat },
    { kind: 'getChildren', children: ['x', 'y'] },
    { kind: 'error', error: -110 },
    { kind: 'error', error: 0 },
  ]

  test('a multi keeps each kind of operation and result, and a cut one is corrupt', () => {
    for (const [layout, value] of [
      [multiRequest, asked],
      [multiResponse, answered],
    ] as const) {
      const bytes = written(layout as Any, value)
      assert.deepEqual(layout.read(new Reader(bytes)), value)
      for (let cut = 0; cut < bytes.length; cut += 1) {
        assert.equal(readOrCorrupt(layout as Any, Buffer.from(bytes.subarray(0, cut))), undefined)
      }
    }
  })

  test('an announced length or count beyond the frame is refused before memory is taken', () => {
    const lie = Buffer.alloc(4)
    lie.writeInt32BE(2 ** 31 - 1)
    for (const what of ['string', 'bytes'] as const) {
      assert.throws(() => new Reader(lie)[what](), { code: 'corrupt' })
    }
    assert.throws(() => new Reader(lie).list((from) => from.int(), 4), { code: 'corrupt' })
    lie.writeInt32BE(-2)
    for (const what of ['string', 'bytes'] as const) {
      assert.throws(() => new Reader(lie)[what](), { code: 'corrupt' })
    }
    assert.throws(() => new Reader(lie).list((from) => from.int(), 4), { code: 'corrupt' })
  })
})
