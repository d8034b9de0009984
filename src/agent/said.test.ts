// What an operator said of a server: it shows in the table, it can be taken back, and it goes with
// the server.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { healthyWorld } from '../../test/fixtures/world.ts'
import type { AgentState } from './model.ts'
import { describeWord, forgetSaid, limitFrontend, move, say, tell, weigh, wordOn } from './said.ts'
import { tableOf, targetsOf, type World } from './world.ts'

function after(...verbs: readonly ((world: World) => AgentState)[]): World {
  let world = healthyWorld()
  for (const verb of verbs) world = { ...world, state: verb(world) }
  return world
}

const row = (world: World, id: string) =>
  tableOf(world)
    .pools.flatMap(({ servers }) => servers)
    .find((server) => server.id === id)!

suite('the word of an operator', () => {
  test('gives a server another weight, until the one of the file is said again', () => {
    const world = after((now) => weigh(now, 'legacy-1', 7))
    assert.equal(row(world, 'legacy-1').weight, 7)
    assert.equal(row(world, 'legacy-2').weight, 1)
    assert.equal(
      row(
        after((now) => weigh(now, 'web-1', 3)),
        'web-1',
      ).weight,
      3,
    )
    assert.deepEqual(weigh(world, 'legacy-1', 1).said, {})
  })

  test('moves a server, for its requests and for its check, and back', () => {
    const world = after((now) => move(now, 'legacy-1', '10.0.0.9', 81))
    const { host, port } = row(world, 'legacy-1')
    assert.deepEqual([host, port], ['10.0.0.9', 81])
    assert.equal(targetsOf(world).find(({ id }) => id === 'legacy-1')?.port, 81)
    assert.deepEqual(move(world, 'legacy-1', '127.0.0.1', 9001).said, {})
    assert.throws(() => move(world, 'web-1', '10.0.0.9', 81), { code: 'unsupported' })
  })

  test('takes a server out and in again, for a while or for maintenance', () => {
    const out = after((now) => tell(now, 'legacy-1', 'maint'))
    assert.equal(row(out, 'legacy-1').state, 'draining')
    const drained = { ...out, state: tell(out, 'legacy-1', 'drain') }
    assert.deepEqual(drained.state.drained, ['legacy-1'])
    assert.equal(wordOn(drained.state, 'legacy-1').maintenance, undefined)
    const ready = { ...drained, state: tell(drained, 'legacy-1', 'ready') }
    assert.equal(row(ready, 'legacy-1').state, 'up')
  })

  test('bounds a server and a frontend, each edge its share; nought is no bound', () => {
    const world = after(
      (now) => say(now, 'legacy-1', { maxConnections: 10 }),
      (now) => say(now, 'legacy-2', { maxConnections: 0 }),
      (now) => limitFrontend(now, 'public', 6),
    )
    assert.equal(row(world, 'legacy-1').maxConnections, 10)
    assert.equal(row(world, 'legacy-2').maxConnections, undefined)
    assert.equal(tableOf(world).frontends[0]?.maxConnections, 3)
  })

  test('is said in the status, and forgotten with the server', () => {
    const { state } = after(
      (now) => weigh(now, 'legacy-1', 7),
      (now) => tell(now, 'legacy-1', 'maint'),
      (now) => limitFrontend(now, 'public', 6),
    )
    const words = 'an operator said: it is in maintenance, its weight is 7'
    assert.equal(describeWord(wordOn(state, 'legacy-1')), words)
    assert.equal(forgetSaid(state, new Set(['legacy-1']), { public: {} }), state)
    const less = forgetSaid(state, new Set(), {})
    assert.deepEqual([less.said, less.saidOfFrontends], [{}, {}])
  })
})
