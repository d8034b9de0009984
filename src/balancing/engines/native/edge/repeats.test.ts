// A server fails with more in flight than the budget for repeats bears: nobody is given up for it.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  answering,
  EdgeBed,
  get,
  Origin,
  ok,
  type Peer,
  until,
} from '../../../../../test/support/edge-bed.ts'
import { ms } from '../../../../foundation/time.ts'

suite('more requests than may be repeated at once', () => {
  const many = 120

  /** Two servers; the first takes requests and says nothing. Resolves when it has `many`. */
  async function loaded(bed: EdgeBed): Promise<{ a: Origin; b: Origin; clients: Peer[] }> {
    const a = await Origin.open('a', () => undefined)
    const b = await answering('b', () => ok('b'))
    await bed.apply([a.row(), b.row({ state: 'down' })], { pool: { hold } })
    const clients = await Promise.all(Array.from({ length: many }, () => bed.client()))
    for (const client of clients) client.send(get())
    await until('all to be with a', () => bed.report.servers.a?.active === many)
    await bed.apply([a.row(), b.row()], { pool: { hold } })
    return { a, b, clients }
  }
  const hold = { wait: ms(15_000), requests: 1000, bytes: 1_000_000 }
  const allAnswered = async (clients: readonly Peer[]): Promise<void> => {
    for (const client of clients) assert.equal((await client.takeMessage()).body, 'b')
  }

  test('are lost with a server that is killed, and none of them fails', async () => {
    await using bed = new EdgeBed()
    const { a, b, clients } = await loaded(bed)
    await using _b = b
    await a[Symbol.asyncDispose]()
    await allAnswered(clients)
    assert.equal(bed.report.frontends.public?.held, 0)
  })

  test('hang on a server that is called down: all of them leave it', async () => {
    await using bed = new EdgeBed()
    const { a, b, clients } = await loaded(bed)
    await using _a = a
    await using _b = b
    await bed.apply([a.row({ state: 'down' }), b.row()], { pool: { hold } })
    await allAnswered(clients)
    assert.equal(bed.report.servers.a?.active, 0)
  })

  test('are forgotten when their clients leave while they wait', async () => {
    await using bed = new EdgeBed()
    const { a, b, clients } = await loaded(bed)
    await using _b = b
    await a[Symbol.asyncDispose]()
    await until('some to wait', () => (bed.report.frontends.public?.held ?? 0) > 0)
    for (const client of clients) client.socket.resetAndDestroy()
    await until('nobody to wait', () => bed.report.frontends.public?.held === 0)
    await until('nothing to be in flight', () => bed.report.servers.b?.active === 0)
  })
})
