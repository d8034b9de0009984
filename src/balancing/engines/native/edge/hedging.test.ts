// A first byte that is late: another server is asked too, and whoever answers first is heard.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  answering,
  EdgeBed,
  get,
  type Origin,
  ok,
  type Peer,
  post,
  type TableWish,
  tableOf,
  until,
} from '../../../../../test/support/edge-bed.ts'
import { ms } from '../../../../foundation/time.ts'
import type { HedgeRule, TableServer } from '../../../model.ts'

const rule: HedgeRule = { after: ms(60), share: 1, unsafe: false }
const hedge = (differs: Partial<HedgeRule> = {}) => ({ pool: { hedge: { ...rule, ...differs } } })

/** A server that reads requests and leaves the rest to the test. */
const mute = (id: string) => answering(id, () => '')

const hedgedOf = (bed: EdgeBed): number => bed.report.frontends.public?.hedged ?? -1

/** Puts one request on `slow`, which alone is up at first, and then brings the others up. */
async function lateOn(
  bed: EdgeBed,
  slow: Origin & { readonly seen: string[] },
  others: readonly Origin[],
  request = get(),
  wish: TableWish = hedge(),
): Promise<Peer> {
  await bed.apply([slow.row(), ...others.map((each) => each.row({ state: 'down' }))], wish)
  const client = await bed.client()
  client.send(request)
  await until('the request', () => slow.seen.length === 1)
  await bed.apply([slow.row(), ...others.map((each) => each.row())], wish)
  return client
}

