// Clients that speak HTTP/2 to an edge, whose servers speak HTTP/1.1.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { suite, test } from 'node:test'
import { promisify } from 'node:util'
import {
  answering,
  EdgeBed,
  Origin,
  ok,
  type Peer,
  serverRow,
  until,
} from '../../../../../test/support/edge-bed.ts'
import { answerOf, H2Client } from '../../../../../test/support/h2-client.ts'
import { ms } from '../../../../foundation/time.ts'
import type { TableServer } from '../../../model.ts'

/** An edge before these servers, and a client of it. */
async function openBed(servers: readonly TableServer[]) {
  const bed = new EdgeBed()
  await bed.apply(servers)
  const client = new H2Client(bed.port)
  return {
    bed,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      const faults = bed.told.filter((one) => one.kind === 'event' && one.rule === 'edge-fault')
      await bed[Symbol.asyncDispose]()
      assert.deepEqual(faults, [])
    },
  }
}

/** A server that answers the first request of each connection so. */
const speaking = (serve: (peer: Peer) => Promise<void>): Promise<Origin> =>
  Origin.open('web-1', (peer) => void serve(peer).catch(() => undefined))

suite('a client of HTTP/2', () => {
  test('is answered by a server of HTTP/1.1', async () => {
    await using web = await answering('web-1', () =>
      ok('hello', 'Set-Cookie: a\r\nSet-Cookie: b\r\n'),
    )
    await using world = await openBed([web.row()])
    const answer = await world.client.ask({ ':path': '/a?b=1', cookie: 'x=1; y=2', 'x-a': 'b' })
    assert.equal(answer.status, 200)
    assert.equal(answer.body, 'hello')
    assert.deepEqual(answer.headers['set-cookie'], ['a', 'b'])
    assert.match(web.seen[0]!, /^GET \/a\?b=1 HTTP\/1\.1\r\n/)
    assert.match(web.seen[0]!, /\r\ncookie: x=1; y=2\r\n/)
    assert.match(web.seen[0]!, /\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/)
    const { public: door } = world.bed.report.frontends
    assert.equal(door!.connections, 1, 'a stream is no connection')
    assert.equal(door!.requests, 1)
    assert.equal(door!.answers[2], 1)
  })

  test('may ask a hundred times at once', async () => {
    await using web = await answering('web-1', (head) => ok(/\/n(\d+) /.exec(head)![1]!))
    await using world = await openBed([web.row()])
    const paths = Array.from({ length: 300 }, (_, n) => n)
    const answers = await Promise.all(paths.map((n) => world.client.ask({ ':path': `/n${n}` })))
    assert.deepEqual(
      answers.map(({ body }) => Number(body)),
      paths,
    )
    await until('all streams are gone', () => world.bed.report.servers['web-1']!.active === 0)
  })

  test('sends bodies with and without a length', async () => {
    await using web = await answering('web-1', (_, body) => ok(String(body.length)))
    await using world = await openBed([web.row()])
    const post = { ':method': 'POST', ':path': '/' }
    const body = 'x'.repeat(1000)
    const sized = await world.client.ask({ ...post, 'content-length': 1000 }, body)
    assert.equal(sized.body, '1000')
    const stream = world.client.open(post, false)
    stream.write('ab')
    stream.end('c')
    const chunked = await answerOf(stream)
    assert.equal(chunked.status, 200)
    assert.match(web.seen[1]!, /\r\ntransfer-encoding: chunked\r\n/)
    assert.match(web.seen[1]!, /2\r\nab\r\n1\r\nc\r\n0\r\n\r\n$/)
  })

  test('gets a large body whole, whatever its framing, as fast as it reads', async () => {
    const body = Buffer.alloc(3_000_000, 'abcdefg').toString('latin1')
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    await using web = await answering('web-1', (head) =>
      head.includes('/chunked')
        ? `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`
        : ok(body),
    )
    await using world = await openBed([web.row()])
    const [sized, chunked] = await Promise.all([
      world.client.ask({ ':path': '/' }),
      world.client.ask({ ':path': '/chunked' }),
    ])
    assert.ok(sized.body === body)
    assert.ok(chunked.body === body)
  })

  test('that does not read does not make the edge read', async () => {
    let written = 0
    await using web = await speaking(async (peer) => {
      await peer.takeMessage()
      peer.send('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
      const more = (): void => {
        while (!peer.closed && written < 100_000_000) {
          written += 100_000
          if (!peer.socket.write(Buffer.alloc(100_000))) return
        }
      }
      peer.socket.on('drain', more)
      more()
    })
    await using world = await openBed([web.row()])
    const stream = world.client.open({ ':path': '/' })
    stream.pause()
    await once(stream, 'response')
    let before = -1
    await until('the server stands still', () => {
      const isStill = written === before
      before = written
      return isStill && written > 0
    })
    assert.ok(written < 30_000_000, `${written}`)
    stream.destroy()
    await until('the server hears of it', () => web.peers[0]!.closed)
  })

  test('sends a large body no faster than the server reads it', async () => {
    let read = 0
    await using web = await speaking(async (peer) => {
      await peer.take('\r\n\r\n')
      peer.socket.on('data', (chunk) => {
        read += chunk.length
        if (read + peer.received.length >= 3_000_000) peer.send(ok('done'))
      })
    })
    await using world = await openBed([web.row()])
    const headers = { ':method': 'POST', ':path': '/', 'content-length': 3_000_000 }
    const answer = await world.client.ask(headers, Buffer.alloc(3_000_000))
    assert.equal(answer.body, 'done')
  })

  test('gets trailers if it takes them, and sends them', async () => {
    await using web = await speaking(async (peer) => {
      const asked = await peer.take(/\r\n0\r\n([^\r]+\r\n)+\r\n/)
      assert.match(asked, /\r\n0\r\nx-sum: 7\r\n\r\n$/)
      peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      peer.send('2\r\nok\r\n0\r\nX-Took: 3\r\n\r\n')
    })
    await using world = await openBed([web.row()])
    const stream = world.client.session.request(
      { ':method': 'POST', ':path': '/', te: 'trailers' },
      { endStream: false, waitForTrailers: true },
    )
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }))
    stream.end('abc')
    const answer = await answerOf(stream)
    assert.equal(answer.body, 'ok')
    assert.equal(answer.trailers['x-took'], '3')
  })

  test('is answered to HEAD, and without a body, as the server says', async () => {
    await using web = await speaking(async (peer) => {
      for (;;) {
        const { head } = await peer.takeMessage()
        if (head.startsWith('HEAD')) peer.send('HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n')
        else if (head.includes('/304')) peer.send('HTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n')
        else peer.send('HTTP/1.1 204 No Content\r\n\r\n')
      }
    })
    await using world = await openBed([web.row()])
    const head = await world.client.ask({ ':method': 'HEAD', ':path': '/' })
    assert.equal(head.headers['content-length'], '77')
    assert.equal(head.body, '')
    const unchanged = await world.client.ask({ ':path': '/304' })
    assert.equal(unchanged.status, 304)
    assert.equal(unchanged.headers.etag, 'a')
    assert.equal((await world.client.ask({ ':path': '/' })).status, 204)
  })

  test('hears interim answers', async () => {
    await using web = await speaking(async (peer) => {
      await peer.takeMessage()
      peer.send('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n')
      peer.send(ok('done'))
    })
    await using world = await openBed([web.row()])
    const stream = world.client.open({ ':path': '/' })
    const hints: unknown[] = []
    stream.on('headers', (headers) => hints.push(headers[':status'], headers.link))
    assert.equal((await answerOf(stream)).body, 'done')
    assert.deepEqual(hints, [103, '</a.css>'])
  })

  test('opens a WebSocket by an extended CONNECT', async () => {
    await using web = await speaking(async (peer) => {
      const head = await peer.take('\r\n\r\n')
      assert.match(head, /^GET \/chat HTTP\/1\.1\r\n/)
      assert.match(head, /\r\nUpgrade: websocket\r\n/i)
      assert.match(head, /\r\nsec-websocket-key: [A-Za-z0-9+/]{22}==\r\n/)
      peer.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n')
      peer.send('Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nwelcome')
      assert.equal(await peer.take('ping'), 'ping')
      peer.send('pong')
      await peer.takeEnd()
      peer.socket.end('bye')
    })
    await using world = await openBed([web.row()])
    const { client } = world
    await once(client.session, 'remoteSettings')
    const stream = client.open(
      { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', ':scheme': 'http' },
      false,
    )
    const answer = answerOf(stream)
    const [headers] = await once(stream, 'response')
    assert.equal(headers[':status'], 200)
    stream.write('ping')
    stream.end()
    assert.equal((await answer).body, 'welcomepongbye')
  })

  test('is told that nobody opens other tunnels', async () => {
    await using world = await openBed([serverRow('web-1', 1)])
    const answer = await world.client.ask({ ':method': 'CONNECT', ':authority': 'a:443' })
    assert.equal(answer.status, 501)
  })

  test('is refused a Host that differs from its authority', async () => {
    await using world = await openBed([serverRow('web-1', 1)])
    const answer = await world.client.ask({ ':path': '/', ':authority': 'a.example', host: 'b' })
    assert.equal(answer.status, 400)
  })

  test('is refused a path that is none', async () => {
    await using world = await openBed([serverRow('web-1', 1)])
    for (const path of ['http://a.example/', '*', 'x', '/a b', '/\u0001']) {
      const { status } = await world.client.ask({ ':path': path })
      assert.ok(status === 400 || status === undefined, `${path}: ${status}`)
    }
  })

  test('is answered by another server when one is killed', async () => {
    await using dead = await speaking(async (peer) => {
      await peer.takeMessage()
      peer.socket.resetAndDestroy()
    })
    await using web = await answering('web-2', () => ok('from web-2'))
    await using world = await openBed([dead.row(), web.row()])
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => world.client.ask({ ':path': '/' })),
    )
    assert.deepEqual(new Set(answers.map(({ body }) => body)), new Set(['from web-2']))
    const lost = await world.client.ask({ ':method': 'POST', ':path': '/' }, 'once')
    assert.ok(lost.status === 502 || lost.status === 200)
  })

  test('is held while no server is up', async () => {
    await using web = await answering('web-1', () => ok('late'))
    await using world = await openBed([web.row({ state: 'down' })])
    const answer = world.client.ask({ ':path': '/' })
    await until('it is held', () => world.bed.report.frontends.public!.held === 1)
    await world.bed.apply([web.row()])
    assert.equal((await answer).body, 'late')
  })

  test('that goes away takes its requests with it, held or sent', async () => {
    await using web = await speaking(async (peer) => void (await peer.takeMessage()))
    await using world = await openBed([web.row()])
    const sent = world.client.open({ ':path': '/' })
    await until('it is sent', () => world.bed.report.servers['web-1']!.active === 1)
    sent.close(8)
    await until('it is taken back', () => world.bed.report.servers['web-1']!.active === 0)
    await world.bed.apply([web.row({ state: 'down' })])
    world.client.open({ ':path': '/' })
    await until('it is held', () => world.bed.report.frontends.public!.held === 1)
    world.client.session.destroy()
    await until('nothing is held', () => world.bed.report.frontends.public!.held === 0)
    await until('nobody is there', () => world.bed.report.frontends.public!.connections === 0)
  })

  test('sees that an answer broke off', async () => {
    await using web = await speaking(async (peer) => {
      await peer.takeMessage()
      peer.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
      peer.socket.end()
    })
    await using world = await openBed([web.row()])
    const answer = await world.client.ask({ ':path': '/' })
    assert.notEqual(answer.code, 0)
  })

  test('is answered before its body is whole, and told to stop', async () => {
    await using web = await speaking(async (peer) => {
      await peer.take('\r\n\r\n')
      peer.send('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!')
    })
    await using world = await openBed([web.row()])
    const stream = world.client.open({ ':method': 'POST', ':path': '/' }, false)
    stream.write('the beginning')
    const answer = await answerOf(stream)
    assert.equal(answer.status, 413)
    assert.equal(answer.body, 'no!')
    assert.equal(answer.code, 0)
  })

  test('is told to leave when the edge does, and gets its answers first', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await using web = await speaking(async (peer) => {
      await peer.takeMessage()
      await held
      peer.send(ok('last'))
    })
    await using world = await openBed([web.row()])
    const answer = world.client.ask({ ':path': '/' })
    await until('it is sent', () => world.bed.report.servers['web-1']!.active === 1)
    const left = world.bed.edge.leave(ms(20_000), true)
    await until('it is told', () => world.client.goaway === 0)
    release()
    assert.equal((await answer).body, 'last')
    await left
    assert.deepEqual(world.client.errors, [])
  })

  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
  const settings = '\0\0\0\x04\0\0\0\0\0'
  const goaway = '\0\0\x08\x07\0\0\0\0\0'

  test('that begins on an edge that leaves is told to leave', async () => {
    await using bed = new EdgeBed()
    await bed.apply([serverRow('web-1', 1)])
    const peer = await bed.client()
    await until('it is in', () => bed.report.frontends.public!.connections === 1)
    const left = bed.edge.leave(ms(20_000), true)
    peer.send(preface + settings)
    await peer.take(goaway)
    peer.close()
    await left
  })

  test('that begins on a frontend that stands in no table any more is told to leave', async () => {
    await using bed = new EdgeBed()
    await bed.apply([serverRow('web-1', 1)])
    const peer = await bed.client()
    peer.send(preface.slice(0, 9))
    await until('it has begun', () => bed.report.frontends.public!.bytesIn === 9)
    await bed.apply([serverRow('web-1', 1)], { frontend: { name: 'other' } })
    peer.send(preface.slice(9) + settings)
    await peer.take(goaway)
  })

  test('that asks for nothing is closed after the idle time', async () => {
    await using bed = new EdgeBed()
    await bed.apply([serverRow('web-1', 1)], { frontend: { idleTimeout: ms(50) } })
    using client = new H2Client(bed.port)
    await once(client.session, 'close')
    assert.equal(client.goaway, 0)
  })
})

suite('foreign clients of HTTP/2', () => {
  const run = promisify(execFile)

  test('curl', async () => {
    await using web = await answering('web-1', (_, body) => ok(`got ${body.length}`))
    await using world = await openBed([web.row()])
    const url = `http://127.0.0.1:${world.bed.port}/`
    const { stdout } = await run('curl', [
      ...['-sS', '--max-time', '20', '--http2-prior-knowledge', '-d', 'abc', url],
      ...['-w', ' %{http_version} %{http_code}'],
    ])
    assert.equal(stdout, 'got 3 2 200')
  })

  test('nghttp', async () => {
    const body = 'y'.repeat(200_000)
    await using web = await answering('web-1', () => ok(body))
    await using world = await openBed([web.row()])
    const url = `http://127.0.0.1:${world.bed.port}/`
    const { stdout } = await run('nghttp', ['-m', '5', '-t', '20', url])
    assert.equal(stdout.length, 5 * body.length)
  })
})
