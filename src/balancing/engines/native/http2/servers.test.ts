// Servers that speak HTTP/2, for clients that speak either version.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { suite, test } from 'node:test'
import { EdgeBed, get, post, type TableWish, until } from '../../../../../test/support/edge-bed.ts'
import { answerOf, H2Client } from '../../../../../test/support/h2-client.ts'
import { H2Origin } from '../../../../../test/support/h2-origin.ts'
import { ms } from '../../../../foundation/time.ts'
import type { TableServer } from '../../../model.ts'

async function openBed(servers: readonly TableServer[], wish: TableWish = {}) {
  const bed = new EdgeBed()
  const keptBodies = { each: 64 * 1024, bytes: 1_000_000 }
  const all: TableWish = { ...wish, pool: { protocol: 'http2', keptBodies, ...wish.pool } }
  await bed.apply(servers, all)
  const client = new H2Client(bed.port)
  return {
    bed,
    client,
    apply: (rows: readonly TableServer[]) => bed.apply(rows, all),
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      const faults = bed.told.filter((one) => one.kind === 'event' && one.rule === 'edge-fault')
      await bed[Symbol.asyncDispose]()
      assert.deepEqual(faults, [])
    },
  }
}

const says =
  (text: string) =>
  (stream: ServerHttp2Stream): void => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' })
    stream.end(text)
  }

suite('a server of HTTP/2', () => {
  test('answers a client of HTTP/1.1', async () => {
    await using web = await H2Origin.open('web-1', (stream, headers, body) => {
      stream.respond({ 'x-host': headers[':authority'], 'x-for': headers['x-forwarded-for'] })
      stream.end(`got ${body}`)
    })
    await using world = await openBed([web.row()])
    const { head, body } = await world.bed.ask(post('hello', '/path?a=1'))
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(head, /\r\nx-host: shop\.example\r\n/)
    assert.match(head, /\r\nx-for: 127\.0\.0\.1\r\n/)
    assert.match(body, /^9\r\ngot hello\r\n0\r\n\r\n$/)
    assert.deepEqual(web.seen, ['POST /path?a=1'])
  })

  test('answers a client of HTTP/2, all requests over one connection', async () => {
    await using web = await H2Origin.open('web-1', (stream, headers) =>
      says(String(headers[':path']))(stream),
    )
    await using world = await openBed([web.row()])
    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, n) => world.client.ask({ ':path': `/n${n}` })),
    )
    const bodies = answers.map(({ body }) => body)
    assert.deepEqual(
      bodies,
      bodies.map((_, n) => `/n${n}`),
    )
    assert.equal(web.sessions.size, 1)
    await until('all are done', () => world.bed.report.servers['web-1']!.active === 0)
  })

  test('gets no more streams at once than it takes', async () => {
    const open = new Map<unknown, number>()
    let most = 0
    await using web = await H2Origin.open(
      'web-1',
      (stream) => {
        const { session } = stream
        const count = (change: number): number => {
          open.set(session, (open.get(session) ?? 0) + change)
          return open.get(session)!
        }
        most = Math.max(most, count(1))
        setImmediate(() => {
          count(-1)
          says('ok')(stream)
        })
      },
      { settings: { maxConcurrentStreams: 5 } },
    )
    await using world = await openBed([web.row()])
    await world.client.ask({ ':path': '/first' })
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => world.client.ask({ ':path': '/' })),
    )
    assert.ok(answers.every(({ status }) => status === 200))
    assert.ok(most <= 5, `${most} at once`)
    assert.equal(web.seen.length, 41, 'none was refused')
  })

  test('passes large bodies both ways, whole', async () => {
    await using web = await H2Origin.open('web-1', (stream, _, body) => {
      stream.respond({ ':status': 200 })
      stream.end(body)
    })
    await using world = await openBed([web.row()])
    const body = Buffer.alloc(2_000_000, '0123456789').toString('latin1')
    const answer = await world.client.ask({ ':method': 'POST', ':path': '/' }, body)
    assert.ok(answer.body === body)
    const one = await world.bed.ask(post(body))
    assert.equal(one.body.replace(/(^|\r\n)[0-9a-f]+\r\n/g, '').length, body.length + 2)
  })

  test('passes trailers both ways', async () => {
    await using web = await H2Origin.openStreams('web-1', (stream) => {
      stream.resume()
      stream.on('trailers', (trailers) => {
        stream.respond({ ':status': 200 }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-echo': trailers['x-sum'] }))
        stream.end('ok')
      })
    })
    await using world = await openBed([web.row()])
    const stream = world.client.session.request(
      { ':method': 'POST', ':path': '/', te: 'trailers' },
      { endStream: false, waitForTrailers: true },
    )
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }))
    stream.end('abc')
    const answer = await answerOf(stream)
    assert.equal(answer.trailers['x-echo'], '7')
    const one = await world.bed.client()
    one.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    one.send('2\r\nab\r\n0\r\nX-Sum: 8\r\n\r\n')
    const { body } = await one.takeMessage()
    assert.match(body, /0\r\nx-echo: 8\r\n\r\n$/)
  })

  test('talks with its client both ways at once', async () => {
    await using web = await H2Origin.openStreams('web-1', (stream) => {
      stream.respond({ ':status': 200 })
      stream.on('data', (chunk: Buffer) => stream.write(`<${chunk}>`))
      stream.on('end', () => stream.end('bye'))
    })
    await using world = await openBed([web.row()])
    const stream = world.client.open({ ':method': 'POST', ':path': '/' }, false)
    let heard = ''
    stream.on('data', (chunk) => {
      heard += chunk
    })
    for (const word of ['a', 'b', 'c']) {
      stream.write(word)
      await until(`the echo of ${word}`, () => heard.endsWith(`<${word}>`))
    }
    stream.end()
    await once(stream, 'close')
    assert.equal(heard, '<a><b><c>bye')
  })

  test('answers HEAD, 204 and interim answers as they are', async () => {
    await using web = await H2Origin.open('web-1', (stream, headers) => {
      if (headers[':method'] === 'HEAD') {
        stream.respond({ 'content-length': '7' }, { endStream: true })
      } else if (headers[':path'] === '/204') stream.respond({ ':status': 204 })
      else {
        stream.additionalHeaders({ ':status': 103, link: '</a.css>' })
        says('done')(stream)
      }
    })
    await using world = await openBed([web.row()])
    const head = await world.bed.ask('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', true)
    assert.match(head.head, /\r\ncontent-length: 7\r\n/)
    assert.match((await world.bed.ask(get('/204'), true)).head, /^HTTP\/1\.1 204 /)
    const early = await world.bed.ask(get('/'), true)
    assert.match(early.head, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>\r\n\r\n$/)
  })

  test('opens a WebSocket for clients of either version', async () => {
    await using web = await H2Origin.openStreams(
      'web-1',
      (stream, headers) => {
        if (headers[':protocol'] !== 'websocket') return says('plain')(stream)
        stream.respond({ ':status': 200 })
        stream.on('data', (chunk: Buffer) => stream.write(`<${chunk}>`))
        stream.on('end', () => stream.end())
      },
      { settings: { enableConnectProtocol: true } },
    )
    await using world = await openBed([web.row()])
    // Only once its settings have come is it known that the server takes this.
    await world.bed.ask(get('/warm'), true).catch(() => undefined)
    const one = await world.bed.client()
    one.send(
      'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    )
    const head = await one.take('\r\n\r\n')
    assert.match(head, /^HTTP\/1\.1 101 /)
    assert.match(head, /\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/)
    one.send('hello')
    assert.equal(await one.take('<hello>'), '<hello>')
    one.close()
  })
})

