// The page of the status: what is not well is seen first, with its reason, on 80 columns.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { assertGolden, statusIn } from '../../../test/fixtures/cli.ts'
import { edges, health, healthyWorld, replica } from '../../../test/fixtures/world.ts'
import type { Status } from '../../agent/model.ts'
import { instant, ms } from '../../foundation/time.ts'
import { ratesBetween, serverKey } from './rates.ts'
import { statusLines, summary } from './status.ts'
import { paintOf } from './style.ts'

const plain = paintOf({ hasColor: false })
const page = (status: Status, width = 80): string =>
  `${statusLines(status, width, plain).join('\n')}\n`

/** Everything that can be amiss, at once. */
function troubled(): Status {
  const exit = { kind: 'code', code: 1 } as const
  const failed = {
    kind: 'failed',
    at: instant(7_000_000),
    took: ms(3),
    reason: 'it answered 503, and 200 to 399 are expected',
  } as const
  const world = healthyWorld({
    replicas: [
      replica('web-1'),
      replica('web-2', {
        failures: 7,
        restarts: 12,
        state: { kind: 'crash-looping', exit, until: instant(8_030_000) },
      }),
      replica('web-3', { restarts: 1 }),
    ],
    edges: edges(7, { 'web-1': 3, 'legacy-1': 12_400, 'legacy-2': 1 }),
  })
  const down = { ...health('down'), since: instant(7_988_000), last: failed }
  const status = statusIn(
    {
      ...world,
      health: new Map([...world.health, ['web-3', down]]),
      state: { ...world.state, drained: ['legacy-1'] },
    },
    {
      decision: () => ({
        rule: 'wait-for-ready',
        why: 'a replica has not passed its check yet',
        actions: [],
      }),
    },
  )
  const services = status.services.map((service) =>
    service.name === 'web'
      ? { ...service, rolledBack: { revision: 2, why: 'web-4 ended 5 times in a row' } }
      : service,
  )
  const traffic = { ...status.frontends[0]!.traffic, requests: 1_234_567, connections: 412 }
  const frontends = status.frontends.map((each) => ({
    ...each,
    addresses: ['0.0.0.0:80', '[::]:80'],
    routes: [{ host: 'shop.example', path: '/old', to: 'legacy' }, ...each.routes],
    traffic: {
      ...traffic,
      answers: [2, 0, 1_200_000, 30_000, 400, 17],
      held: 4,
      heldTotal: 312,
      redispatched: 1,
      bytesIn: 123_456_789,
      bytesOut: 9_876_543_210,
    },
  }))
  return { ...status, services, frontends, edges: [{ ...status.edges[0]!, state: 'gone' }] }
}

suite('the page of the status', () => {
  test('says of a healthy world that everything is up', () => {
    assertGolden('status-healthy.txt', page(statusIn(healthyWorld())))
  })

  test('shows the reason under whatever is not well', () => {
    assertGolden('status-troubled.txt', page(troubled()))
  })

  test('drops what matters least where the screen is narrow, and never a reason', () => {
    assertGolden('status-narrow.txt', page(troubled(), 50))
    assert.match(page(troubled(), 50).replaceAll(/\s+/g, ' '), /it answered 503, and 200 to 399/)
  })

  test('fits 80 columns', () => {
    const long = page(troubled())
      .split('\n')
      .filter((line) => line.length > 80)
    assert.deepEqual(long, [])
  })

  test('fits 80 columns with the longest names and numbers', () => {
    const name = 'n'.repeat(40)
    const base = troubled()
    const long = {
      ...base,
      services: base.services.map((service) => ({
        ...service,
        name,
        servers: service.servers.map((server) => ({
          ...server,
          id: `${'n'.repeat(36)}-12`,
          address: '192.168.100.100:65535',
          requests: 999_400_000,
          process: server.process && { ...server.process, restarts: 123_456 },
        })),
      })),
      frontends: base.frontends.map((frontend) => ({ ...frontend, name })),
    }
    const lines = statusLines(long, 80, plain, ratesBetween(long, long))
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    )
  })

  test('says how many requests a second there are, from two looks', () => {
    const at = (now: number, requests: number): Status =>
      statusIn(healthyWorld({ edges: edges(7, { 'web-1': requests }) }), { now: instant(now) })
    const rates = ratesBetween(at(1000, 10), at(3000, 60))
    assert.deepEqual(rates.get(serverKey('web-1')), 50)
    const lines = statusLines(at(3000, 60), 80, plain, rates)
    assert.match(lines[3] ?? '', /ACTIVE {2}REQ\/S {2}REQS/)
    assert.match(lines[5] ?? '', /web-1 +up +\S+ +120 +50 +120/)
    assert.equal(ratesBetween(at(1000, 60), at(2000, 10)).get(serverKey('web-1')), undefined)
    assert.equal(ratesBetween(at(1000, 1), at(1000, 9)).size, 0)
  })

  test('says how fast a service answered lately', () => {
    const status = statusIn(healthyWorld())
    const recent = { perSecond: 1234.5, half: ms(0.42), most: ms(38.2) }
    const services = status.services.map((service) => ({ ...service, recent }))
    assert.match(
      page({ ...status, services }),
      /lately 1,?235 a second, half within 0\.42ms, 99 of 100 within 38ms/,
    )
  })

  test('shows the same words in colour', () => {
    const coloured = statusLines(troubled(), 80, paintOf({ hasColor: true })).join('\n')
    assert.notEqual(coloured, stripVTControlCharacters(coloured))
    assert.equal(`${stripVTControlCharacters(coloured)}\n`, page(troubled()))
  })
})

suite('the one sentence', () => {
  const healthy = statusIn(healthyWorld())
  const withUp = (up: number): Status => ({
    ...healthy,
    services: healthy.services.map((s) => (s.name === 'web' ? { ...s, up } : s)),
  })

  test('names a service of which nothing is up before anything else', () => {
    assert.equal(summary(withUp(0)).text, 'nothing of web is up')
  })

  test('names what is missing of a service', () => {
    assert.equal(summary(withUp(1)).text, 'only 1 of 3 of web up')
  })

  test('says when no edge routes, although every replica is up', () => {
    const edgeless = healthy.edges.map((edge) => ({ ...edge, state: 'starting' }))
    assert.equal(summary({ ...healthy, edges: edgeless }).text, 'no edge routes')
  })

  test('counts no edge that only finishes what it has', () => {
    const [edge] = healthy.edges
    const seen = (...states: readonly string[]): string =>
      summary({ ...healthy, edges: states.map((state) => ({ ...edge!, state })) }).text
    assert.equal(seen('routing', 'routing', 'stopping'), 'everything is up')
    assert.equal(seen('routing', 'starting', 'stopping'), 'only 1 of 2 edges route')
    assert.equal(seen('stopping', 'stopping'), 'no edge routes')
  })
})

test('what is closed, or kept open by an operator, says so', () => {
  const base = statusIn(healthyWorld())
  const [web, ...others] = base.services
  const frontends = base.frontends.map((one) => ({ ...one, closed: true }))
  const services = [{ ...web!, overruled: 'open' as const }, ...others]
  const shown = page({ ...base, services, frontends })
  assert.match(shown, /open, although the file closes it: an operator said so/)
  assert.match(shown, /closed for maintenance\n/)
})
