// Whether the first words of a client of PostgreSQL are read strictly, and wherever they are cut.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fatalError, isFatal, readError } from './fields.ts'
import { cancelMessage, readStartup } from './startup.ts'

const framed = (code: number, body: string): Buffer => {
  const bytes = Buffer.alloc(8 + Buffer.byteLength(body))
  bytes.writeInt32BE(bytes.length, 0)
  bytes.writeInt32BE(code, 4)
  bytes.write(body, 8)
  return bytes
}
const read = (bytes: Buffer) => readStartup(bytes, bytes.length)

test('reads who begins a session, whole or not at all', () => {
  const bytes = framed(196_608, 'user\0app\0database\0shop\0\0')
  const startup = read(bytes)
  assert.ok(startup.kind === 'session')
  assert.deepEqual(
    [...startup.parameters],
    [
      ['user', 'app'],
      ['database', 'shop'],
    ],
  )
  for (let cut = 0; cut < bytes.length; cut += 1) {
    assert.equal(readStartup(bytes, cut).kind, 'incomplete', `cut at ${cut}`)
  }
})

test('knows requests for encryption and for a cancel', () => {
  assert.deepEqual(read(framed(80877103, '')), { kind: 'encrypt', by: 'tls', end: 8 })
  assert.deepEqual(read(framed(80877104, '')), { kind: 'encrypt', by: 'gss', end: 8 })
  assert.deepEqual(read(cancelMessage('abcdefgh')), { kind: 'cancel', key: 'abcdefgh', end: 16 })
})

test('refuses what is none', () => {
  for (const bytes of [
    Buffer.from('GET / HTTP/1.1\r\n'),
    framed(131_072, 'user\0app\0\0'),
    framed(196_608, 'user\0app\0'),
    framed(196_608, 'database\0shop\0\0'),
    framed(196_608, `user\0${'a'.repeat(10_000)}\0\0`),
    framed(80877102, 'abc'),
    framed(80877103, 'more'),
  ]) {
    assert.equal(read(bytes).kind, 'bad', bytes.toString('latin1').slice(0, 40))
  }
})

test('reads the error that it writes', () => {
  const error = readError(fatalError('57P01', 'gone'), 5)
  assert.deepEqual(error, {
    ...{ severity: 'FATAL', code: '57P01', message: 'gone', routine: '' },
  })
  assert.equal(isFatal(error), true)
  assert.equal(isFatal(readError(Buffer.from('SERROR\0C22012\0Mx\0\0'))), false)
})
