// What clients see when servers fail: latency, not errors; and nothing executed twice that may not.

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
  serverRow,
  until,
} from '../../../../../test/support/edge-bed.ts'
import { ms } from '../../../../foundation/time.ts'
import type { TableServer } from '../../../model.ts'

/** A port at which nobody listens. */
async function deadPort(): Promise<number> {
  const origin = await Origin.open('dead', () => undefined)
  await origin[Symbol.asyncDispose]()
  return origin.port
}

/** How a server fails a request, and whether it may have executed it. */
interface FailurePoint {
  readonly name: string
  readonly executed: boolean
  /** Serves one connection. */
  readonly serve: (peer: Peer, seen: () => void) => Promise<void>
}

const points: readonly FailurePoint[] = [
  {
    name: 'closes when it has read the request',
    executed: true,
    serve: async (peer, seen) => {
      await peer.takeMessage()
      seen()
      peer.socket.end()
    },
  },
  {
    name: 'breaks when it has read the request',
    executed: true,
    serve: async (peer, seen) => {
      await peer.takeMessage()
      seen()
      peer.socket.resetAndDestroy()
    },
  },
  {
    name: 'breaks in the middle of its answer head',
    executed: true,
    serve: async (peer, seen) => {
      await peer.takeMessage()
      seen()
      peer.send('HTTP/1.1 200 OK\r\nContent-')
      peer.socket.end()
    },
  },
  {
    name: 'answers 503',
    executed: true,
    serve: async (peer, seen) => {
      await peer.takeMessage()
      seen()
      peer.send('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')
    },
  },
  {
    name: 'says nothing',
    executed: true,
    serve: async (peer, seen) => {
      await peer.takeMessage()
      seen()
    },
  },
]

suite('a request that a server fails', () => {
  for (const { name, serve } of points) {
    for (const method of ['GET', 'PUT', 'DELETE', 'POST', 'PATCH']) {
      const repeats = method !== 'POST' && method !== 'PATCH'
      const outcome = repeats ? 'is answered by another' : 'is executed once'
      test(`(${method}: it ${name}) ${outcome}`, async () => {
        let executions = 0
        await using bad = await Origin.open('bad', (peer) => {
          serve(peer, () => {
            executions += 1
          }).catch(() => undefined)
        })
        await using good = await answering('good', (_, body) => {
          executions += 1
          return ok(`done ${body}`)
        })
        await using bed = new EdgeBed()
        await bed.apply([bad.row(), good.row()], { pool: { responseTimeout: ms(150) } })
        const request = method === 'GET' ? get() : post('x', '/', '', method)
        const { head, body } = await bed.ask(request)
        if (repeats) {
          assert.equal(body, method === 'GET' ? 'done ' : 'done x')
          assert.equal(bed.report.frontends.public?.redispatched, 1)
        } else {
          assert.match(head, /^HTTP\/1.1 50[234] /)
          assert.equal(executions, 1)
        }
      })
    }
  }

  test('goes elsewhere when nobody can be connected to there, whatever its method', async () => {
    await using good = await answering('good', (_, body) => ok(body))
    await using bed = new EdgeBed()
    await bed.apply([serverRow('dead', await deadPort()), good.row()])
    for (let i = 0; i < 6; i += 1) assert.equal((await bed.ask(post('once'))).body, 'once')
    assert.equal(good.seen.length, 6)
  })

  test('carries a body that is kept, and none that is not', async () => {
    const large = 'x'.repeat(200_000)
    await using bad = await Origin.open('bad', (peer) => {
      peer.takeMessage().then(
        () => peer.socket.resetAndDestroy(),
        () => undefined,
      )
    })
    await using good = await answering('good', (_, body) => ok(String(body.length)))
    await using bed = new EdgeBed()
    await bed.apply([bad.row({ weight: 100 }), good.row()])
    assert.equal((await bed.ask(post('x'.repeat(30_000), '/', '', 'PUT'))).body, '30000')
    assert.match((await bed.ask(post(large, '/', '', 'PUT'))).head, /^HTTP\/1.1 502 /)
  })

  test('takes a fresh connection when the one it got had been closed meanwhile', async () => {
    let connections = 0
    await using a = await Origin.open('a', async (peer) => {
      connections += 1
      const isFirst = connections === 1
      await peer.takeMessage().catch(() => undefined)
      peer.send(ok(`${connections}`))
      // Closes just when the next request comes over the kept connection.
      if (!isFirst) return
      await peer.takeMessage().catch(() => undefined)
      peer.socket.end()
    })
    await using bed = new EdgeBed()
    await bed.apply([a.row()])
    const client = await bed.client()
    client.send(get())
    assert.equal((await client.takeMessage()).body, '1')
    client.send(get())
    assert.equal((await client.takeMessage()).body, '2')
    assert.equal(bed.report.servers.a?.reset, 0)
  })

  test('is passed on with its error when every server has the same', async () => {
    const failing = (id: string) =>
      answering(id, () => 'HTTP/1.1 500 Bad\r\nContent-Length: 2\r\n\r\nno')
    await using a = await failing('a')
    await using b = await failing('b')
    await using bed = new EdgeBed()
    await bed.apply([a.row(), b.row()])
    for (let i = 0; i < 20; i += 1) {
      const { head, body } = await bed.ask(get())
      assert.match(head, /^HTTP\/1.1 500 Bad/)
      assert.equal(body, 'no')
    }
    const { servers } = bed.report
    assert.equal(servers.a?.ejected, undefined)
    assert.equal(servers.b?.ejected, undefined)
    assert.equal(a.seen.length + b.seen.length, 40)
  })

  test('leaves a server that is called down before it answers', async () => {
    await using hung = await answering('hung', () => '')
    await using good = await answering('good', () => ok('rescued'))
    await using bed = new EdgeBed()
    await bed.apply([hung.row(), good.row({ backup: true })])
    const [reader, writer] = [await bed.client(), await bed.client()]
    reader.send(get())
    writer.send(post('x'))
    await until('both requests', () => hung.seen.length === 2)
    await bed.apply([hung.row({ state: 'down' }), good.row()])
    assert.equal((await reader.takeMessage()).body, 'rescued')
    assert.equal(good.seen.length, 1)
    for (const peer of hung.peers) peer.send(ok('late'))
    assert.equal((await writer.takeMessage()).body, 'late')
  })
})

