// What an edge promises to those who use the address: an answer, and the right one.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, ok, post, until } from '../../../../../test/support/edge-bed.ts'

suite('an edge', () => {
  test('answers with what a server says, and shares requests among servers', async () => {
    await using a = await answering('a', () => ok('from a'))
    await using b = await answering('b', () => ok('from b'))
    await using bed = new EdgeBed()
    await bed.apply([a.row(), b.row()])
    const client = await bed.client()
    const bodies: string[] = []
    for (let i = 0; i < 4; i += 1) {
      client.send(get())
      bodies.push((await client.takeMessage()).body)
    }
    assert.deepEqual(bodies, ['from a', 'from b', 'from a', 'from b'])
    assert.equal(bed.report.frontends.public?.answers[2], 4)
  })

  test('tells servers who asks, by which host', async () => {
    await using a = await answering('a', () => ok(''))
    await using bed = new EdgeBed()
    await bed.apply([a.row()])
    await bed.ask(get('/x?y=1', 'X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n'))
    assert.equal(
      a.seen[0],
      'GET /x?y=1 HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 9.9.9.9\r\n' +
        'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n' +
        'X-Forwarded-Host: shop.example\r\n\r\n',
    )
  })

  test('answers pipelined requests in order', async () => {
    await using a = await answering('a', (head) => ok(head.split(' ')[1]!))
    await using bed = new EdgeBed()
    await bed.apply([a.row()])
    const client = await bed.client()
    client.send(get('/1') + post('body of two', '/2') + get('/3') + get('/4'))
    for (const path of ['/1', '/2', '/3', '/4']) {
      assert.equal((await client.takeMessage()).body, path)
    }
    assert.equal(a.seen[1]?.endsWith('body of two'), true)
  })

  test('sends a request elsewhere when a server cannot be reached', async () => {
    await using a = await answering('a', () => ok('from a'))
    const gone = await answering('gone', () => ok(''))
    await gone[Symbol.asyncDispose]()
    await using bed = new EdgeBed()
    await bed.apply([gone.row(), a.row()])
    for (let i = 0; i < 4; i += 1) assert.equal((await bed.ask(post('x'))).body, 'from a')
    assert.equal(bed.report.servers.gone?.refused, 1)
    assert.match(bed.report.servers.gone?.ejected?.why ?? '', /ECONNREFUSED/)
  })

  test('lets requests wait while no server is up, and answers them when one is', async () => {
    await using a = await answering('a', () => ok('at last'))
    await using bed = new EdgeBed()
    await bed.apply([a.row({ state: 'down' })])
    const client = await bed.client()
    client.send(get())
    await until('a held request', () => bed.report.frontends.public?.held === 1)
    await bed.apply([a.row()])
    assert.equal((await client.takeMessage()).body, 'at last')
    assert.equal(bed.report.frontends.public?.held, 0)
  })

  test('turns away who comes when all its places are taken, and tells them', async () => {
    await using a = await answering('a', () => ok('x'))
    await using bed = new EdgeBed()
    await bed.apply([a.row()], { frontend: { maxConnections: 1 } })
    const first = await bed.client()
    first.send(get())
    await first.takeMessage()
    const second = await bed.client()
    assert.match((await second.takeMessage()).head, /^HTTP\/1.1 503 [\s\S]*Connection: close/)
    await second.takeEnd()
    first.send(get())
    assert.equal((await first.takeMessage()).body, 'x')
    assert.equal(bed.report.frontends.public?.connections, 1)
  })

  test('answers what waits for a service that leaves the table', async () => {
    await using a = await answering('a', () => ok(''))
    await using bed = new EdgeBed()
    await bed.apply([a.row({ state: 'down' })])
    const client = await bed.client()
    client.send(get())
    await until('a held request', () => bed.report.frontends.public?.held === 1)
    await bed.edge.apply({ version: bed.edge.table + 1, frontends: [], pools: [] })
    const { head } = await client.takeMessage()
    assert.match(head, /^HTTP\/1\.1 503 /)
    assert.match(head, /\r\nConnection: close\r\n/, 'its door is gone too')
  })

  test('tries nothing again on the servers of a service that has left the table', async () => {
    // It keeps the first request until it is told to let it fall.
    const fall = Promise.withResolvers<void>()
    const server = createServer((socket) => {
      socket.once('data', () => void fall.promise.then(() => socket.destroy()))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await using bed = new EdgeBed()
    const row = { id: 'a', host: '127.0.0.1', port, weight: 1, state: 'up', backup: false } as const
    await bed.apply([{ ...row, maxConnections: undefined }])
    const client = await bed.client()
    client.send(get())
    await until('a request on it', () => bed.report.servers.a?.active === 1)
    await bed.edge.apply({ version: bed.edge.table + 1, frontends: [], pools: [] })
    server.close()
    fall.resolve()
    assert.match((await client.takeMessage()).head, /^HTTP\/1\.1 503 /)
    assert.equal(bed.report.servers.a, undefined)
  })
})