/** A request that waits on two servers, both of which leave the rest to the test. */
async function twice() {
  await using stack = new AsyncDisposableStack()
  const slow = stack.use(await mute('slow'))
  const other = stack.use(await mute('other'))
  const bed = stack.use(new EdgeBed())
  const client = await lateOn(bed, slow, [other])
  await until('the second try', () => other.seen.length === 1)
  const all = stack.move()
  return { slow, other, bed, client, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

suite('a request whose first byte is late', () => {
  test('is answered by another server, and the late one is left', async () => {
    await using slow = await mute('slow')
    await using good = await answering('good', () => ok('good'))
    await using bed = new EdgeBed()
    const client = await lateOn(bed, slow, [good])
    assert.equal((await client.takeMessage()).body, 'good')
    await slow.peers[0]?.takeEnd()
    assert.equal(hedgedOf(bed), 1)
    const { servers } = bed.report
    assert.deepEqual([servers.slow?.late, servers.slow?.active, servers.good?.active], [1, 0, 0])
    client.send(get('/next'))
    assert.match((await client.takeMessage()).head, /^HTTP\/1.1 200/)
  })

  test('is answered by the first server, if that is sooner, and the other is left', async () => {
    await using scene = await twice()
    const { slow, other, bed, client } = scene
    slow.peers[0]?.send(ok('first'))
    assert.equal((await client.takeMessage()).body, 'first')
    await other.peers[0]?.takeEnd()
    const { servers } = bed.report
    assert.deepEqual([servers.slow?.late, servers.other?.active], [0, 0])
  })

  test('is answered once, whatever both servers say at the same moment', async () => {
    await using scene = await twice()
    const { slow, other, client } = scene
    slow.peers[0]?.send(ok('same'))
    other.peers[0]?.send(ok('same'))
    assert.equal((await client.takeMessage()).body, 'same')
    client.send(get('/next'))
    await until('the next request', () => slow.seen.length + other.seen.length === 3)
    assert.equal(client.received, '')
  })

  test('carries its body along, where the file says that what is idempotent may', async () => {
    await using slow = await mute('slow')
    await using good = await answering('good', (_, body) => ok(`got ${body}`))
    await using bed = new EdgeBed()
    const put = post('x'.repeat(9), '/', '', 'PUT')
    const client = await lateOn(bed, slow, [good], put, hedge({ unsafe: true }))
    assert.equal((await client.takeMessage()).body, 'got xxxxxxxxx')
  })

  test('goes on with the second try when the first fails, and the other way round', async () => {
    for (const fails of ['slow', 'other']) {
      await using scene = await twice()
      const { slow, other, bed, client } = scene
      const [bad, good] = fails === 'slow' ? [slow, other] : [other, slow]
      bad.peers[0]?.socket.resetAndDestroy()
      await until('the failure', () => bed.report.servers[bad.id]?.active === 0)
      good.peers[0]?.send(ok('good'))
      assert.equal((await client.takeMessage()).body, 'good')
      assert.equal(bed.report.servers[bad.id]?.reset, 1)
    }
  })

  test('does not take an error from one server while the other may do better', async () => {
    for (const fails of ['slow', 'other']) {
      await using scene = await twice()
      const { slow, other, bed, client } = scene
      const [bad, good] = fails === 'slow' ? [slow, other] : [other, slow]
      bad.peers[0]?.send('HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n')
      await until('the failure', () => bed.report.servers[bad.id]?.errors === 1)
      good.peers[0]?.send(ok('good'))
      assert.equal((await client.takeMessage()).body, 'good')
    }
  })

  test('is forgotten on both servers when its client leaves', async () => {
    await using scene = await twice()
    const { slow, other, bed, client } = scene
    client.socket.resetAndDestroy()
    await slow.peers[0]?.takeEnd()
    await other.peers[0]?.takeEnd()
    const { servers } = bed.report
    assert.deepEqual([servers.slow?.active, servers.other?.active], [0, 0])
  })

  test('leaves a server that is called down for the one that has it too', async () => {
    await using scene = await twice()
    const { slow, other, bed, client } = scene
    await bed.apply([slow.row({ state: 'down' }), other.row()], hedge())
    other.peers[0]?.send(ok('good'))
    assert.equal((await client.takeMessage()).body, 'good')
    assert.deepEqual([slow.seen.length, other.seen.length], [1, 1])
  })

  test('is heard whole from the second server, however its answer comes', async () => {
    await using scene = await twice()
    const { slow, other, client } = scene
    const peer = other.peers[0]!
    peer.send('HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 20')
    peer.send('0 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
    assert.doesNotMatch(await client.take('abc\r\n'), /103/)
    peer.send('2\r\nde\r\n0\r\n\r\n')
    await client.take('2\r\nde\r\n0\r\n\r\n')
    client.send(get('/next'))
    await until('the next request', () => other.seen.length + slow.seen.length === 3)
  })
})

suite('a request that is not tried twice', () => {
  const upgrade = get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')
  const cases = [
    ...['POST', 'PATCH', 'PUT', 'DELETE'].map((method) => ({
      ...{ name: `changes something (${method})`, request: post('x', '/', '', method) },
      ...{ alone: false, rule },
    })),
    { name: 'switches protocols', request: upgrade, alone: false, rule },
    { name: 'has no other server', request: get(), alone: true, rule },
    { name: 'is of a service that hedges nothing', request: get(), alone: false, rule: undefined },
  ]
  for (const { name, request, alone, rule: ruleOfIt } of cases) {
    test(`waits for its server: it ${name}`, async () => {
      await using slow = await mute('slow')
      await using good = await answering('good', () => ok('good'))
      await using witness = await mute('witness')
      await using bed = new EdgeBed()
      const wish = withWitness([witness.row({ weight: 100 }), good.row()], ruleOfIt)
      const client = await lateOn(bed, slow, alone ? [] : [good], request, wish)
      // Was sent later than the request, and is tried twice: the request's deadline has passed.
      assert.equal((await bed.ask(get('/witness'))).body, 'good')
      assert.deepEqual([good.seen.length, hedgedOf(bed)], [1, 1])
      slow.peers[0]?.send(ok('at last'))
      assert.equal((await client.takeMessage()).body, 'at last')
    })
  }

  const withWitness = (servers: readonly TableServer[], ofIt: HedgeRule | undefined): TableWish => {
    const any = { host: undefined, policy: 'roundrobin' as const }
    const routes = [
      { ...any, path: '/witness', pool: 'witness' },
      { ...any, path: undefined, pool: 'web' },
    ]
    const [pool] = tableOf(1, servers, hedge()).pools
    return {
      ...{ frontend: { routes }, pool: { hedge: ofIt } },
      more: [{ ...pool!, name: 'witness', servers }],
    }
  }
})

suite('a server that is late again and again', () => {
  test('is passed over, tried now and then, and the agent hears of it', async () => {
    await using slow = await mute('slow')
    await using good = await answering('good', () => ok('good'))
    await using bed = new EdgeBed()
    await bed.apply([slow.row(), good.row()], hedge())
    for (let i = 0; i < 12; i += 1) assert.equal((await bed.ask(get())).body, 'good')
    assert.equal(slow.seen.length, 5)
    assert.match(bed.report.servers.slow?.ejected?.why ?? '', /late 5 times in a row/)
    assert.ok(bed.told.some((m) => m.kind === 'signal' && m.signal.kind === 'late'))
  })

  test('is not blamed for a slow moment of all, in which nothing is sent twice', async () => {
    await using a = await mute('a')
    await using b = await mute('b')
    await using bed = new EdgeBed()
    await bed.apply([a.row(), b.row()], hedge())
    const clients = await Promise.all(Array.from({ length: 60 }, () => bed.client()))
    for (const client of clients) client.send(get())
    await until('hedges', () => hedgedOf(bed) > 0)
    // A deadline later nothing more is tried twice: a witness of another service is.
    await until('no more of them', () => a.seen.length + b.seen.length === 60 + hedgedOf(bed))
    const doubled = hedgedOf(bed)
    // Each server is found slow after seven late answers; only before that anything is doubled.
    assert.ok(doubled <= 2 * 7, `${doubled} sent twice`)
    assert.deepEqual(
      Object.values(bed.report.servers).map(({ ejected }) => ejected),
      [undefined, undefined],
    )
  })
})
