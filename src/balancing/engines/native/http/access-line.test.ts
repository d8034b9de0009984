// A line of the access log: JSON whatever a client sends, and never a secret.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../../../test/fixtures/properties.ts'
import { instant } from '../../../../foundation/time.ts'
import { accessLine, type Logged, wentWell } from './access-line.ts'
import { Timeline } from './timeline.ts'

function logged(differs: Partial<Logged> = {}): Logged {
  const timeline = new Timeline()
  timeline.begin(instant(Date.UTC(2026, 10, 22, 21, 31, 34, 7)))
  timeline.assign('web-1', instant(timeline.begun + 1))
  timeline.send(instant(timeline.begun + 1.25))
  timeline.firstByte = instant(timeline.begun + 4)
  timeline.ended = instant(timeline.begun + 5.5)
  timeline.status = 200
  const start = 'GET /a?key=1 HTTP/1.1\r\nHost: shop.example\r\n\r\n'
  return {
    ...{ timeline, start, frontend: 'public', service: 'web', client: '10.0.0.9' },
    ...{ secure: false, alpn: '', query: false },
    ...differs,
  }
}

const parsed = (differs: Partial<Logged> = {}) => JSON.parse(accessLine(logged(differs)))

suite('a line of the access log', () => {
  test('tells who, what, where, how long and how it ended', () => {
    assert.deepEqual(parsed(), {
      ...{ time: '2026-11-22T21:31:34.007Z', frontend: 'public', client: '10.0.0.9' },
      ...{ status: 200, ending: 'done', method: 'GET', path: '/a', host: 'shop.example' },
      ...{ service: 'web', server: 'web-1', tries: 1, bytes_in: 0, bytes_out: 0 },
      ...{ queue_ms: 0, hold_ms: 0, connect_ms: 0.25, first_byte_ms: 2.75, total_ms: 5.5 },
    })
  })

  test('shows the query only when it is told to, and TLS where there is some', () => {
    assert.equal(parsed({ query: true }).path, '/a?key=1')
    const { tls, alpn } = parsed({ secure: true, alpn: 'h2' })
    assert.deepEqual([tls, alpn], [true, 'h2'])
  })

  test('shows ids, and no field that may hold a secret', () => {
    const trace = '0af7651916cd43dd8448eb211c80319c'
    const start =
      'POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer hush\r\nCookie: sid=hush\r\n' +
      `X-Api-Key: hush\r\nx-request-id: r-1\r\ntraceparent: 00-${trace}-b7ad6b7169203331-01\r\n\r\n`
    const line = accessLine(logged({ start }))
    assert.doesNotMatch(line, /hush/)
    const { request_id, trace_id } = JSON.parse(line)
    assert.deepEqual([request_id, trace_id], ['r-1', trace])
  })

  test('is one line of JSON, whatever stands in the request', () => {
    const bytes = fc.string({ unit: 'binary' }).map((text) => text.replaceAll(/[\r\n ]/g, ''))
    fc.assert(
      fc.property(bytes, bytes, (target, agent) => {
        const start = `GET /${target} HTTP/1.1\r\nHost: a\r\nUser-Agent: ${agent}\r\n\r\n`
        const line = accessLine(logged({ start, query: true }))
        assert.equal(line.indexOf('\n'), line.length - 1)
        assert.equal(JSON.parse(line).path, `/${target}`)
      }),
    )
  })

  test('says of a request that could not be read what is known of it', () => {
    const { method, path, status } = parsed({ start: '', service: undefined })
    assert.deepEqual([method, path, status], [undefined, undefined, 200])
  })

  test('sampling leaves out only what went well', () => {
    assert.equal(wentWell('done', 404), true)
    assert.equal(wentWell('tunnel', 0), true)
    assert.equal(wentWell('done', 502), false)
    assert.equal(wentWell('client-gone', 0), false)
    assert.equal(wentWell('silent', 504), false)
  })
})
