// Requests through an edge, requirement by requirement (RFC 9110, RFC 9112).

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, ok, post, until } from '../../../../../test/support/edge-bed.ts'
import { pattern, stage } from '../../../../../test/support/edge-stage.ts'
import { ms } from '../../../../foundation/time.ts'

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
    client.socket.resetAndDestroy()
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
