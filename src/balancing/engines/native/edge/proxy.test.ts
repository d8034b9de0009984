// PROXY headers: believed from those who are trusted, told to servers that want them.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, Origin, ok, until } from '../../../../../test/support/edge-bed.ts'
import { ms } from '../../../../foundation/time.ts'
import { proxyHeader } from '../../../../wire/proxy/proxy-header.ts'
import { NetTransport } from '../transport/net.ts'

const ends = { from: { host: '203.0.113.7', port: 4711 }, to: { host: '198.51.100.1', port: 443 } }
const trusting = { acceptProxy: ['127.0.0.0/8'] }

for (const kind of ['raw', 'net'] as const) {
  const openBed = (): EdgeBed =>
    kind === 'raw' ? new EdgeBed() : new EdgeBed((faulted) => new NetTransport(faulted))

  suite(`PROXY headers over ${kind} sockets`, () => {
    test('say who the client is, however they arrive', async () => {
      await using origin = await answering('web-1', () => ok('hi'))
      await using bed = openBed()
      await bed.apply([origin.row()], { frontend: trusting })
      for (const version of ['v1', 'v2'] as const) {
        const bytes = proxyHeader(version, ends) + get('/') + get('/again')
        for (const cut of [bytes.length, 5, 17, 40]) {
          const client = await bed.client()
          client.send(bytes.slice(0, cut))
          const accepted = (): boolean => bed.report.frontends.public!.connections === 1
          await until('the connection is accepted', accepted)
          client.send(bytes.slice(cut))
          for (const _ of [1, 2]) assert.equal((await client.takeMessage()).body, 'hi')
          for (const [i, path] of ['/', '/again'].entries()) {
            const head = origin.seen.at(i - 2)!
            assert.ok(head.startsWith(`GET ${path} `))
            assert.match(head, /X-Forwarded-For: 203\.0\.113\.7\r\n/)
          }
          client.close()
          await until('it is gone', () => !accepted())
        }
      }
    })

    test('are awaited from trusted proxies, and refused where they are none', async () => {
      await using origin = await answering('web-1', () => ok('hi'))
      await using bed = openBed()
      const frontend = { ...trusting, headTimeout: ms(100) }
      await bed.apply([origin.row()], { frontend })
      const [plain, slow] = [await bed.client(), await bed.client()]
      plain.send(get('/'))
      slow.send('PROXY TCP4 ')
      await until('both are reset', () => plain.closed && slow.closed)
      assert.equal(plain.received + slow.received, '')
      const told = bed.told.filter((one) => one.kind === 'event')
      assert.deepEqual(
        told.map(({ rule }) => rule),
        ['proxy-header-refused'],
      )
      assert.equal(bed.report.frontends.public!.connections, 0)
    })

    test('mean nothing from anybody else', async () => {
      await using origin = await answering('web-1', () => ok('hi'))
      await using bed = openBed()
      await bed.apply([origin.row()], { frontend: { acceptProxy: ['10.0.0.0/8'] } })
      assert.equal((await bed.ask(get('/'))).body, 'hi')
      assert.match((await bed.ask(proxyHeader('v1', ends) + get('/'))).head, /^HTTP\/1\.1 400/)
    })

    test('tell a server who the client is, and carry nobody else', async () => {
      await using origin = await answering('web-1', () => ok('hi'))
      await using bed = openBed()
      await bed.apply([origin.row()], { pool: { sendProxy: 'v1' }, frontend: trusting })
      const clients = [await bed.client(), await bed.client()]
      for (const [i, client] of clients.entries()) {
        const from = { host: '203.0.113.7', port: i + 1 }
        client.send(proxyHeader('v2', { ...ends, from }))
      }
      for (const round of [1, 2]) {
        for (const [i, client] of clients.entries()) {
          client.send(get(`/${i}/${round}`))
          await client.takeMessage()
        }
      }
      const heads = origin.seen.map((head) => head.split('\r\n').slice(0, 2))
      assert.deepEqual(
        heads.map(([first]) => first),
        [
          'PROXY TCP4 203.0.113.7 198.51.100.1 1 443',
          'PROXY TCP4 203.0.113.7 198.51.100.1 2 443',
          'GET /0/2 HTTP/1.1',
          'GET /1/2 HTTP/1.1',
        ],
      )
      assert.equal(origin.peers.length, 2)
    })

    test('go before the bytes in TCP mode, with the ends of the connection itself', async () => {
      await using stack = new AsyncDisposableStack()
      const origin = stack.use(await Origin.open('db-1', () => undefined))
      const bed = stack.use(openBed())
      const frontend = { mode: 'tcp' } as const
      await bed.apply([origin.row()], { pool: { sendProxy: 'v1' }, frontend })
      const client = await bed.client()
      client.send('hello')
      await until('a connection', () => origin.peers.length === 1)
      const { localPort } = client.socket
      const line = await origin.peers[0]!.take('\r\n')
      assert.equal(line, `PROXY TCP4 127.0.0.1 127.0.0.1 ${localPort} ${bed.port}\r\n`)
      await origin.peers[0]!.take('hello')
    })

    test('and what comes with them both reach the server in TCP mode, wherever cut', async () => {
      await using origin = await Origin.open('db-1', (peer) => peer.socket.pipe(peer.socket))
      await using bed = openBed()
      const frontend = { ...trusting, mode: 'tcp' } as const
      await bed.apply([origin.row()], { pool: { sendProxy: 'v1' }, frontend })
      const told = proxyHeader('v1', ends)
      const bytes = `${proxyHeader('v2', ends)}\x00hello`
      for (let cut = 1; cut <= bytes.length; cut += 1) {
        const client = await bed.client()
        client.send(bytes.slice(0, cut))
        await until('it is accepted', () => bed.report.frontends.public!.connections === 1)
        client.send(bytes.slice(cut))
        client.socket.end('!')
        assert.equal(await client.takeEnd(), `${told}\x00hello!`, `cut at ${cut}`)
        await until('it is gone', () => bed.report.frontends.public!.connections === 0)
      }
      assert.equal(bed.report.frontends.public!.bytesIn, 7 * bytes.length)
    })

    test('may bring much at once, which waits with its connection', async () => {
      await using origin = await Origin.open('db-1', () => undefined)
      await using bed = openBed()
      const frontend = { ...trusting, mode: 'tcp' } as const
      const pool = { hold: { wait: ms(60_000), requests: 9, bytes: 6000 } }
      await bed.apply([], { frontend, pool })
      const [first, second] = [await bed.client(), await bed.client()]
      first.send(`${proxyHeader('v2', ends)}${'x'.repeat(3000)}`)
      await until('it is held', () => bed.report.frontends.public!.held === 1)
      second.send(`${proxyHeader('v2', ends)}${'y'.repeat(3000)}`)
      await until('there is no place for the second', () => second.closed)
      assert.equal(bed.edge.meters().frontends.public!.endings['hold-full'], 1)
      await bed.apply([origin.row()], { frontend, pool })
      await until('a connection', () => origin.peers.length === 1)
      assert.equal(await origin.peers[0]!.take(/x{3000}/), 'x'.repeat(3000))
      const third = await bed.client()
      third.send(`${proxyHeader('v2', ends)}${'z'.repeat(60_000)}`)
      await until('another', () => origin.peers.length === 2)
      assert.equal(await origin.peers[1]!.take(/z{60000}/), 'z'.repeat(60_000))
    })
  })
}