suite('a server that fails alone', () => {
  const told = (bed: EdgeBed, rule: string): number =>
    bed.told.filter((message) => message.kind === 'event' && message.rule === rule).length

  test('is ejected, tried one request at a time, and taken back', async () => {
    let healthy = false
    await using bad = await answering('bad', () =>
      healthy ? ok('well') : 'HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n',
    )
    await using good = await answering('good', () => ok('good'))
    await using bed = new EdgeBed()
    await bed.apply([bad.row(), good.row()])
    for (let i = 0; i < 30; i += 1) assert.equal((await bed.ask(get())).body, 'good')
    assert.equal(bad.seen.length, 3)
    assert.match(bed.report.servers.bad?.ejected?.why ?? '', /3 times in a row/)
    assert.equal(told(bed, 'eject-outlier'), 1)
    assert.ok(bed.told.some((m) => m.kind === 'signal' && m.signal.kind === 'server-error'))
    healthy = true
    const client = await bed.client()
    await until('it is taken back', () => {
      client.send(get())
      return told(bed, 'readmit') === 1
    })
    assert.equal(bed.report.servers.bad?.ejected, undefined)
  })

  test('is never ejected when it is the last', async () => {
    await using bad = await answering('bad', () => 'HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n')
    await using bed = new EdgeBed()
    await bed.apply([bad.row()])
    for (let i = 0; i < 10; i += 1) assert.match((await bed.ask(get())).head, /^HTTP\/1.1 500/)
    assert.equal(bed.report.servers.bad?.ejected, undefined)
  })

  test('is told of when it hangs, before any deadline', async () => {
    await using hung = await answering('hung', () => '')
    await using bed = new EdgeBed()
    await bed.apply([hung.row()])
    const client = await bed.client()
    client.send(get())
    await until('a signal', () =>
      bed.told.some((m) => m.kind === 'signal' && m.signal.kind === 'silent'),
    )
  })
})

