// An ejected server is tried again, whatever became of its last trial, and never beyond its limit.

import assert from 'node:assert/strict'
import { constants } from 'node:http2'
import { suite, test } from 'node:test'
import {
  answering,
  EdgeBed,
  get,
  ok,
  type TableWish,
  until,
} from '../../../../../test/support/edge-bed.ts'
import { H2Origin } from '../../../../../test/support/h2-origin.ts'
import { SkippingClock } from '../../../../../test/support/skipping-clock.ts'
import { ms } from '../../../../foundation/time.ts'
import type { TableServer } from '../../../model.ts'
import { RawTransport } from '../transport/raw.ts'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'

const error = 'HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n'

/** Has no file left for a connection to one port. */
class LackingTransport extends RawTransport {
  lacksFor = 0
  tries = 0

  override connect(address: string, port: number, owner: ConnectionOwner): Connection {
    if (port !== this.lacksFor) return super.connect(address, port, owner)
    this.tries += 1
    const failed = (): void => owner.failed('EMFILE')
    // Nobody listens there.
    return super.connect(address, 1, { ...owner, failed })
  }
}

/** An edge that has ejected every server whose id begins with `bad`, and whose time is over. */
async function ejecting(
  rows: readonly TableServer[],
  wish: TableWish = {},
  first: (bed: EdgeBed) => Promise<void> = async () => undefined,
) {
  const clock = new SkippingClock()
  let transport: LackingTransport | undefined
  const open = (faulted: (thrown: unknown) => void) => {
    transport = new LackingTransport(faulted)
    return transport
  }
  const bed = new EdgeBed(open, { clock })
  await first(bed)
  await bed.apply(rows, wish)
  const isOut = ([id, { ejected }]: [string, { ejected: unknown }]): boolean =>
    !id.startsWith('bad') || ejected !== undefined
  while (!Object.entries(bed.report.servers).every(isOut)) await bed.ask(get())
  clock.skip(ms(3000))
  const readmits = (): boolean =>
    bed.told.some((message) => message.kind === 'event' && message.rule === 'readmit')
  return {
    bed,
    transport: transport as LackingTransport,
    /** Asks until `holds`. */
    asking: async (what: string, holds: () => boolean): Promise<void> => {
      const client = await bed.client()
      await until(what, () => {
        client.send(get())
        return holds()
      })
    },
    readmits,
    [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose](),
  }
}

suite('a trial that says nothing of the server', () => {
  test('leaves it to the next one: the server declined', async () => {
    let status: 500 | 'refused' | 200 = 500
    let refused = 0
    await using bad = await H2Origin.open('bad', (stream) => {
      if (status === 'refused') {
        refused += 1
        return stream.close(constants.NGHTTP2_REFUSED_STREAM)
      }
      stream.respond({ ':status': status })
      stream.end()
    })
    await using good = await H2Origin.open('good', (stream) => {
      stream.respond({ ':status': 200 })
      stream.end('good')
    })
    await using world = await ejecting([bad.row(), good.row()], { pool: { protocol: 'http2' } })
    status = 'refused'
    await world.asking('a trial', () => refused > 0)
    status = 200
    await world.asking('it is taken back', world.readmits)
  })

  test('leaves it to the next one: we had no file for it', async () => {
    let isWell = false
    await using bad = await answering('bad', () =>
      isWell ? ok('bad') : error.replace('\r\n', '\r\nConnection: close\r\n'),
    )
    await using good = await answering('good', () => ok('good'))
    await using world = await ejecting([bad.row(), good.row()])
    world.transport.lacksFor = bad.port
    isWell = true
    await world.asking('a trial', () => world.transport.tries > 0)
    world.transport.lacksFor = 0
    await world.asking('it is taken back', world.readmits)
  })

  test('blames nobody where connections are passed on: we had no file', async () => {
    await using good = await answering('good', () => ok('good'))
    let transport: LackingTransport | undefined
    await using bed = new EdgeBed((faulted) => {
      transport = new LackingTransport(faulted)
      return transport
    })
    await bed.apply([good.row()], { frontend: { mode: 'tcp' } })
    const lacking = transport as LackingTransport
    lacking.lacksFor = good.port
    const [first, second] = [await bed.client(), await bed.client()]
    await until('both are turned away', () => first.closed && second.closed)
    assert.equal(lacking.tries, 2)
    lacking.lacksFor = 0
    const third = await bed.client()
    third.send(get())
    assert.equal((await third.takeMessage()).body, 'good')
    assert.equal(bed.report.servers.good?.refused, 0)
    const rules = bed.told.flatMap((one) => (one.kind === 'event' ? [one.rule] : []))
    assert.deepEqual(rules, ['edge-lacks'])
  })

  test('leaves it to the next one: a kept connection was closed, and a hedge runs', async () => {
    let says = error
    await using bad = await answering('bad', () => says)
    let isTried = (): boolean => false
    await using good = await answering('good', () => (isTried() ? '' : ok('good')))
    const hedge = { after: ms(60), share: 1, unsafe: false }
    // Each error costs it a connection; one more than that is kept.
    await using world = await ejecting(
      [bad.row(), good.row()],
      { pool: { hedge } },
      async (bed) => {
        says = ''
        await bed.apply([bad.row()])
        const clients = await Promise.all(Array.from({ length: 4 }, () => bed.client()))
        for (const client of clients) client.send(get())
        await until('all to be there', () => bad.seen.length === 4)
        for (const peer of bad.peers) peer.send(ok('bad'))
        for (const client of clients) await client.takeMessage()
        says = error
      },
    )
    const [failed, hedged] = [bad.seen.length, world.bed.report.frontends.public!.hedged]
    says = ''
    isTried = () => bad.seen.length > failed
    await world.asking('a trial', isTried)
    const answered = good.seen.length
    await until('a hedge', () => good.seen.length > answered)
    assert.equal(world.bed.report.frontends.public!.hedged, hedged + 1)
    assert.equal(bad.peers.length, 4, 'over the connection that was kept')
    for (const { socket } of bad.peers) socket.end()
    await until('bad is left', () => world.bed.report.servers.bad!.active === 0)
    says = ok('bad')
    isTried = () => false
    good.peers.at(-1)!.send(ok('good'))
    await world.asking('it is taken back', world.readmits)
  })
})

suite('a limit of connections', () => {
  test('holds for trials, too', async () => {
    const answer = (head: string): string => (head.startsWith('GET /hold') ? '' : error)
    await using full = await answering('bad-1', answer)
    let isWell = false
    await using free = await answering('bad-2', () => (isWell ? ok('well') : error))
    await using good = await answering('good', () => ok('good'))
    const rows = (maxConnections: number) => [full.row({ maxConnections }), free.row(), good.row()]
    await using world = await ejecting(rows(2), {}, async (bed) => {
      // Alone at first, so that it comes there.
      await bed.apply([full.row({ maxConnections: 2 })])
      ;(await bed.client()).send(get('/hold'))
      await until('it holds a place', () => full.seen.length === 1)
    })
    await world.bed.apply(rows(1))
    isWell = true
    const seen = full.seen.length
    await world.asking('the other is taken back', world.readmits)
    assert.equal(full.seen.length, seen)
    assert.equal(world.bed.report.servers['bad-1']!.active, 1)
  })
})
