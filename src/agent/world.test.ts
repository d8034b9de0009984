// What follows for the balancer from what was seen.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { edges, health, healthyWorld, replica } from '../../test/fixtures/world.ts'
import { instant } from '../foundation/time.ts'
import type { AgentWord } from '../health/model.ts'
import { beliefOf, inFlightOn, sightingsOf, tableOf, targetsOf, type World } from './world.ts'

const stateOf = (world: World, id: string): string | undefined =>
  tableOf(world)
    .pools.flatMap(({ servers }) => servers)
    .find((server) => server.id === id)?.state

const waiting = {
  kind: 'waiting',
  exit: { kind: 'code', code: 1 },
  until: instant(3000),
} as const

suite('the table', () => {
  test('routes to what is up', () => {
    const states = tableOf(healthyWorld()).pools.flatMap(({ servers }) => servers)
    assert.deepEqual(new Set(states.map(({ state }) => state)), new Set(['up']))
  })

  test('sends nothing to a server that has not passed yet', () => {
    const world = healthyWorld({ health: new Map() })
    assert.equal(stateOf(world, 'web-1'), 'down')
    assert.equal(stateOf(world, 'legacy-1'), 'down')
  })

  test('sends nothing to a replica whose process has ended, whatever its last verdict', () => {
    const world = healthyWorld()
    const ended = world.replicas.map((r) => (r.id === 'web-2' ? { ...r, state: waiting } : r))
    assert.equal(stateOf({ ...world, replicas: ended }, 'web-2'), 'down')
  })

  test('sends to a replica without a guard as long as it answers its check', () => {
    const world = healthyWorld()
    const lost = { kind: 'lost' } as const
    const replicas = world.replicas.map((r) => (r.id === 'web-2' ? { ...r, state: lost } : r))
    assert.equal(stateOf({ ...world, replicas }, 'web-2'), 'up')
    const health = new Map([...world.health].filter(([id]) => id !== 'web-2'))
    assert.equal(stateOf({ ...world, replicas, health }, 'web-2'), 'down')
  })

  test('gives a server as much as its own agent asks for', () => {
    const world = healthyWorld()
    const said = (word: Partial<AgentWord>) => {
      const agent: AgentWord = {
        ...{ says: 'up', takes: 'ready', weight: 100, maxConnections: undefined, line: '' },
        ...word,
      }
      const health = new Map(world.health)
      health.set('web-2', { ...world.health.get('web-2')!, agent })
      const servers = tableOf({ ...world, health }).pools.flatMap((pool) => pool.servers)
      return servers.find(({ id }) => id === 'web-2')!
    }
    assert.equal(said({ weight: 50 }).weight, 0.5)
    assert.equal(said({ weight: 0 }).weight, 0)
    assert.equal(said({ maxConnections: 30 }).maxConnections, 30)
    assert.equal(said({ maxConnections: 0 }).maxConnections, undefined)
    assert.equal(said({ takes: 'drain' }).state, 'draining')
    assert.equal(said({ takes: 'maint' }).state, 'draining')
    assert.equal(said({ takes: 'ready' }).state, 'up')
  })

  test('believes the last agent until it has asked for itself', () => {
    const world = healthyWorld({ health: new Map() })
    const believed = new Set([beliefOf(world, 'web-1'), beliefOf(world, 'legacy-1')])
    assert.equal(stateOf({ ...world, believed }, 'web-1'), 'up')
    assert.equal(stateOf({ ...world, believed }, 'legacy-1'), 'up')
    const asked = { ...world, believed, health: new Map([['web-1', health('down')]]) }
    assert.equal(stateOf(asked, 'web-1'), 'down')
  })

  test('does not believe of a restarted process what was known of the one before', () => {
    const world = healthyWorld({ health: new Map() })
    const believed = new Set([beliefOf(world, 'web-1')])
    const restarted = world.replicas.map((r) => (r.id === 'web-1' ? { ...r, restarts: 1 } : r))
    assert.equal(stateOf({ ...world, believed, replicas: restarted }, 'web-1'), 'down')
  })

  test('drains what an operator or the service itself told to take nothing new', () => {
    const world = healthyWorld()
    const drained = { ...world, state: { ...world.state, drained: ['legacy-2'] } }
    assert.equal(stateOf(drained, 'legacy-2'), 'draining')
    const web = world.state.services.web!
    const leaving = { ...web, state: { ...web.state, draining: { 'web-3': instant(5) } } }
    const services = { web: leaving }
    assert.equal(stateOf({ ...world, state: { ...world.state, services } }, 'web-3'), 'draining')
  })
})

test('each edge gets its share of a bound that the file gives for all of them', () => {
  const { pools, frontends } = tableOf(healthyWorld())
  const { hold } = healthyWorld().spec.services.web!
  assert.equal(pools[0]?.hold.requests, hold.requests / 2)
  assert.equal(pools[0]?.hold.bytes, hold.bytes / 2)
  assert.equal(pools[0]?.hold.wait, hold.wait)
  assert.equal(frontends[0]?.maxConnections, 5000)
})

suite('what is in flight', () => {
  test('is the sum over all edges', () => {
    assert.equal(inFlightOn(healthyWorld({ edges: edges(7, { 'web-1': 2 }) }), 'web-1'), 4)
  })

  test('is not known while an edge routes by an older table', () => {
    const [first, second] = [edges(7)[0]!, edges(6)[1]!]
    assert.equal(inFlightOn(healthyWorld({ edges: [first, second] }), 'web-1'), undefined)
  })

  test('does not count an edge that is gone', () => {
    const [first, second] = edges(7, { 'web-1': 3 })
    const gone = { ...second!, state: 'gone' as const, report: undefined }
    assert.equal(inFlightOn(healthyWorld({ edges: [first!, gone] }), 'web-1'), 3)
  })

  test('is not known of a server that the edges may still send to', () => {
    const sighting = sightingsOf(healthyWorld(), 'web').find(({ id }) => id === 'web-1')
    assert.equal(sighting?.inFlight, undefined)
  })
})

test('a process that is not running is not asked whether it is alive', () => {
  const world = healthyWorld({ replicas: [replica('web-1', { state: waiting }), replica('web-2')] })
  const asked = targetsOf(world).map(({ id }) => id)
  assert.deepEqual(asked, ['web-2', 'legacy-1', 'legacy-2'])
})
