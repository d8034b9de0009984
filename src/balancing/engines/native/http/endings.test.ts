// Clients that end their side early, tunnels that fall silent, and what is kept of a body.

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
import { stage } from '../../../../../test/support/edge-stage.ts'
import { ms } from '../../../../foundation/time.ts'

suite('a client that ends its side', () => {
  test('gets the answer to what it asked, and then the end', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send(get())
    client.socket.end()
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\n')
    upstream.send(ok('answer'))
    const { head, body } = await client.takeMessage()
    assert.match(head, /\r\nConnection: close\r\n/i)
    assert.equal(body, 'answer')
    assert.equal(await client.takeEnd(), '')
    await until('it to be gone', () => on.bed.report.frontends.public?.connections === 0)
  })

  test('gets all answers to what it sent at once, in order', async () => {
    await using a = await answering('a', (head) => ok(head.split(' ')[1] ?? ''))
    await using bed = new EdgeBed()
    await bed.apply([a.row()])
    const client = await bed.client()
    client.socket.end(`${get('/1')}${get('/2')}${get('/3')}GET /4 HTT`)
    for (const path of ['/1', '/2', '/3']) assert.equal((await client.takeMessage()).body, path)
    assert.equal(await client.takeEnd(), '')
    assert.equal(a.seen.length, 3)
  })

  test('in the middle of a request is gone', async () => {
    await using on = await stage()
    const client = await on.bed.client()
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nxx')
    const upstream = await on.upstream()
    await upstream.take('xx')
    client.socket.end()
    await upstream.takeEnd()
    await until('it to be gone', () => on.bed.report.frontends.public?.connections === 0)
  })

  test('is gone when it has been waited for long enough', async () => {
    await using a = await answering('a', () => '')
    await using bed = new EdgeBed()
    await bed.apply([a.row()], { frontend: { halfClosedTimeout: ms(0) } })
    const client = await bed.client()
    client.send(get())
    await until('the request', () => a.seen.length === 1)
    client.socket.end()
    await a.peers[0]?.takeEnd()
    await until('it to be gone', () => bed.report.frontends.public?.connections === 0)
  })

  test('is heard to the end of an answer that has begun', async () => {
    await using on = await stage(undefined, { halfClosedTimeout: ms(0) })
    const client = await on.bed.client()
    client.send(get())
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\n')
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome')
    await client.take('some')
    client.socket.end()
    await until('the end to be sent', () => client.socket.writableFinished)
    upstream.send(' more')
    assert.equal(await client.takeEnd(), ' more')
  })

  test('is answered by the server that comes back, after those that have not ended', async () => {
    await using first = await Origin.open('a', () => undefined)
    const { port } = first
    await first[Symbol.asyncDispose]()
    await using bed = new EdgeBed()
    await bed.apply([first.row()])
    const [ends, stays] = [await bed.client(), await bed.client()]
    for (const [i, client] of [ends, stays].entries()) {
      client.send(get(`/${i}`))
      await until('it is held', () => bed.report.frontends.public?.held === i + 1)
    }
    ends.socket.end()
    await until('the end to be seen', () => ends.socket.writableFinished)
    await using back = await answering('a', (head) => ok(head.split(' ')[1] ?? ''), port)
    assert.equal((await stays.takeMessage()).body, '/1')
    assert.equal((await ends.takeMessage()).body, '/0')
    assert.equal(back.seen.length, 2)
  })
})

suite('a tunnel', () => {
  const upgrade = get('/', 'Connection: Upgrade\r\nUpgrade: echo\r\n')

  test('in which no byte passes is closed in time, also when half of it has ended', async () => {
    for (const half of [false, true]) {
      await using a = await Origin.open('a', async (peer) => {
        await peer.take('\r\n\r\n')
        peer.send('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
      })
      await using bed = new EdgeBed()
      await bed.apply([a.row()], { frontend: { tunnelTimeout: ms(100) } })
      const client = await bed.client()
      client.send(upgrade)
      await client.take('\r\n\r\n')
      if (half) client.socket.end()
      await until('it is closed', () => client.closed)
      await until('nothing is active', () => bed.report.servers.a?.active === 0)
    }
  })
})

suite('what is kept of bodies', () => {
  /** A server that breaks off when it has read a request. */
  const breaking = () =>
    Origin.open('bad', (peer) => {
      peer.takeMessage().then(
        () => peer.socket.resetAndDestroy(),
        () => undefined,
      )
    })
  const put = (length: number): string => post('x'.repeat(length), '/', '', 'PUT')

  test('is as much as the file says of each', async () => {
    await using bad = await breaking()
    await using good = await answering('good', (_, body) => ok(String(body.length)))
    await using bed = new EdgeBed()
    const pool = { keptBodies: { each: 1000, bytes: 10_000 } }
    await bed.apply([bad.row({ weight: 100 }), good.row()], { pool })
    assert.equal((await bed.ask(put(1000))).body, '1000')
    assert.match((await bed.ask(put(1001))).head, /^HTTP\/1.1 502 /)
  })

  test('is bounded for all together, and given back when the answer begins', async () => {
    await using bad = await breaking()
    await using mute = await answering('mute', () => '')
    await using good = await answering('good', (_, body) => ok(String(body.length)))
    await using bed = new EdgeBed()
    const pool = { keptBodies: { each: 1000, bytes: 1000 } }
    await bed.apply([mute.row()], { pool })
    const client = await bed.client()
    client.send(put(800))
    await until('the body is with a server', () => mute.seen.length === 1)
    await bed.apply([mute.row({ weight: 0 }), bad.row({ weight: 100 }), good.row()], { pool })
    assert.match((await bed.ask(put(900))).head, /^HTTP\/1.1 502 /)
    mute.peers[0]?.send(ok('kept'))
    assert.equal((await client.takeMessage()).body, 'kept')
    assert.equal((await bed.ask(put(900))).body, '900')
  })
})

suite('a server that speaks unasked', () => {
  for (const method of ['GET', 'POST']) {
    test(`answers nobody whose ${method} has not gone out yet`, async () => {
      const asked: Peer[] = []
      await using a = await Origin.open('a', (peer) => void asked.push(peer))
      await using bed = new EdgeBed()
      await bed.apply([a.row()])
      const client = await bed.client()
      client.send(get('/1'))
      await until('it to be asked', () => asked.length === 1)
      const [first] = asked as [Peer]
      await first.take('\r\n\r\n')
      first.send(ok('1'))
      assert.equal((await client.takeMessage()).body, '1')
      // Both are read in the same turn of the loop, at whose end the request would go out.
      client.send(method === 'GET' ? get('/2') : post('', '/2'))
      first.send(ok('unasked'))
      await until('it to be asked anew', () => asked.length === 2)
      const [, second] = asked as [Peer, Peer]
      assert.match(await second.take('\r\n\r\n'), new RegExp(`^${method} /2 `))
      second.send(ok('2'))
      assert.equal((await client.takeMessage()).body, '2')
      assert.equal(first.received, '')
    })
  }
})