suite('a failing server of HTTP/2', () => {
  const fails: readonly (readonly [string, (stream: ServerHttp2Stream) => void])[] = [
    ['breaks the connection', (stream) => stream.session!.destroy()],
    ['resets the stream', (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
    ['says nothing', () => undefined],
    ['answers 503', (stream) => stream.respond({ ':status': 503 }, { endStream: true })],
  ]
  for (const [name, fail] of fails) {
    test(`that ${name}: what may be repeated goes to another, what may not does not`, async () => {
      await using bad = await H2Origin.open('bad', fail)
      await using good = await H2Origin.open('good', says('good'))
      await using world = await openBed([bad.row(), good.row()], {
        pool: { responseTimeout: ms(100) },
      })
      for (let n = 0; n < 6; n += 1) {
        const { body } = await world.client.ask({ ':path': `/${n}` })
        assert.equal(body, 'good')
      }
      const headers = { ':method': 'POST', ':path': '/once' }
      const statuses: unknown[] = []
      for (let n = 0; n < 4; n += 1) {
        statuses.push((await world.client.ask(headers, 'x')).status)
      }
      const times = [...bad.seen, ...good.seen].filter((one) => one === 'POST /once').length
      assert.equal(times, 4, 'each was sent once')
      assert.ok(statuses.includes(200))
    })
  }

  test('that refuses a stream has not executed it: even a POST goes on', async () => {
    await using busy = await H2Origin.open('busy', (stream) =>
      stream.close(constants.NGHTTP2_REFUSED_STREAM),
    )
    await using good = await H2Origin.open('good', says('good'))
    await using world = await openBed([busy.row(), good.row()])
    for (let n = 0; n < 6; n += 1) {
      const answer = await world.client.ask({ ':method': 'POST', ':path': '/' }, 'body')
      assert.equal(answer.body, 'good')
    }
  })

  test('that refuses everything is not asked without end', async () => {
    await using busy = await H2Origin.open('busy', (stream) =>
      stream.close(constants.NGHTTP2_REFUSED_STREAM),
    )
    await using world = await openBed([busy.row()])
    const answer = await world.client.ask({ ':method': 'POST', ':path': '/' }, 'body')
    assert.equal(answer.status, 502)
    assert.ok(busy.seen.length <= 5, `${busy.seen.length}`)
  })

  test('that cannot be reached costs nobody an answer', async () => {
    const gone = await H2Origin.open('gone', says('gone'))
    const row = gone.row()
    await gone[Symbol.asyncDispose]()
    await using good = await H2Origin.open('good', says('good'))
    await using world = await openBed([row, good.row()])
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => world.client.ask({ ':method': 'POST', ':path': '/' }, 'x')),
    )
    assert.ok(answers.every(({ body }) => body === 'good'))
  })

  test('that dies in the middle of an answer is seen by the client', async () => {
    await using web = await H2Origin.open('web-1', (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('half', () => stream.session!.destroy())
    })
    await using world = await openBed([web.row()])
    const answer = await world.client.ask({ ':path': '/' })
    assert.notEqual(answer.code, 0)
    const one = await world.bed.client()
    one.send(get())
    assert.doesNotMatch(await one.takeEnd(), /\r\n0\r\n\r\n$/)
  })

  test('does not take for whole what its client broke off', async () => {
    let isWhole = false
    const gone = Promise.withResolvers<void>()
    await using web = await H2Origin.openStreams('web-1', (stream) => {
      stream.resume()
      stream.on('end', () => {
        isWhole = stream.rstCode === 0
      })
      stream.on('close', () => gone.resolve())
    })
    await using world = await openBed([web.row()])
    const one = await world.bed.client()
    one.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n')
    await until('it is there', () => web.seen.length === 1)
    one.socket.resetAndDestroy()
    await gone.promise
    assert.equal(isWhole, false)
  })

  test('that says goodbye finishes what it has; the rest goes over a new one', async () => {
    const waiting: ServerHttp2Stream[] = []
    await using web = await H2Origin.open('web-1', (stream, headers) => {
      if (headers[':path'] === '/slow') waiting.push(stream)
      else says('quick')(stream)
    })
    await using world = await openBed([web.row()])
    const slow = world.client.ask({ ':path': '/slow' })
    await until('it is there', () => waiting.length === 1)
    const [first] = web.sessions
    first!.goaway()
    for (let n = 0; n < 5; n += 1) {
      assert.equal((await world.client.ask({ ':method': 'POST', ':path': '/' }, 'x')).body, 'quick')
    }
    says('slow')(waiting[0]!)
    assert.equal((await slow).body, 'slow')
    await until('the old connection is closed', () => !web.sessions.has(first!))
  })

  test('that freezes loses its connection, and the next request gets another', async () => {
    let isFrozen = false
    await using web = await H2Origin.open('web-1', (stream) => {
      if (!isFrozen) says('well')(stream)
    })
    await using world = await openBed([web.row()], { pool: { responseTimeout: ms(700) } })
    assert.equal((await world.client.ask({ ':path': '/' })).body, 'well')
    const [first] = web.sessions
    isFrozen = true
    assert.equal((await world.client.ask({ ':path': '/' })).status, 504)
    isFrozen = false
    assert.equal((await world.client.ask({ ':path': '/' })).body, 'well')
    await until('the silent connection is closed', () => !web.sessions.has(first!))
  })

  test('that drains is let go when its last stream has ended', async () => {
    const waiting: ServerHttp2Stream[] = []
    await using web = await H2Origin.open('web-1', (stream) => waiting.push(stream))
    await using next = await H2Origin.open('web-2', says('next'))
    await using world = await openBed([web.row()])
    const slow = world.client.ask({ ':path': '/' })
    await until('it is there', () => waiting.length === 1)
    await world.apply([web.row({ state: 'draining' }), next.row()])
    assert.equal((await world.client.ask({ ':path': '/' })).body, 'next')
    says('last')(waiting[0]!)
    assert.equal((await slow).body, 'last')
    await until('its connection is closed', () => web.sessions.size === 0)
  })

  test('is asked for less by a client that goes away', async () => {
    await using web = await H2Origin.open('web-1', () => undefined)
    await using world = await openBed([web.row()])
    const stream = world.client.open({ ':path': '/' })
    await until('it is there', () => web.seen.length === 1)
    stream.close(8)
    await until('it is taken back', () => world.bed.report.servers['web-1']!.active === 0)
    assert.equal(web.sessions.size, 1)
  })

  test('is held for while it is down', async () => {
    await using web = await H2Origin.open('web-1', says('late'))
    await using world = await openBed([web.row({ state: 'down' })])
    const answer = world.client.ask({ ':method': 'POST', ':path': '/' }, 'x')
    await until('it is held', () => world.bed.report.frontends.public!.held === 1)
    await world.apply([web.row()])
    assert.equal((await answer).body, 'late')
  })
})
