// The head of an answer is read alike however it is cut, and whatever it holds.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { headBytesMost, readHead } from './head.ts'

const status = (text: string): number | string => {
  const head = readHead(text)
  return head.kind === 'status' ? head.status : head.kind === 'malformed' ? head.reason : head.kind
}

test('reads the status of an answer', () => {
  assert.equal(status('HTTP/1.1 200 OK\r\n\r\n'), 200)
  assert.equal(status('HTTP/1.0 503 Service Unavailable\r\nX: y\r\n\r\nbody'), 503)
  assert.equal(status('HTTP/1.1 204 \r\n\r\n'), 204)
  assert.equal(status('HTTP/1.1 404\r\n\r\n'), 404, 'some servers leave the space out')
  assert.equal(status('HTTP/1.1 101 Switching Protocols\r\n\r\n'), 101)
})

test('passes over interim answers', () => {
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
  assert.equal(status(`${early}${early}HTTP/1.1 200 OK\r\n\r\n`), 200)
  assert.equal(status(early), 'incomplete')
})

test('waits for the rest wherever an answer is cut', () => {
  const whole = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\n'
  for (let cut = 0; cut < whole.length; cut += 1) {
    assert.equal(status(whole.slice(0, cut)), 'incomplete', `cut at ${cut}`)
  }
  assert.equal(status(whole), 301)
})

test('says what it got instead of HTTP', () => {
  assert.match(String(status('SSH-2.0-OpenSSH_9.2\r\n')), /answered "SSH-2.0-OpenSSH_9.2\\r\\n", w/)
  assert.match(String(status('HTTP/2.0 200 OK\r\n\r\n')), /not HTTP\/1\.1/)
  assert.match(String(status('HTTP/1.1 999 No\r\n\r\n')), /not HTTP\/1\.1/)
  assert.match(String(status('HTTP/1.1 20\r\n\r\n')), /not HTTP\/1\.1/)
  assert.match(String(status('\u0015\u0003\u0001')), /not HTTP\/1\.1/, 'a TLS alert')
})

test('does not read a head without end', () => {
  assert.match(String(status(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(headBytesMost)}`)), /longer than/)
})

test('never throws, and never changes its mind with more bytes', () => {
  const start = fc.constantFrom('', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 103 x\r\n\r\n', 'HTTP/1.')
  fc.assert(
    fc.property(start, fc.string({ maxLength: 60 }), fc.string({ maxLength: 20 }), (a, b, more) => {
      const first = readHead(a + b)
      const second = readHead(a + b + more)
      if (first.kind === 'status') assert.deepEqual(second, first)
      if (first.kind === 'malformed') assert.equal(second.kind, 'malformed')
    }),
  )
})
