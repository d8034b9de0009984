// Clients of HTTP/2 that mean harm: each is refused or let go, and others do not notice.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, ok, until } from '../../../../../test/support/edge-bed.ts'
import {
  block,
  frame,
  frameTypes,
  getFields,
  H2Client,
  RawH2,
} from '../../../../../test/support/h2-client.ts'

const { data, headers, rst, settings, ping, goaway, continuation } = frameTypes
const cancel = Buffer.from([0, 0, 0, 8])
const nothing = Buffer.alloc(0)

async function openBed() {
  const web = await answering('web-1', () => ok('hello'))
  const bed = new EdgeBed()
  await bed.apply([web.row()])
  return {
    bed,
    web,
    async [Symbol.asyncDispose]() {
      const faults = bed.told.filter((one) => one.kind === 'event' && one.rule === 'edge-fault')
      await bed[Symbol.asyncDispose]()
      await web[Symbol.asyncDispose]()
      assert.deepEqual(faults, [])
    },
  }
}

/** Whoever else asks is answered. */
async function stillServes(bed: EdgeBed): Promise<void> {
  using client = new H2Client(bed.port)
  const { status } = await client.ask({ ':path': '/' })
  assert.equal(status, 200)
  await until('the hostile one is gone', () => bed.report.frontends.public!.connections <= 1)
}

suite('a malformed request is refused, and reaches no server:', () => {
  const plain = getFields()
  const without = (name: string) => plain.filter(([one]) => one !== name)
  const cases: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
    ['a name in upper case', [...plain, ['X-Upper', 'a']]],
    ['a connection field', [...plain, ['connection', 'close']]],
    ['a transfer coding', [...plain, ['transfer-encoding', 'chunked']]],
    ['an upgrade', [...plain, ['upgrade', 'h2c']]],
    ['a keep-alive', [...plain, ['keep-alive', 'timeout=5']]],
    ['a TE other than trailers', [...plain, ['te', 'gzip']]],
    ['no method', without(':method')],
    ['no path', without(':path')],
    ['no scheme', without(':scheme')],
    ['an empty path', [...without(':path'), [':path', '']]],
    ['two methods', [...plain, [':method', 'POST']]],
    ['two paths', [...plain, [':path', '/other']]],
    ['a pseudo-field after others', [...without(':path'), ['x-a', 'b'], [':path', '/']]],
    ['an unknown pseudo-field', [[':unknown', 'a'], ...plain]],
    ['a pseudo-field of answers', [[':status', '200'], ...plain]],
    ['a line break in the path', [...without(':path'), [':path', '/ HTTP/1.1\r\nx: y']]],
    ['a space in the path', [...without(':path'), [':path', '/a b']]],
    ['a space in the method', [...without(':method'), [':method', 'GET /x']]],
    ['a line break in the authority', [...without(':authority'), [':authority', 'a\r\nx: y']]],
    ['a body that was promised and does not come', [...plain, ['content-length', '5']]],
    ['two lengths', [...plain, ['content-length', '0'], ['content-length', '5']]],
    ['two hosts', [...plain, ['host', 'shop.example'], ['host', 'shop.example']]],
    ['another host', [...plain, ['host', 'other.example']]],
  ]
  for (const [name, fields] of cases) {
    test(name, async () => {
      await using world = await openBed()
      using client = new RawH2(world.bed.port)
      client.ask(1, fields)
      const refused = () =>
        client.closed ||
        client.frames.some(({ type }) => type === rst || type === goaway) ||
        client.frames.some(({ type, stream }) => type === headers && stream === 1)
      await until('it is refused', refused)
      const answer = client.frames.find(({ type, stream }) => type === headers && stream === 1)
      // 400 stands in no static table: a literal, or an index of it (RFC 7541 appendix A).
      if (answer !== undefined) assert.equal(answer.payload[0], 0x8c, ':status 400')
      assert.deepEqual(world.web.seen, [])
    })
  }
})

