// What an edge promises to sessions whose server may be replaced: cut in time, held, and released.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { EdgeBed, Origin, type TableWish, until } from '../../../../../test/support/edge-bed.ts'
import { ms } from '../../../../foundation/time.ts'

const wish = (epoch: number, grace = 60_000): TableWish => ({
  frontend: { mode: 'tcp' },
  pool: { cut: { grace: ms(grace) }, epoch },
})

const greeting = (id: string): Promise<Origin> => Origin.open(id, (peer) => peer.send(`${id}.`))

suite('a pool that cuts', () => {
  test('breaks what is on a server that is called down; who comes then is held', async () => {
    await using a = await greeting('a')
    await using b = await greeting('b')
    await using bed = new EdgeBed()
    await bed.apply([a.row(), b.row({ state: 'down' })], wish(1))
    const client = await bed.client()
    await client.take('a.')
    await bed.apply([a.row({ state: 'down' }), b.row({ state: 'down' })], wish(1))
    await until('it is broken', () => client.closed)
    const next = await bed.client()
    await until('it is held', () => bed.report.frontends.public?.held === 1)
    await bed.apply([a.row({ state: 'down' }), b.row()], wish(2))
    assert.equal(await next.take('b.'), 'b.')
  })

  test('breaks what is on a server that leaves the table', async () => {
    await using a = await greeting('a')
    await using bed = new EdgeBed()
    await bed.apply([a.row()], wish(1))
    const client = await bed.client()
    await client.take('a.')
    await bed.apply([], wish(1))
    await until('it is broken', () => client.closed)
    await until('nothing is left', () => bed.report.servers.a === undefined)
  })

  test('lets what is on a server that drains go on, and breaks it after the grace', async () => {
    await using a = await greeting('a')
    await using bed = new EdgeBed()
    await bed.apply([a.row()], wish(1))
    const client = await bed.client()
    await client.take('a.')
    await bed.apply([a.row({ state: 'draining' })], wish(1))
    a.peers[0]!.send('more')
    await client.take('more')
    await bed.apply([a.row({ state: 'draining' })], wish(1, 100))
    await until('it is broken', () => client.closed)
  })

  test('never goes back to an earlier epoch', async () => {
    await using a = await greeting('a')
    await using b = await greeting('b')
    await using bed = new EdgeBed()
    await bed.apply([a.row({ state: 'down' }), b.row()], wish(2))
    const client = await bed.client()
    await client.take('b.')
    await bed.apply([a.row(), b.row({ state: 'down' })], wish(1))
    assert.equal(await (await bed.client()).take('b.'), 'b.')
    assert.equal(client.closed, false)
  })

  test('lets go all who waited at once', async () => {
    await using a = await greeting('a')
    await using bed = new EdgeBed()
    await bed.apply([a.row({ state: 'down' })], wish(1))
    const clients = await Promise.all(Array.from({ length: 80 }, () => bed.client()))
    await until('all are held', () => bed.report.frontends.public?.held === 80)
    await bed.apply([a.row()], wish(1))
    assert.equal(bed.report.frontends.public?.held, 0)
    for (const client of clients) await client.take('a.')
  })
})

test('without a word of cutting, what is on a server that is called down goes on', async () => {
  await using a = await greeting('a')
  await using bed = new EdgeBed()
  await bed.apply([a.row()], { frontend: { mode: 'tcp' } })
  const client = await bed.client()
  await client.take('a.')
  await bed.apply([a.row({ state: 'down' })], { frontend: { mode: 'tcp' } })
  a.peers[0]!.send('still here')
  assert.equal(await client.take('still here'), 'still here')
})
