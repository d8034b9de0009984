// HTTP/1.1 through an edge, requirement by requirement (RFC 9110, RFC 9112).

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  answering,
  EdgeBed,
  get,
  Origin,
  ok,
  type Peer,
  post,
  until,
} from '../../../../../test/support/edge-bed.ts'
import { ms } from '../../../../foundation/time.ts'

const chunked = (body: string): string => {
  const size = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`
  return `${size}0\r\n\r\n`
}

const pattern = (length: number): string => {
  const bytes = Buffer.alloc(
    length,
    Uint8Array.from({ length: 251 }, (_, byte) => byte),
  )
  return bytes.toString('latin1')
}

/** An edge before one origin that is played by hand. */
async function stage(serve: (peer: Peer) => void = () => undefined) {
  const origin = await Origin.open('a', serve)
  const bed = new EdgeBed()
  await bed.apply([origin.row()])
  return {
    bed,
    origin,
    /** The connection of the edge to the origin, once it has come. */
    upstream: async (index = 0): Promise<Peer> => {
      await until('a connection to the server', () => origin.peers.length > index)
      return origin.peers[index]!
    },
    async [Symbol.asyncDispose]() {
      await bed[Symbol.asyncDispose]()
      await origin[Symbol.asyncDispose]()
    },
  }
}

suite('requests', () => {
  test('keep their connections on both sides (RFC 9112 9.3)', async () => {
    await using a = await answering('a', () => ok('x'))
    await using bed = new EdgeBed()
    await bed.apply([a.row()])
    const client = await bed.client()
    for (let i = 0; i < 3; i += 1) {
      client.send(get())
      await client.takeMessage()
    }
    assert.equal(a.peers.length, 1)
    assert.equal(client.ended, false)
  })

  test('that come byte by byte are the same requests', async () => {
    await using a = await answering('a', (_, body) => ok(body))
    await using bed = new EdgeBed()
    await bed.apply([a.row()])
    const client = await bed.client()
    for (const byte of post('body', '/slow')) {
      client.send(byte)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal((await client.takeMessage()).body, 'body')
    assert.match(a.seen[0]!, /^POST \/slow HTTP\/1.1\r\n/)
  })

  test('cut in two at any byte are the same requests', async () => {
    await using a = await answering('a', (_, body) => ok(body))
    await using bed = new EdgeBed()
    await bed.apply([a.row()])
    const client = await bed.client()
    const whole = post('body', '/cut', 'Connection: x, keep-alive\r\nX: 1\r\n')
    for (let cut = 1; cut < whole.length; cut += 1) {
      client.send(whole.slice(0, cut))
      await new Promise((resolve) => setImmediate(resolve))
      client.send(whole.slice(cut))
      assert.equal((await client.takeMessage()).body, 'body')
    }
    assert.equal(new Set(a.seen).size, 1)
    assert.doesNotMatch(a.seen[0]!, /^(connection|x):/im)
  })

  test('with chunks go up as they are, trailers too (RFC 9112 7.1)', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    const body = '3;ext=1\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n'
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`)
    const upstream = await on.upstream()
    assert.match(await upstream.take('\r\n\r\n'), /\r\nTransfer-Encoding: chunked\r\n/)
    assert.equal(await upstream.take('X-Sum: 1\r\n\r\n'), body)
    upstream.send(ok('done'))
    assert.equal((await client.takeMessage()).body, 'done')
  })

  test('carry large bodies byte for byte, both ways', async () => {
    await using a = await answering('a', (_, body) => ok(body))
    await using bed = new EdgeBed()
    await bed.apply([a.row()])
    const body = pattern(3_000_000)
    const client = await bed.client()
    client.send(post(body))
    assert.equal((await client.takeMessage()).body === body, true)
    client.send(get())
    assert.equal((await client.takeMessage()).body, '')
  })

  test('wait for 100 Continue through us (RFC 9110 10.1.1)', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    const lines = 'Expect: 100-continue\r\nContent-Length: 4\r\n'
    client.send(`PUT / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`)
    const upstream = await on.upstream()
    assert.match(await upstream.take('\r\n\r\n'), /\r\nExpect: 100-continue\r\n/)
    upstream.send('HTTP/1.1 100 Continue\r\n\r\n')
    assert.equal(await client.take('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n')
    client.send('body')
    assert.equal(await upstream.take('body'), 'body')
    upstream.send(ok('done'))
    assert.equal((await client.takeMessage()).body, 'done')
  })

  test('of HTTP/1.0 are passed on as 1.1, with a host', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send('GET /old HTTP/1.0\r\nExpect: 100-continue\r\n\r\n')
    const upstream = await on.upstream()
    const head = await upstream.take('\r\n\r\n')
    assert.match(head, /^GET \/old HTTP\/1.1\r\n/)
    assert.match(head, /\r\nHost: web\r\n/)
    assert.doesNotMatch(head, /Expect/)
    upstream.send(ok('x'))
    assert.match((await client.takeMessage()).head, /\r\nConnection: close\r\n/)
    await client.takeEnd()
  })

  test('for a whole URI are passed on in origin-form (RFC 9112 3.2.2)', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send('GET http://shop.example?q HTTP/1.1\r\nHost: shop.example\r\n\r\n')
    const upstream = await on.upstream()
    assert.match(await upstream.take('\r\n\r\n'), /^GET \/\?q HTTP\/1.1\r\nHost: shop.example\r\n/)
  })

  for (const [name, status, text] of [
    [
      'that could smuggle another',
      400,
      post('0\r\n\r\nGET /evil', '/', 'Transfer-Encoding: chunked\r\n'),
    ],
    ['without a host', 400, 'GET / HTTP/1.1\r\n\r\n'],
    ['too long to read', 431, `GET / HTTP/1.1\r\nHost: a\r\nA: ${'b'.repeat(40_000)}\r\n\r\n`],
    ['of another version', 505, 'GET / HTTP/3.0\r\nHost: a\r\n\r\n'],
  ] as const) {
    test(`${name} are answered ${status} and the connection ends`, async () => {
      await using a = await answering('a', () => ok(''))
      await using bed = new EdgeBed()
      await bed.apply([a.row()])
      const client = await bed.client()
      client.send(text)
      const { head } = await client.takeMessage()
      assert.match(head, new RegExp(`^HTTP/1.1 ${status} `))
      assert.match(head, /\r\nConnection: close\r\n/)
      assert.equal(await client.takeEnd(), '')
      assert.equal(a.peers.length, 0)
    })
  }

  test('with a bad chunk end without the server taking them for whole', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
    const upstream = await on.upstream()
    await upstream.take('abc\r\n')
    client.send('zz\r\n')
    assert.match((await client.takeMessage()).head, /^HTTP\/1.1 400 /)
    assert.equal(await upstream.takeEnd(), '')
  })

  test('that nobody waits for any more are taken back from the server', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send(get())
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\n')
    client.close()
    await upstream.takeEnd()
    await until('nothing active', () => on.bed.report.servers.a?.active === 0)
    assert.equal(on.bed.report.frontends.public?.answers[0], 1)
  })

  test('whose head takes too long are answered 408', async () => {
    await using a = await answering('a', () => ok(''))
    await using bed = new EdgeBed()
    await bed.apply([a.row()], { frontend: { headTimeout: ms(100) } })
    const client = await bed.client()
    client.send('GET / HTTP/1.1\r\n')
    assert.match((await client.takeMessage()).head, /^HTTP\/1.1 408 /)
    await client.takeEnd()
  })

  test('that match no route are answered 404, with the page of the door', async () => {
    await using a = await answering('a', () => ok('old'))
    await using bed = new EdgeBed()
    const routes = [
      { host: '*.shop.example', path: '/old', pool: 'web', policy: 'random' },
    ] as const
    await bed.apply([a.row()], { frontend: { routes, errorPages: { 404: '<p>nö</p>' } } })
    const client = await bed.client()
    client.send('GET /old/x?y HTTP/1.1\r\nHost: A.Shop.example:80\r\n\r\n')
    assert.equal((await client.takeMessage()).body, 'old')
    client.send(get('/older'))
    const { head, body } = await client.takeMessage()
    assert.match(head, /^HTTP\/1.1 404 Not Found\r\nContent-Type: text\/html; charset=utf-8\r\n/)
    assert.equal(Buffer.from(body, 'latin1').toString('utf8'), '<p>nö</p>')
    client.send(`HEAD /older HTTP/1.1\r\nHost: a\r\n\r\n${get('/older')}`)
    assert.match((await client.takeMessage(true)).head, /Content-Length: 10\r\n/)
    assert.match((await client.takeMessage()).head, /^HTTP\/1.1 404 /)
  })

  test('may be pipelined by the thousand, also those that we answer ourselves', async () => {
    await using a = await answering('a', () => ok('x'))
    await using bed = new EdgeBed()
    const routes = [{ host: undefined, path: '/here', pool: 'web', policy: 'random' }] as const
    await bed.apply([a.row()], { frontend: { routes } })
    const client = await bed.client()
    client.send((get('/nowhere').repeat(9) + get('/here')).repeat(300))
    const statuses: string[] = []
    for (let i = 0; i < 3000; i += 1) {
      statuses.push((await client.takeMessage()).head.slice(9, 12))
    }
    assert.equal(statuses.join(), `${'404,'.repeat(9)}200,`.repeat(300).slice(0, -1))
  })
})

