// What servers are told of who asks: the word of those who are trusted, and of nobody else.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, ok } from '../../../../../test/support/edge-bed.ts'
import type { TableTelling } from '../../../model.ts'

const plain: TableTelling = { as: 'x-forwarded', requestId: false }

/** The head that a server gets of a request with these lines, and the head of its answer. */
async function told(telling: Partial<TableTelling>, lines = '') {
  await using bed = new EdgeBed()
  await using a = await answering('a', () => ok('x'))
  await bed.apply([a.row()], { frontend: { telling: { ...plain, ...telling } } })
  const { head: answer } = await bed.ask(get('/', lines))
  const [head = ''] = a.seen
  const field = (name: string): readonly string[] =>
    [...head.matchAll(new RegExp(`^${name}: (.*)\r$`, 'gim'))].map(([, value = '']) => value)
  return { field, answer, head }
}

suite('a door tells servers', () => {
  const claims =
    'X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nX-Forwarded-Proto: https\r\n' +
    'X-Forwarded-Host: other.example\r\nX-Request-Id: given-1\r\n'

  test('nothing that a stranger says of others', async () => {
    const { field } = await told({ trust: ['10.0.0.0/8'], as: 'both', requestId: true }, claims)
    assert.deepEqual(field('x-forwarded-for'), ['127.0.0.1'])
    assert.deepEqual(field('forwarded'), ['for=127.0.0.1;host="shop.example";proto=http'])
    assert.deepEqual(field('x-forwarded-proto'), ['http'])
    assert.deepEqual(field('x-forwarded-host'), ['shop.example'])
    assert.match(field('x-request-id').join(), /^[0-9a-f]{32}$/)
  })

  test('what a trusted proxy says, with the proxy behind it', async () => {
    const { field, answer } = await told(
      { trust: ['127.0.0.0/8'], as: 'both', requestId: true },
      claims,
    )
    assert.deepEqual(field('x-forwarded-for'), ['1.2.3.4', '127.0.0.1'])
    assert.deepEqual(field('forwarded'), [
      'for=1.2.3.4',
      'for=127.0.0.1;host="other.example";proto=https',
    ])
    assert.deepEqual(field('x-forwarded-proto'), ['https'])
    assert.deepEqual(field('x-forwarded-host'), ['other.example'])
    assert.deepEqual(field('x-request-id'), ['given-1'])
    assert.match(answer, /^X-Request-Id: given-1\r$/m)
  })

  test('nothing at all, or Forwarded alone, where the file says so', async () => {
    const none = await told({ as: 'none', trust: [] }, claims)
    for (const name of ['x-forwarded-for', 'forwarded', 'x-forwarded-proto', 'via']) {
      assert.deepEqual(none.field(name), [], name)
    }
    const { field } = await told({ as: 'forwarded', via: 'shop' })
    assert.deepEqual(field('x-forwarded-for'), [])
    assert.deepEqual(field('forwarded'), ['for=127.0.0.1;host="shop.example";proto=http'])
    assert.deepEqual(field('via'), ['1.1 shop'])
  })

  test('an id that cannot be believed is made anew', async () => {
    const odd = `X-Request-Id: ${'x'.repeat(200)}\r\n`
    const { field } = await told({ trust: ['127.0.0.1'], requestId: true }, odd)
    assert.match(field('x-request-id').join(), /^[0-9a-f]{32}$/)
  })

  test('a trace that came as it came, and a new one where none or no valid one did', async () => {
    const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const kept = await told(
      { tracing: { sample: 0 } },
      `traceparent: ${given}\r\ntracestate: a=b\r\n`,
    )
    assert.deepEqual(kept.field('traceparent'), [given])
    assert.deepEqual(kept.field('tracestate'), ['a=b'])
    const bad = [
      '',
      'traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01\r\n',
      'traceparent: ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n',
      'traceparent: 00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n',
    ]
    for (const line of bad) {
      const { field } = await told({ tracing: { sample: 1 } }, `${line}tracestate: a=b\r\n`)
      assert.match(field('traceparent').join(), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/, line)
      assert.deepEqual(field('tracestate'), [], line)
    }
    assert.match((await told({ tracing: { sample: 0 } })).field('traceparent').join(), /-00$/)
  })

  test('of each request on a connection anew', async () => {
    await using bed = new EdgeBed()
    await using a = await answering('a', () => ok('x'))
    await bed.apply([a.row()], { frontend: { telling: { ...plain, requestId: true } } })
    const client = await bed.client()
    const ids: string[] = []
    for (let count = 0; count < 3; count += 1) {
      client.send(get())
      const { head } = await client.takeMessage()
      ids.push(/^X-Request-Id: (\w+)/m.exec(head)?.[1] ?? '')
      assert.ok(a.seen[count]?.includes(`X-Request-Id: ${ids[count]}\r\n`))
    }
    assert.equal(new Set(ids).size, 3)
    client.send('GET / HTTP/1.1\r\n\r\n')
    assert.doesNotMatch((await client.takeMessage()).head, /X-Request-Id/)
  })
})
