// Answers through an edge, requirement by requirement (RFC 9110, RFC 9112).

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, ok, post, until } from '../../../../../test/support/edge-bed.ts'
import { chunked, pattern, stage } from '../../../../../test/support/edge-stage.ts'
import { ms } from '../../../../foundation/time.ts'

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
