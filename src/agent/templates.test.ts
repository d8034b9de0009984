// When is a file a reason to deploy?

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { runService, specOf } from '../../test/fixtures/world.ts'
import { instant } from '../foundation/time.ts'
import type { RunTemplate } from '../services/model.ts'
import { enact } from '../services/state.ts'
import type { RunService, Spec } from '../spec/model.ts'
import { parseSpec } from '../spec/parse.ts'
import type { ServiceMemory } from './model.ts'
import {
  forgetTemplates,
  rememberRunning,
  stillRolledBack,
  templateOf,
  wishSpec,
} from './templates.ts'

const now = instant(1000)

const web = runService
const spec = (...services: RunService[]): Spec => specOf(services, [])

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

  test('tells what stays rolled back, as long as the file asks for it', () => {
    const told = (wanted: Spec) =>
      stillRolledBack(wishSpec({ web: rolledBack() }, wanted, now), wanted)
    assert.deepEqual(told(spec(web({ argv: ['bad'] }))), [
      { service: 'web', revision: 2, why: 'it ended', stays: 1 },
    ])
    for (const wanted of [spec(web()), spec(web({ argv: ['better'] })), spec()]) {
      assert.deepEqual(told(wanted), [])
    }
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

test('a revision that was begun and not remembered does not take the place of one that was', () => {
  const memories = rememberRunning({ web: rolledBack() }, [{ service: 'web', revision: 3 }])
  const { state } = memoryOf(wishSpec(memories, spec(web({ argv: ['bad'] })), now))
  assert.equal(state.revision, 1)
  assert.equal(state.latest, 3, 'its number is not used again')
})

suite('replicas are exchanged', () => {
  const template = (lines: string): RunTemplate => {
    const text = `services: { web: { run: node a.js, ${lines} } }`
    const readFile = (path: string): string => path
    const parsed = parseSpec({ text, file: '/srv/a.yaml', env: { A: 'x' }, cores: 2, readFile })
    const service = parsed.kind === 'spec' ? parsed.spec.services.web : undefined
    return service?.kind === 'run' ? templateOf(service) : assert.fail(JSON.stringify(parsed))
  }
  const rows: readonly (readonly [was: string, is: string, needed: boolean])[] = [
    ['env: { A: 1, B: 2 }', 'env: { B: 2, A: 1 }', false],
    ['replicas: 2, check: tcp, hold: 1s', 'replicas: 9, check: none, hold: 2s', false],
    ['ready: 1s, drain: 1s, balance: random', 'ready: 2s, drain: 2s, balance: leastconn', false],
    ['env: { A: 1 }', 'env: { A: 2 }', true],
    ['cwd: a', 'cwd: b', true],
    ['stop: { within: 1s }', 'stop: { within: 2s }', true],
    ['logs: { keep: 1 }', 'logs: { keep: 2 }', true],
    ['restart: { first: 1s }', 'restart: { first: 2s }', true],
    ['env: { A: x }', 'env: { A: "${env.A}" }', true],
  ]
  for (const [was, is, needed] of rows) {
    test(`${needed ? 'for' : 'not for'} "${was}" to "${is}"`, () => {
      assert.equal(isDeepStrictEqual(template(was), template(is)), !needed)
    })
  }
})

test('a service that comes back does not use the revisions of the one before it again', () => {
  const { state, templates } = memoryOf(wishSpec({}, spec(web()), now, { web: 7 }))
  assert.equal(state.revision, 8)
  assert.deepEqual(Object.keys(templates), ['8'])
})
