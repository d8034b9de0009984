// Who is too slow: by the clock hand of the edge, moved by the test.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { EdgeBed, get, Origin, ok, until } from '../../../../../test/support/edge-bed.ts'
import { stage } from '../../../../../test/support/edge-stage.ts'
import { answerOf, H2Client } from '../../../../../test/support/h2-client.ts'
import { ms } from '../../../../foundation/time.ts'
import type { PaceRule } from '../../../model.ts'
import { Deadlines, stepLength } from '../edge/deadlines.ts'
import { type Paced, paceOf } from './pace.ts'

/** A client that is in the middle of a body, and whatever else a test makes of it. */
function clientOf(rule: PaceRule) {
  const deadlines = new Deadlines()
  const client = {
    ...{ ends: 0, isBusy: true, isReading: false, requestDone: false },
    connection: { pending: 0 },
    intake: { isStopped: false },
    exchange: {
      timeline: { bytesIn: 0, bytesOut: 0 },
      upstream: { isOpen: true, connection: { pending: 0 } },
    },
    shared: { deadlines },
    door: { row: { pace: rule } },
    tooSlow(): void {
      client.ends += 1
    },
  }
  const pace = paceOf(client satisfies Paced, undefined)!
  pace.mind()
  /** Lets time go by until the client is ended, at most `most`; how long that was. */
  const live = (most: number, eachStep = (): void => undefined): number => {
    const from = deadlines.now
    while (client.ends === 0 && deadlines.now - from < most) {
      eachStep()
      deadlines.step(stepLength)
    }
    return deadlines.now - from
  }
  return { client, pace, live }
}

const slack = 500

suite('the pace of a client', () => {
  test('ends a request that has not come whole in time, however many bytes come', () => {
    const { client, live } = clientOf({ request: ms(5000) })
    const lived = live(60_000, () => {
      client.exchange.timeline.bytesIn += 100_000
    })
    assert.equal(client.ends, 1)
    assert.ok(lived >= 5000 && lived <= 5000 + slack, `${lived}`)
  })

  test('counts the head as well, without a server', () => {
    const { client, live } = clientOf({ request: ms(5000) })
    Object.assign(client, { isBusy: false, isReading: true, requestDone: true })
    Object.assign(client.exchange, { upstream: undefined })
    assert.ok(live(60_000) >= 5000)
    assert.equal(client.ends, 1)
  })

  test('gives each request its own time', () => {
    const { client, pace, live } = clientOf({ request: ms(5000) })
    for (let i = 0; i < 5; i += 1) {
      live(4000)
      client.requestDone = true
      live(1000)
      client.requestDone = false
      pace.begin({ request: ms(5000) })
      pace.mind()
    }
    assert.equal(client.ends, 0)
    live(60_000)
    assert.equal(client.ends, 1)
  })

  const waits: Record<string, (client: ReturnType<typeof clientOf>['client']) => void> = {
    'we do not read': (client) => Object.assign(client.intake, { isStopped: true }),
    'the server does not': ({ exchange }) =>
      Object.assign(exchange.upstream.connection, { pending: 1 }),
    'no server is there': ({ exchange }) => Object.assign(exchange, { upstream: undefined }),
    'the server is being connected to': ({ exchange }) =>
      Object.assign(exchange.upstream, { isOpen: false }),
  }
  for (const [name, wait] of Object.entries(waits)) {
    test(`counts no time in which ${name}`, () => {
      const slow = { below: 1024, for: ms(2000) }
      const { client, live } = clientOf({ request: ms(5000), slow })
      wait(client)
      live(100_000)
      assert.equal(client.ends, 0)
    })
  }

  test('ends a body that comes too slowly, and none that comes as fast as asked', () => {
    for (const [bytesPerStep, isEnded] of [
      [0, true],
      [50, true],
      [52, false],
      [5000, false],
    ] as const) {
      const { client, live } = clientOf({ slow: { below: 1024, for: ms(30_000) } })
      const lived = live(200_000, () => {
        client.exchange.timeline.bytesIn += bytesPerStep
      })
      assert.equal(client.ends === 1, isEnded, `${bytesPerStep}`)
      if (isEnded) assert.ok(lived >= 30_000 && lived <= 30_000 + slack, `${lived}`)
    }
  })

  test('finds within twice the time who came fast and then falls silent', () => {
    const { client, live } = clientOf({ slow: { below: 1024, for: ms(30_000) } })
    client.exchange.timeline.bytesIn += 1_000_000
    assert.ok(live(200_000) <= 60_000 + slack)
    assert.equal(client.ends, 1)
  })

  test('ends a reader that takes too little, and none that has nothing to read', () => {
    const { client, pace, live } = clientOf({ slow: { below: 1024, for: ms(30_000) } })
    client.requestDone = true
    live(100_000)
    assert.equal(client.ends, 0)
    client.connection.pending = 1
    pace.mind()
    const lived = live(100_000, () => {
      client.exchange.timeline.bytesOut += 10
    })
    assert.equal(client.ends, 1)
    assert.ok(lived >= 30_000 && lived <= 30_000 + slack, `${lived}`)
  })

  test('is none where the frontend asks for none', () => {
    const { client, pace } = clientOf({ request: ms(5000) })
    Object.assign(client.door.row, { pace: undefined })
    assert.equal(paceOf(client, undefined), undefined)
    assert.equal(paceOf(client, pace), undefined)
    client.shared.deadlines.step(stepLength)
    assert.equal(client.ends, 0)
  })
})