// The runtime's reader drops such a field by itself, before anybody sees it (RFC 9113 8.2.1 asks
// for the request to be refused; what matters is that no two parties read it differently).
suite('a field that no HTTP/1.1 could carry is carried nowhere:', () => {
  const plain = getFields()
  const cases: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
    ['a line break in a value', [...plain, ['x-a', 'b\r\nx-evil: 1']]],
    ['a NUL in a value', [...plain, ['x-a', 'b\0c']]],
    ['a space in a name', [...plain, ['x a', 'b']]],
    ['a colon in a name', [...plain, ['x:a', 'b']]],
  ]
  for (const [name, fields] of cases) {
    test(name, async () => {
      await using world = await openBed()
      using client = new RawH2(world.bed.port)
      client.ask(1, [...fields, ['x-last', '1']])
      await client.frame(headers, 1)
      assert.equal(world.web.seen.length, 1)
      assert.match(world.web.seen[0]!, /\r\nx-last: 1\r\n/)
      assert.doesNotMatch(world.web.seen[0]!, /evil|x-a|x a|x:a/)
    })
  }
})

suite('a flood ends the connection that it came over, and nothing else:', () => {
  const floods: readonly (readonly [string, (client: RawH2) => void])[] = [
    [
      'requests that are taken back at once',
      (client) => {
        for (let id = 1; id < 8001; id += 2) {
          client.send(frame(headers, 0x5, id, block(getFields())), frame(rst, 0, id, cancel))
        }
      },
    ],
    [
      'fields without end, in continuations',
      (client) => {
        client.send(frame(headers, 0x1, 1, block(getFields())))
        const more = frame(continuation, 0, 1, block([['x-a', 'b'.repeat(100)]]))
        for (let n = 0; n < 20_000; n += 1) client.send(more)
      },
    ],
    [
      'empty continuations',
      (client) => {
        client.send(frame(headers, 0x1, 1, block(getFields())))
        for (let n = 0; n < 100_000; n += 1) client.send(frame(continuation, 0, 1, nothing))
      },
    ],
    [
      'settings with more entries than there are',
      (client) => {
        const entry = Buffer.from([0, 3, 0, 0, 0, 100])
        const many = Buffer.concat(Array.from({ length: 1000 }, () => entry))
        client.send(frame(settings, 0, 0, many))
      },
    ],
    [
      'frames of streams that never were',
      (client) => {
        for (let n = 0; n < 1000; n += 1) client.send(frame(data, 0, 99, nothing))
      },
    ],
    ['no HTTP/2 at all', (client) => client.send(Buffer.alloc(100_000, 0x41))],
    [
      'a frame that is too long',
      (client) => client.send(frame(data, 0, 1, Buffer.alloc(1_000_000))),
    ],
  ]
  for (const [name, flood] of floods) {
    test(name, async () => {
      await using world = await openBed()
      using client = new RawH2(world.bed.port)
      await client.frame(settings, 0)
      flood(client)
      await until('it is let go', () => client.closed)
      await stillServes(world.bed)
    })
  }

  test('pings that nobody reads the answers of are bounded in memory', async () => {
    await using world = await openBed()
    using client = new RawH2(world.bed.port)
    await client.frame(settings, 0)
    client.socket.pause()
    const many = Buffer.concat(
      Array.from({ length: 10_000 }, () => frame(ping, 0, 0, Buffer.alloc(8))),
    )
    for (let n = 0; n < 100 && client.socket.writable; n += 1) client.send(many)
    await stillServesBeside(world.bed)
    client.socket.resume()
  })

  test('empty frames of data count as activity of nobody', async () => {
    await using world = await openBed()
    using client = new RawH2(world.bed.port)
    await client.frame(settings, 0)
    const fields = getFields().map(([name, value]) => [name, value === 'GET' ? 'POST' : value])
    client.send(frame(headers, 0x4, 1, block(fields as [string, string][])))
    for (let n = 0; n < 5000; n += 1) client.send(frame(data, 0, 1, nothing))
    await stillServesBeside(world.bed)
  })
})

async function stillServesBeside(bed: EdgeBed): Promise<void> {
  using client = new H2Client(bed.port)
  assert.equal((await client.ask({ ':path': '/' })).status, 200)
}

test('streams beyond the limit are refused, and those within it are answered', async () => {
  await using world = await openBed()
  using client = new RawH2(world.bed.port)
  await client.frame(settings, 0)
  await world.bed.apply([world.web.row({ state: 'down' })])
  for (let id = 1; id < 400; id += 2) client.ask(id, getFields())
  await client.frame(rst, 399)
  assert.equal(world.bed.report.frontends.public!.held, 100)
  await world.bed.apply([world.web.row()])
  await client.frame(headers, 1)
})
