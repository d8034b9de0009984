// The PROXY protocol both ways: what is written can be read, and nothing else is believed.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { addressBytes, addressText, type Ends, Networks } from '../../foundation/addresses.ts'
import { proxyHeader, readProxyHeader } from './proxy-header.ts'

const read = (text: string, to = text.length) => readProxyHeader(Buffer.from(text, 'latin1'), to)

const v4 = fc.ipV4()
const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(addressText)
const port = fc.integer({ min: 0, max: 65_535 })
const end = (host: fc.Arbitrary<string>) => fc.record({ host, port }, { noNullPrototype: true })
const anyEnds: fc.Arbitrary<Ends> = fc.oneof(
  fc.record({ from: end(v4), to: end(v4) }, { noNullPrototype: true }),
  fc.record({ from: end(v6), to: end(v6) }, { noNullPrototype: true }),
  fc.record({ from: end(v4), to: end(v6) }, { noNullPrototype: true }),
)
const version = fc.constantFrom('v1', 'v2')
const header = fc
  .tuple(version, fc.option(anyEnds, { nil: undefined }))
  .map(([which, ends]) => proxyHeader(which, ends))

suite('a PROXY header', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(version, anyEnds, fc.string({ unit: 'binary-ascii' }), (which, ends, more) => {
        const text = proxyHeader(which, ends)
        assert.deepEqual(read(text + more), { kind: 'read', end: text.length, ends })
      }),
    )
    for (const which of ['v1', 'v2'] as const) {
      const local = proxyHeader(which, undefined)
      assert.deepEqual(read(local), { kind: 'read', end: local.length, ends: undefined })
    }
  })

  test('says the same however its bytes arrive cut', () => {
    fc.assert(
      fc.property(header, fc.nat(300), (text, cut) => {
        const to = Math.min(cut, text.length - 1)
        assert.equal(read(text, to).kind, 'incomplete')
      }),
    )
    const garbage = fc.oneof(
      fc.string({ unit: 'binary-ascii', maxLength: 300 }),
      header.chain((text) =>
        fc
          .tuple(fc.nat(text.length), fc.nat(255))
          .map(([at, code]) => text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)),
      ),
    )
    fc.assert(
      fc.property(garbage, (text) => {
        const whole = read(text)
        for (let to = 0; to < text.length; to += 1) {
          const part = read(text, to)
          if (part.kind === 'incomplete') continue
          assert.deepEqual(whole.kind, part.kind)
          if (part.kind === 'read') assert.deepEqual(whole, part)
        }
      }),
    )
  })

  test('of version 1 is strict', () => {
    const good = 'PROXY TCP4 10.0.0.5 10.0.0.6 40000 443\r\n'
    assert.equal(read(good).kind, 'read')
    for (const line of [
      'GET / HTTP/1.1\r\n',
      'proxy TCP4 10.0.0.5 10.0.0.6 40000 443\r\n',
      'PROXY TCP5 10.0.0.5 10.0.0.6 40000 443\r\n',
      'PROXY TCP6 10.0.0.5 10.0.0.6 40000 443\r\n',
      'PROXY TCP4 ::1 ::1 40000 443\r\n',
      'PROXY TCP4 10.0.0.5 10.0.0.6 40000 65536\r\n',
      'PROXY TCP4 10.0.0.5 10.0.0.6 040 443\r\n',
      'PROXY TCP4 10.0.0.05 10.0.0.6 40000 443\r\n',
      'PROXY TCP4 10.0.0.256 10.0.0.6 40000 443\r\n',
      'PROXY TCP4  10.0.0.5 10.0.0.6 40000 443\r\n',
      'PROXY TCP4 10.0.0.5 10.0.0.6 40000 443 \r\n',
      'PROXY TCP4 10.0.0.5 10.0.0.6 40000\r\n',
      'PROXY TCP4 10.0.0.5 10.0.0.6 -1 443\r\n',
      'PROXY TCP4 10.0.0.5 10.0.0.6 40000 443\rx',
      `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
      `PROXY UNKNOWN ${'x'.repeat(300)}`,
    ]) {
      assert.equal(read(line).kind, 'bad', line)
    }
    assert.equal(read(`PROXY UNKNOWN ${'x'.repeat(91)}\r\n`).kind, 'read')
  })

  test('of version 2 is strict, and passes over what it need not know', () => {
    const text = proxyHeader('v2', {
      from: { host: '10.0.0.5', port: 1 },
      to: { host: '10.0.0.6', port: 2 },
    })
    const changed = (at: number, code: number): string =>
      text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)
    for (const wrong of [
      changed(12, 0x11), // another version
      changed(12, 0x22), // another command
      changed(13, 0x41), // another family
      changed(13, 0x12), // a datagram
      changed(13, 0x13), // another protocol
      changed(15, 11), // too short for its addresses
      changed(14, 0xff), // longer than anybody means
    ]) {
      assert.equal(read(wrong).kind, 'bad')
    }
    const withTlv = `${changed(15, 17)}\u0004\0\u0002ab`
    const found = read(`${withTlv}GET /`)
    assert.equal(found.kind === 'read' && found.end, withTlv.length)
    const local = read(changed(12, 0x20))
    assert.equal(local.kind === 'read' && local.ends, undefined)
    const socket = `${text.slice(0, 13)}\x31\0\xd8${'\0'.repeat(216)}`
    assert.deepEqual(read(socket), { kind: 'read', end: 16 + 216, ends: undefined })
  })
})

suite('addresses', () => {
  test('are read as they were written, in the one way of writing them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        assert.deepEqual(addressBytes(addressText(bytes)), bytes)
      }),
    )
    fc.assert(fc.property(fc.ipV6(), (text) => assert.notEqual(addressBytes(text), undefined)))
    const texts = { '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1', '::': '::', '0::1': '::1' }
    for (const [text, plain] of Object.entries(texts)) {
      assert.equal(addressText(addressBytes(text)!), plain)
    }
    for (const text of [
      '',
      ':',
      ':::',
      '1::2::3',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '::1%lo',
      '1.2.3',
      '1.2.3.4.5',
      '01.2.3.4',
      '::1.2.3.4:5',
      '12345::',
      'x',
      ' 1.2.3.4',
    ]) {
      assert.equal(addressBytes(text), undefined, text)
    }
  })

  test('belong to networks by their first bits', () => {
    const networks = new Networks(['10.0.0.0/8', '192.168.4.0/22', 'fd00::/8', '203.0.113.9'])
    for (const inside of [
      '10.9.8.7',
      '::ffff:10.1.1.1',
      '192.168.7.255',
      'fdff::1',
      '203.0.113.9',
    ]) {
      assert.ok(networks.has(inside), inside)
    }
    for (const outside of ['11.0.0.1', '192.168.8.0', 'fe00::1', '203.0.113.8', '', 'x', '::1']) {
      assert.ok(!networks.has(outside), outside)
    }
    assert.ok(new Networks(['0.0.0.0/0']).has('1.2.3.4'))
    assert.ok(!new Networks(['0.0.0.0/0']).has('::1'))
    assert.ok(new Networks(['::/0']).has('1.2.3.4'))
    assert.ok(!new Networks(['10.0.0.0/33', 'x/8', '10.0.0.0/x']).has('10.0.0.1'))
  })
})
