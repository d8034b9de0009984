// When is a file a reason to deploy?

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { instant, ms } from '../foundation/time.ts'
import { enact } from '../services/state.ts'
import type { RunService, Spec } from '../spec/model.ts'
import type { ServiceMemory } from './model.ts'
import { forgetTemplates, rememberRunning, wishSpec } from './templates.ts'

const now = instant(1000)

const web = (change: Partial<RunService> = {}): RunService => ({
  kind: 'run',
  name: 'web',
  argv: ['node', 'server.js'],
  cwd: '/srv',
  replicas: 3,
  env: {},
  secrets: [],
  stopSignal: 'SIGTERM',
  stopWithin: ms(10_000),
  readyWithin: ms(60_000),
  drainWithin: ms(30_000),
  restart: {
    backoff: { first: ms(100), factor: 2, most: ms(30_000), jitter: 0.2 },
    wellAfter: ms(10_000),
    loopAfter: 5,
  },
  logs: { size: 1_000_000, keep: 5 },
  check: { kind: 'none' },
  balance: undefined,
  hold: { wait: ms(15_000), requests: 10_000, bytes: 64_000_000 },
  connectTimeout: ms(1000),
  responseTimeout: ms(60_000),
  maxConnections: undefined,
  ...change,
})

const spec = (...services: RunService[]): Spec => ({
  name: 'shop',
  edges: 2,
  frontends: {},
  services: Object.fromEntries(services.map((service) => [service.name, service])),
})

const memoryOf = (memories: Readonly<Record<string, ServiceMemory>>): ServiceMemory => {
  const memory = memories.web
  assert.ok(memory !== undefined)
  return memory
}

/** The memory once revision 1 was wholly up. */
const settled = (): ServiceMemory => {
  const memory = memoryOf(wishSpec({}, spec(web()), now))
  return { ...memory, state: enact(memory.state, { kind: 'settle', revision: 1 }, now) }
}

/** The memory once revision 2, with another program, was rolled back. */
const rolledBack = (): ServiceMemory => {
  const memory = memoryOf(wishSpec({ web: settled() }, spec(web({ argv: ['bad'] })), now))
  const back = { kind: 'roll-back', to: 1, why: 'it ended' } as const
  return { ...memory, state: enact(memory.state, back, now) }
}

suite('wishing for a file', () => {
  test('deploys a service that is new', () => {
    const { state, templates } = memoryOf(wishSpec({}, spec(web()), now))
    assert.equal(state.revision, 1)
    assert.deepEqual(templates[1]?.argv, ['node', 'server.js'])
  })

  test('deploys a changed program as a new revision and keeps the old template', () => {
    const { state, templates } = memoryOf(
      wishSpec({ web: settled() }, spec(web({ argv: ['new'] })), now),
    )
    assert.equal(state.revision, 2)
    assert.equal(state.stable, 1)
    assert.deepEqual(Object.keys(templates), ['1', '2'])
  })

  test('touches nothing when only the number of replicas or the check changed', () => {
    const { state } = memoryOf(wishSpec({ web: settled() }, spec(web({ replicas: 5 })), now))
    assert.equal(state.revision, 1)
    assert.equal(state.replicas, 5)
    assert.equal(state.deploy, undefined)
  })

  test('does not try again what was just rolled back', () => {
    const { state } = memoryOf(wishSpec({ web: rolledBack() }, spec(web({ argv: ['bad'] })), now))
    assert.equal(state.revision, 1)
    assert.notEqual(state.rolledBack, undefined)
  })

  test('forgets the roll-back once the file asks again for what runs', () => {
    const { state } = memoryOf(wishSpec({ web: rolledBack() }, spec(web()), now))
    assert.equal(state.revision, 1)
    assert.equal(state.rolledBack, undefined)
  })

  test('never gives a rolled back number to another template', () => {
    const { state, templates } = memoryOf(
      wishSpec({ web: rolledBack() }, spec(web({ argv: ['better'] })), now),
    )
    assert.equal(state.revision, 3)
    assert.deepEqual(templates[2]?.argv, ['bad'])
    assert.deepEqual(templates[3]?.argv, ['better'])
  })

  test('wants none of a service that left the file', () => {
    assert.equal(memoryOf(wishSpec({ web: settled() }, spec(), now)).state.replicas, 0)
  })
})

test('only templates that something may still need are kept', () => {
  const { state, templates } = settled()
  const memory = { state: { ...state, revision: 4, stable: 3 }, templates: { ...templates } }
  for (const revision of [2, 3, 4, 5]) Object.assign(memory.templates, { [revision]: templates[1] })
  assert.deepEqual(Object.keys(forgetTemplates(memory, new Set([1])).templates), ['1', '3', '4'])
})

test('what runs without being remembered is exchanged, not taken for the new revision', () => {
  const memories = rememberRunning({}, [{ service: 'web', revision: 4 }])
  const { state, templates } = memoryOf(wishSpec(memories, spec(web()), now))
  assert.equal(state.revision, 5)
  assert.deepEqual(Object.keys(templates), ['5'])
})
