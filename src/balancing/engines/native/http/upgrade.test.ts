// Upgrades through an edge: a WebSocket is a tunnel, and outlives tables.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, ok, post, until } from '../../../../../test/support/edge-bed.ts'
import { stage } from '../../../../../test/support/edge-stage.ts'

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