const head = (length: number): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`

/** Sends a body byte by byte until the edge has had enough. */
async function trickle(on: { readonly bed: EdgeBed }) {
  const client = await on.bed.client()
  client.send(`${head(1_000_000)}x`)
  const timer = setInterval(() => client.send('x'), 10)
  try {
    const answer = await client.takeMessage()
    await client.takeEnd()
    return answer.head
  } finally {
    clearInterval(timer)
  }
}

suite('an edge with a pace', () => {
  for (const [name, pace] of [
    ['a request', { request: ms(300) }],
    ['a body', { slow: { below: 100_000, for: ms(300) } }],
  ] as const) {
    test(`answers 408 when ${name} is too slow, and tells the server`, async () => {
      await using on = await stage(undefined, { pace })
      assert.match(await trickle(on), /^HTTP\/1.1 408 .*\r\nConnection: close\r\n/is)
      await (await on.upstream()).takeEnd()
      await until('it to be gone', () => on.bed.report.frontends.public?.connections === 0)
    })
  }

  test('closes when the answer has begun before the body is whole', async () => {
    await using on = await stage(undefined, { pace: { request: ms(300) } })
    const client = await on.bed.client()
    client.send(`${head(100)}x`)
    const upstream = await on.upstream()
    await upstream.take('\r\n\r\nx')
    upstream.send('HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 9\r\n\r\nhalf')
    await client.take('half')
    assert.equal(await client.takeEnd(), '')
  })

  test('bears with a body that its server does not read', async () => {
    const body = 'x'.repeat(8_000_000)
    const pace = { request: ms(300), slow: { below: 100_000, for: ms(300) } }
    await using on = await stage((peer) => peer.socket.pause(), { pace })
    const client = await on.bed.client()
    client.send(head(body.length) + body)
    const upstream = await on.upstream()
    // Another's time goes by twice meanwhile.
    for (let i = 0; i < 2; i += 1) {
      const other = await on.bed.client()
      other.send('GET / HTT')
      assert.match((await other.takeMessage()).head, /^HTTP\/1.1 408 /)
    }
    upstream.socket.resume()
    await upstream.takeMessage()
    upstream.send(ok('all of it'))
    assert.equal((await client.takeMessage()).body, 'all of it')
  })

  test('closes on a reader that takes nothing, and on nobody who reads', async () => {
    const body = 'x'.repeat(8_000_000)
    await using origin = await Origin.open('a', async (peer) => {
      for (;;) {
        const asked = await peer.takeMessage().catch(() => undefined)
        if (asked === undefined) return
        peer.send(ok(body))
      }
    })
    await using bed = new EdgeBed()
    const pace = { slow: { below: 1024, for: ms(300) } }
    await bed.apply([origin.row()], { frontend: { pace } })
    const idle = await bed.client()
    idle.socket.pause()
    idle.send(get())
    assert.equal((await bed.ask(get())).body.length, body.length)
    await until('only it to be left', () =>
      origin.peers.some(({ ended, closed }) => ended || closed),
    )
    idle.socket.resume()
    await idle.takeEnd()
    assert.ok(idle.received.length < body.length)
  })

  test('ends one stream of HTTP/2, and not its siblings', async () => {
    await using on = await stage(undefined, { pace: { request: ms(300) } })
    using client = new H2Client(on.bed.port)
    const fields = { ':path': '/', ':authority': 'shop.example' }
    const slow = client.open({ ...fields, ':method': 'POST' }, false)
    slow.write('x')
    const upstream = await on.upstream()
    await upstream.take('x')
    const sibling = client.ask(fields)
    assert.equal((await answerOf(slow)).status, 408)
    const other = await on.upstream(1)
    await other.takeMessage()
    other.send(ok('whole'))
    assert.equal((await sibling).body, 'whole')
  })
})