suite('while no server is available', () => {
  test('requests wait, in order, and go when one comes back by itself', async () => {
    const port = await deadPort()
    await using bed = new EdgeBed()
    await bed.apply([serverRow('a', port)])
    const clients: Peer[] = []
    for (let i = 0; i < 5; i += 1) {
      const client = await bed.client()
      client.send(i === 2 ? post('x', `/${i}`) : get(`/${i}`))
      await until('it is held', () => bed.report.frontends.public?.held === i + 1)
      clients.push(client)
    }
    await using a = await answering('a', (head) => ok(head.split(' ')[1]!), port)
    for (const [i, client] of clients.entries()) {
      assert.equal((await client.takeMessage()).body, `/${i}`)
    }
    assert.equal(a.seen.length, 5)
    assert.equal(bed.report.frontends.public?.held, 0)
  })

  const bounds = { requests: 2, bytes: 1000, wait: ms(300) }

  test('no more wait than may, and the rest is told when to come again', async () => {
    await using bed = new EdgeBed()
    await bed.apply([], { pool: { hold: { ...bounds, wait: ms(60_000) } } })
    const waiting = [await bed.client(), await bed.client()]
    for (const client of waiting) client.send(get())
    await until('two are held', () => bed.report.frontends.public?.held === 2)
    const { head } = await bed.ask(get())
    assert.match(head, /^HTTP\/1.1 503 [\s\S]*\r\nRetry-After: \d+\r\n/)
    assert.equal(bed.report.frontends.public?.held, 2)
  })

  test('nothing too large waits, and nothing longer than it may', async () => {
    await using bed = new EdgeBed()
    await bed.apply([], { pool: { hold: bounds } })
    assert.match((await bed.ask(post('x'.repeat(2000)))).head, /^HTTP\/1.1 503 /)
    assert.equal(bed.report.frontends.public?.heldTotal, 0)
    assert.match((await bed.ask(get())).head, /^HTTP\/1.1 503 /)
    assert.equal(bed.report.frontends.public?.heldTotal, 1)
  })

  test('who leaves makes room', async () => {
    await using bed = new EdgeBed()
    await bed.apply([], { pool: { hold: { ...bounds, wait: ms(60_000) } } })
    const client = await bed.client()
    client.send(get())
    await until('it is held', () => bed.report.frontends.public?.held === 1)
    client.socket.resetAndDestroy()
    await until('nobody is', () => bed.report.frontends.public?.held === 0)
  })

  test('no server gets more than it takes: the others wait their turn', async () => {
    let most = 0
    let now = 0
    const answers: (() => void)[] = []
    await using a = await Origin.open('a', async (peer) => {
      for (;;) {
        const message = await peer.takeMessage().catch(() => undefined)
        if (message === undefined) return
        now += 1
        most = Math.max(most, now)
        answers.push(() => {
          now -= 1
          peer.send(ok('x'))
        })
      }
    })
    await using bed = new EdgeBed()
    await bed.apply([a.row({ maxConnections: 2 })])
    const clients = await Promise.all(Array.from({ length: 8 }, () => bed.client()))
    for (const client of clients) client.send(get())
    await until('the rest waits', () => bed.report.frontends.public?.held === 6)
    for (let i = 0; i < 8; i += 1) {
      await until('a request', () => answers.length > 0)
      answers.shift()?.()
    }
    for (const client of clients) assert.equal((await client.takeMessage()).body, 'x')
    assert.equal(most, 2)
  })
})

suite('a server that drains', () => {
  test('finishes what it has, takes nothing new, and is told to be empty at once', async () => {
    await using a = await answering('a', () => '')
    await using b = await answering('b', () => ok('b'))
    await using bed = new EdgeBed()
    await bed.apply([a.row()])
    const client = await bed.client()
    client.send(get())
    await until('the request', () => a.seen.length === 1)
    const drained: TableServer[] = [a.row({ state: 'draining' }), b.row()]
    await bed.apply(drained)
    for (let i = 0; i < 4; i += 1) assert.equal((await bed.ask(get())).body, 'b')
    assert.equal(bed.report.servers.a?.active, 1)
    bed.told.length = 0
    a.peers[0]?.send(ok('finished'))
    assert.equal((await client.takeMessage()).body, 'finished')
    await until('a report of zero', () =>
      bed.told.some((m) => m.kind === 'report' && m.report.servers.a?.active === 0),
    )
    await a.peers[0]?.takeEnd()
    client.send(get())
    assert.equal((await client.takeMessage()).body, 'b')
  })
})

suite('in TCP mode', () => {
  const tcp = { frontend: { mode: 'tcp' as const } }

  test('bytes pass both ways, and an end passes as an end', async () => {
    await using a = await Origin.open('a', () => undefined)
    await using bed = new EdgeBed()
    await bed.apply([a.row()], tcp)
    const client = await bed.client()
    client.send('\x00ping')
    await until('the server', () => a.peers.length === 1)
    const server = a.peers[0]!
    assert.equal(await server.take('ping'), '\x00ping')
    client.socket.end()
    assert.equal(await server.takeEnd(), '')
    server.socket.end('last words')
    assert.equal(await client.takeEnd(), 'last words')
    await until('nothing active', () => bed.report.servers.a?.active === 0)
  })

  test('a connection goes to another server when one cannot be reached', async () => {
    await using a = await Origin.open('a', (peer) => peer.send('hello'))
    await using bed = new EdgeBed()
    await bed.apply([serverRow('dead', await deadPort()), a.row()], tcp)
    for (let i = 0; i < 3; i += 1) assert.equal(await (await bed.client()).take('hello'), 'hello')
  })

  test('a connection waits for a server, and is broken when none comes', async () => {
    await using a = await Origin.open('a', (peer) => peer.send('hello'))
    await using bed = new EdgeBed()
    await bed.apply([], tcp)
    const client = await bed.client()
    await until('it is held', () => bed.report.frontends.public?.held === 1)
    await bed.apply([a.row()], tcp)
    assert.equal(await client.take('hello'), 'hello')
    await bed.apply([], { ...tcp, pool: { hold: { wait: ms(100), requests: 9, bytes: 9999 } } })
    const late = await bed.client()
    await until('it is broken', () => late.closed)
  })

  test('a connection that carries nothing is closed in time', async () => {
    await using a = await Origin.open('a', () => undefined)
    await using bed = new EdgeBed()
    await bed.apply([a.row()], { frontend: { mode: 'tcp', idleTimeout: ms(100) } })
    const client = await bed.client()
    await until('it is closed', () => client.closed)
  })
})
