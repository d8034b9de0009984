// Our balancer, HAProxy and nginx make the same of three thousand messages, but for what is
// explained. The long run is `npm run differential:http`.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { hasCommand } from '../../../scripts/machine.ts'
import { seededRandom } from '../../../src/foundation/random.ts'
import { explanations } from './disagreements.ts'
import { drawMessage, type Message } from './messages.ts'
import { dialects, readRequests } from './reading.ts'
import { differential } from './run.ts'
import { violation } from './safety.ts'

const lacking = ['haproxy', 'nginx'].filter((name) => !hasCommand(name))
const skip = lacking.length === 0 ? false : `${lacking.join(' and ')} is not installed`

test('no server sees other requests, and peers differ only where it is known', {
  skip,
}, async () => {
  const counts = await differential({ seed: 1, messages: 3000, lanes: 8 })
  assert.deepEqual(counts.findings, [])
  assert.ok(counts.passed > 1000, `only ${counts.passed} requests were passed on`)
  assert.ok(counts.explained.size > 20, 'hardly anything hostile was sent')
})

const sent = (bytes: string): Message => ({ bytes, cuts: [], answer: undefined })

suite('a server that sees other requests is found out', () => {
  const answer = (count: number): string =>
    'HTTP/1.1 200 OK\r\nX-Method: GET\r\nContent-Length: 1\r\n\r\nx'.repeat(count)

  test('when length and coding both go up', () => {
    const lines = 'Content-Length: 30\r\nTransfer-Encoding: chunked\r\n'
    const up = [`POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n0\r\n\r\nGET /x HTTP/1.1\r\nX: abcd\r\n`]
    const what = violation(sent(''), { up, down: answer(1), end: 'served' })
    assert.match(what ?? '', /not strict/)
  })

  test('when a coding goes up that only some understand', () => {
    const up = ['POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\nConnection: x\r\n\r\n']
    assert.equal(violation(sent(''), { up, down: answer(1), end: 'served' }), undefined)
    const bad = [`CONNECT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`]
    const what = violation(sent(''), { up: bad, down: answer(1), end: 'served' })
    assert.match(what ?? '', /node/)
  })

  test('when more requests go up than answers come down', () => {
    const up = ['GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n']
    const what = violation(sent(''), { up, down: answer(1), end: 'served' })
    assert.match(what ?? '', /2 requests went up, 1 answers came down/)
  })
})

suite('messages', () => {
  const drawn = Array.from({ length: 2000 }, (_, seed) => drawMessage(seededRandom(seed)))

  test('are the same for the same seed', () => {
    assert.deepEqual(drawMessage(seededRandom(7)), drawn[7])
  })

  test('are good and bad in fair shares', () => {
    const strict = dialects[0]!
    const good = drawn.filter(({ bytes }) => readRequests(bytes, strict).rest === 'none')
    assert.ok(good.length > 600 && good.length < 1600, `${good.length} of 2000 are good`)
  })
})

test('every explanation has a name of its own', () => {
  assert.equal(new Set(explanations.map(({ id }) => id)).size, explanations.length)
})
