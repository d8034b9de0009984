// Limits of what one client may ask, seen from outside and between two edges.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, ok, until } from '../../../../../test/support/edge-bed.ts'
import { stage } from '../../../../../test/support/edge-stage.ts'
import { ms } from '../../../../foundation/time.ts'
import type { Limit } from '../../../limits/model.ts'

const limit: Limit = { id: 'public/0', by: 'source', perSecond: 1 / 60, burst: 3 }

const statuses = async (bed: EdgeBed, count: number, lines = ''): Promise<readonly string[]> => {
  const seen: string[] = []
  for (let i = 0; i < count; i += 1) seen.push((await bed.ask(get('/', lines))).head.slice(9, 12))
  return seen
}

suite('a limit', () => {
  test('answers 429 with the time to wait, and remembers through another table', async () => {
    await using web = await answering('web-1', () => ok('web'))
    await using bed = new EdgeBed()
    const frontend = { limits: [limit] }
    await bed.apply([web.row()], { frontend })
    assert.deepEqual(await statuses(bed, 4), ['200', '200', '200', '429'])
    await bed.apply([web.row()], { frontend })
    const { head } = await bed.ask(get('/'))
    assert.match(head, /^HTTP\/1\.1 429 Too Many Requests\r\n/)
    assert.match(head, /\r\nRetry-After: (60|59)\r\n/)
    assert.equal(web.seen.length, 3)
  })

  test('counts clients apart, by header or by what a trusted proxy says', async () => {
    await using web = await answering('web-1', () => ok('web'))
    await using bed = new EdgeBed()
    const header: Limit = { ...limit, by: 'header', name: 'x-key' }
    await bed.apply([web.row()], { frontend: { limits: [header] } })
    assert.deepEqual(await statuses(bed, 4, 'X-Key: a\r\n'), ['200', '200', '200', '429'])
    assert.deepEqual(await statuses(bed, 1, 'X-Key: b\r\n'), ['200'])
    assert.deepEqual(await statuses(bed, 4), ['200', '200', '200', '200'])
    const trusting: Limit = { ...limit, id: 'public/1', trust: ['127.0.0.0/8'] }
    await bed.apply([web.row()], { frontend: { limits: [trusting] } })
    const from = (client: string): string => `X-Forwarded-For: ${client}\r\n`
    assert.deepEqual(await statuses(bed, 4, from('1.1.1.1')), ['200', '200', '200', '429'])
    assert.deepEqual(await statuses(bed, 1, from('2.2.2.2')), ['200'])
  })

  test('counts what a client has spent at another edge', async () => {
    await using web = await answering('web-1', () => ok('web'))
    await using here = new EdgeBed()
    await using there = new EdgeBed()
    for (const bed of [here, there]) await bed.apply([web.row()], { frontend: { limits: [limit] } })
    assert.deepEqual(await statuses(there, 3), ['200', '200', '200'])
    const told = () => there.told.filter((message) => message.kind === 'spent')
    await until('it tells what was spent', () => told().length > 0)
    const spent = told().flatMap((message) => message.spent)
    const sum = spent.reduce((all, [, , count]) => all + count, 0)
    assert.ok(sum >= 2 && spent.every(([id, key]) => id === 'public/0' && key === '127.0.0.1'))
    here.edge.owe([['public/0', '127.0.0.1', 3]])
    assert.deepEqual(await statuses(here, 1), ['429'])
  })
})

suite('a limit of what is in flight', () => {
  const one = {
    concurrency: [{ by: 'source', concurrent: 1 }],
    halfClosedTimeout: ms(0),
  } as const
  const inFlight = (bed: EdgeBed): number => bed.report.servers.a!.active
  const isFree = async (on: Awaited<ReturnType<typeof stage>>): Promise<void> => {
    const client = await on.bed.client()
    client.send(get('/free'))
    await until('it to be let in', () => inFlight(on.bed) === 1 || client.received !== '')
    assert.equal(client.received, '')
    client.close()
    await until('it to be gone', () => inFlight(on.bed) === 0)
  }

  test('answers 429 to one request more, until one has been answered', async () => {
    await using on = await stage(undefined, one)
    const client = await on.bed.client()
    client.send(get('/first'))
    const upstream = await on.upstream()
    await upstream.takeMessage()
    const { head } = await on.bed.ask(get('/second'))
    assert.match(head, /^HTTP\/1\.1 429 Too Many Requests\r\n/)
    assert.match(head, /\r\nRetry-After: 1\r\n/)
    upstream.send(ok('first'))
    assert.equal((await client.takeMessage()).body, 'first')
    await isFree(on)
  })

  test('forgets who has gone, and who was told of a fault', async () => {
    await using on = await stage(undefined, one)
    const gone = await on.bed.client()
    gone.send(get('/gone'))
    await (await on.upstream()).takeMessage()
    gone.close()
    await until('it to be gone', () => inFlight(on.bed) === 0)
    const bad = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'
    assert.match((await on.bed.ask(bad)).head, /^HTTP\/1\.1 400 /)
    await until('it to be gone', () => inFlight(on.bed) === 0)
    await isFree(on)
  })

  test('counts a tunnel until it is over', async () => {
    await using on = await stage(undefined, one)
    const client = await on.bed.client()
    client.send(get('/', 'Connection: Upgrade\r\nUpgrade: echo\r\n'))
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\n')
    upstream.send('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    await client.take('\r\n\r\n')
    assert.match((await on.bed.ask(get('/second'))).head, /^HTTP\/1\.1 429 /)
    client.close()
    upstream.close()
    await until('it to be gone', () => inFlight(on.bed) === 0)
    await isFree(on)
  })

  test('takes no place of one limit for a request that another refuses', async () => {
    const inFlightOf = (by: 'source' | 'header', concurrent: number) =>
      ({ by, concurrent, ...(by === 'header' ? { name: 'x-key' } : {}) }) as const
    await using on = await stage(undefined, {
      concurrency: [inFlightOf('source', 2), inFlightOf('header', 1)],
    })
    const first = await on.bed.client()
    first.send(get('/', 'X-Key: a\r\n'))
    await (await on.upstream()).takeMessage()
    for (let i = 0; i < 3; i += 1) {
      assert.match((await on.bed.ask(get('/', 'X-Key: a\r\n'))).head, /^HTTP\/1\.1 429 /)
    }
    const second = await on.bed.client()
    second.send(get('/', 'X-Key: b\r\n'))
    await (await on.upstream(1)).takeMessage()
    assert.match((await on.bed.ask(get('/'))).head, /^HTTP\/1\.1 429 /)
  })
})