suite('answers', () => {
  test('lose what belongs to the connection, and get a date if they have none', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send(get())
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\n')
    const hop = 'Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n'
    upstream.send(`HTTP/1.1 200 OK\r\nA: b\r\n${hop}Content-Length: 1\r\n\r\nx`)
    const { head } = await client.takeMessage()
    assert.match(
      head,
      /^HTTP\/1.1 200 OK\r\nA: b\r\nContent-Length: 1\r\nDate: [^\r]+ GMT\r\n\r\n$/,
    )
  })

  test('in chunks pass as they are, trailers too', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send(get())
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\n')
    upstream.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na')
    const head = await client.take('\r\n\r\n')
    assert.match(head, /\r\nTransfer-Encoding: chunked\r\n/)
    upstream.send('bc\r\n0\r\nX-Sum: 1\r\n\r\n')
    assert.equal(await client.take('X-Sum: 1\r\n\r\n'), '3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n')
    client.send(get())
    await upstream.take('\r\n\r\n')
  })

  test('in chunks are unpacked for clients of HTTP/1.0', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\n')
    upstream.send(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n${chunked('de')}`,
    )
    const head = await client.take('\r\n\r\n')
    assert.doesNotMatch(head, /Transfer-Encoding/)
    assert.match(head, /\r\nConnection: close\r\n/)
    assert.equal(await client.takeEnd(), 'abcde')
  })

  test('that end with their connection are chunked for those who know chunks', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send(get())
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\n')
    upstream.send('HTTP/1.0 200 OK\r\n\r\nsome')
    upstream.socket.end(' text')
    const { head, body } = await client.takeMessage()
    assert.match(head, /^HTTP\/1.1 200 OK\r\n/)
    assert.equal(body.replaceAll(/[0-9a-f]+\r\n|\r\n/g, ''), 'some text')
    assert.equal(client.ended, false)
  })

  test('to HEAD, and 204 and 304, have no body (RFC 9112 6.3)', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    for (const [request, answer] of [
      ['HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'],
      [get(), 'HTTP/1.1 204 No Content\r\n\r\n'],
      [get(), 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n'],
      [get(), ok('end')],
    ] as const) {
      client.send(request)
      const upstream = await on.upstream()
      await upstream.take('\r\n\r\n')
      upstream.send(answer)
      await client.take('\r\n\r\n')
    }
    assert.equal(await client.take('end'), 'end')
    assert.equal(on.origin.peers.length, 1)
  })

  test('before the final one pass, but not to HTTP/1.0 (RFC 9110 15.2)', async () => {
    await using on = await stage()
    for (const [index, minor] of [1, 0].entries()) {
      const client = await on.bed.client()
      client.send(`GET / HTTP/1.${minor}\r\nHost: a\r\n\r\n`)
      const upstream = await on.upstream()
      await upstream.take('\r\n\r\n')
      upstream.send(`HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok(`${index}`)}`)
      if (minor === 1) assert.match(await client.take('\r\n\r\n'), /^HTTP\/1.1 103 /)
      assert.match((await client.takeMessage()).head, /^HTTP\/1.1 200 /)
    }
  })

  test('that come before the request is read end the connection behind them', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\npart')
    const upstream = await on.upstream()
    await upstream.take('part')
    upstream.send('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig')
    const { head, body } = await client.takeMessage()
    assert.match(head, /^HTTP\/1.1 413 [\s\S]*\r\nConnection: close\r\n/)
    assert.equal(body, 'big')
    await client.takeEnd()
  })

  test('that break off in the middle are seen to be broken', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send(get())
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\n')
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
    await client.take('half')
    upstream.socket.resetAndDestroy()
    await until('a broken connection', () => client.closed)
    assert.equal((client.error as NodeJS.ErrnoException | undefined)?.code, 'ECONNRESET')
  })

  test('that no one asked for are not passed to the next who asks', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send(get('/1'))
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\n')
    upstream.send(ok('first') + ok('poison'))
    assert.equal((await client.takeMessage()).body, 'first')
    client.send(get('/2'))
    const second = await on.upstream(1)
    await second.take('\r\n\r\n')
    second.send(ok('second'))
    assert.equal((await client.takeMessage()).body, 'second')
  })

  test('of servers that speak nonsense become 502', async () => {
    await using a = await answering(
      'a',
      () => 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    )
    await using bed = new EdgeBed()
    await bed.apply([a.row()])
    assert.match((await bed.ask(post('x'))).head, /^HTTP\/1.1 502 /)
  })

  test('that never come become 504', async () => {
    await using a = await answering('a', () => '')
    await using bed = new EdgeBed()
    await bed.apply([a.row()], { pool: { responseTimeout: ms(100) } })
    assert.match((await bed.ask(post('x'))).head, /^HTTP\/1.1 504 /)
    assert.equal(a.seen.length, 1)
    assert.equal(bed.report.servers.a?.timedOut, 1)
  })

  test('to slow readers hold the server back instead of filling memory', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.socket.pause()
    client.send(get())
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\n')
    const total = 60_000_000
    upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
    const part = pattern(1_000_000)
    for (let sent = 0; sent < total; sent += part.length) upstream.send(part)
    let before = -1
    await until('the server is held back', () => {
      const now = on.bed.report.frontends.public?.bytesOut ?? 0
      const still = now === before && now > 0
      before = now
      return still
    })
    assert.ok(before < total - 5_000_000, `${before} bytes are in flight`)
    client.socket.resume()
    await until('all of it', () => client.received.length > total)
  })
})

suite('an upgrade', () => {
  const ask = get('/ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')
  const switched =
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'

  test('becomes a tunnel, with what came too early', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send(`${ask}early`)
    const upstream = await on.upstream()
    const head = await upstream.take('\r\n\r\n')
    assert.match(head, /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/)
    upstream.send(`${switched}hello`)
    assert.match(await client.take('\r\n\r\n'), /Connection: Upgrade\r\nUpgrade: websocket\r\n/)
    assert.equal(await client.take('hello'), 'hello')
    assert.equal(await upstream.take('early'), 'early')
    client.send('\x00\xff')
    assert.equal(await upstream.take('\x00\xff'), '\x00\xff')
    assert.equal(on.bed.report.servers.a?.active, 1)
    client.socket.end()
    await upstream.takeEnd()
    upstream.socket.end('bye')
    assert.equal(await client.takeEnd(), 'bye')
    await until('nothing active', () => on.bed.report.servers.a?.active === 0)
  })

  test('may be declined with a plain answer', async () => {
    await using a = await answering('a', () => ok('no'))
    await using bed = new EdgeBed()
    await bed.apply([a.row()])
    const client = await bed.client()
    client.send(ask)
    assert.equal((await client.takeMessage()).body, 'no')
    client.send(get())
    assert.equal((await client.takeMessage()).body, 'no')
  })

  test('that nobody asked for is a bad answer', async () => {
    await using a = await answering('a', () => switched)
    await using bed = new EdgeBed()
    await bed.apply([a.row()])
    assert.match((await bed.ask(post('x'))).head, /^HTTP\/1.1 502 /)
  })

  test('survives every change of the table that leaves its server in', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send(ask)
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\n')
    upstream.send(switched)
    await client.take('\r\n\r\n')
    await on.bed.apply([on.origin.row({ state: 'draining' })])
    await on.bed.apply([], { frontend: { routes: [] } })
    client.send('still there')
    assert.equal(await upstream.take('still there'), 'still there')
    assert.equal(on.bed.report.servers.a?.active, 1)
    client.socket.end()
    await upstream.takeEnd()
    upstream.socket.end()
    await until('the removed server is forgotten', () => on.bed.report.servers.a === undefined)
  })
})
