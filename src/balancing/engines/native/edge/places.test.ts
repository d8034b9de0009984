// A server never has more than it takes, whatever becomes of the requests that it has.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, ok, until } from '../../../../../test/support/edge-bed.ts'

const activeOf = (bed: EdgeBed) => Object.values(bed.report.servers).map(({ active }) => active)
const heldOf = (bed: EdgeBed): number => bed.report.frontends.public!.held

suite('a request keeps the place that it has', () => {
  test('when it goes over a fresh connection, the one it got being closed', async () => {
    const requests: string[] = []
    let mostActive = 0
    await using bed = new EdgeBed()
    await using a = await answering('a', (head) => {
      mostActive = Math.max(mostActive, ...activeOf(bed))
      requests.push(head.split(' ')[1]!)
      return head.startsWith('GET /first ') ? ok('first') : ''
    })
    await bed.apply([a.row({ maxConnections: 1 })])
    const [client, other] = [await bed.client(), await bed.client()]
    client.send(get('/first'))
    await client.takeMessage()
    client.send(get('/second'))
    await until('it is there', () => requests.length === 2)
    other.send(get('/other'))
    await until('the other waits', () => heldOf(bed) === 1)
    a.peers[0]!.socket.end()
    await until('it is there again', () => requests.length === 3)
    assert.deepEqual([activeOf(bed), heldOf(bed)], [[1], 1])
    assert.deepEqual(requests, ['/first', '/second', '/second'])
    a.peers[1]!.send(ok('second'))
    assert.equal((await client.takeMessage()).body, 'second')
    await until('the other is there', () => requests.length === 4)
    a.peers.at(-1)!.send(ok('other'))
    assert.equal((await other.takeMessage()).body, 'other')
    assert.equal(mostActive, 1)
    assert.deepEqual([activeOf(bed), bed.report.servers.a!.requests], [[0], 4])
  })

  test('until it has one on another, if its server answers with an error', async () => {
    await using stack = new AsyncDisposableStack()
    const seen = { a: 0, b: 0 }
    const open = (id: 'a' | 'b') =>
      answering(id, (head) => {
        if (head.startsWith('GET /which ')) return ok(id)
        seen[id] += 1
        return ''
      })
    const [a, b] = [stack.use(await open('a')), stack.use(await open('b'))]
    const bed = stack.use(new EdgeBed())
    const sticky = { cookie: 'sid', path: '/', sameSite: 'Lax', waitMs: 60_000 } as const
    const rows = [a.row({ maxConnections: 1 }), b.row({ maxConnections: 1 })]
    await bed.apply(rows, { pool: { sticky } })
    const cookieOf = async (id: string): Promise<string> => {
      for (;;) {
        const { head, body } = await bed.ask(get('/which'))
        if (body === id) return /^Set-Cookie: (sid=[^;]+);/im.exec(head)![1]!
      }
    }
    const toA = get('/', `Cookie: ${await cookieOf('a')}\r\n`)
    const client = await bed.client()
    client.send(toA)
    await until('it is there', () => seen.a === 1)
    // So many wait for the first server alone that whoever could go to the second waits, too.
    for (let count = 1; count <= 33; count += 1) {
      ;(await bed.client()).send(toA)
      await until('it waits', () => heldOf(bed) === count)
    }
    ;(await bed.client()).send(get())
    await until('the last waits', () => heldOf(bed) === 34)
    assert.deepEqual(activeOf(bed), [1, 0])
    a.peers.at(-1)!.send('HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n')
    await until('it is with the other', () => seen.b > 0)
    await until('the next is there', () => seen.a === 2)
    assert.deepEqual([activeOf(bed), heldOf(bed), seen.b], [[1, 1], 33, 1])
    b.peers.at(-1)!.send(ok('b'))
    assert.equal((await client.takeMessage()).body, 'b')
  })
})
