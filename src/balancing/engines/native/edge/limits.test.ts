// Limits of what one client may ask, seen from outside and between two edges.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, ok, until } from '../../../../../test/support/edge-bed.ts'
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
