// What status says of a world.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { healthyWorld, specOf } from '../../test/fixtures/world.ts'
import { instant } from '../foundation/time.ts'
import { statusOf, type Teller } from './status.ts'

const teller: Teller = {
  ...{ pid: 1, version: '0', since: instant(0), now: instant(9) },
  decision: () => ({ rule: 'not-wanted', why: 'the file no longer has it', actions: [] }),
}

suite('the status', () => {
  test('shows a service that has left the file until its last replica has ended', () => {
    const world = healthyWorld()
    const rest = Object.values(world.spec.services).filter(({ name }) => name !== 'web')
    const without = { ...world, spec: specOf(rest, []) }
    const shown = statusOf(without, teller).services.find(({ name }) => name === 'web')
    assert.equal(shown?.wanted, 0)
    assert.equal(shown?.rule, 'not-wanted')
    assert.deepEqual(
      shown?.servers.map(({ id, routed }) => `${id} ${routed}`),
      ['web-1 draining', 'web-2 draining', 'web-3 draining'],
    )
    assert.match(shown?.servers[0]?.reason ?? '', /left the file/)
    const ended = statusOf({ ...without, replicas: [] }, teller)
    assert.deepEqual(
      ended.services.map(({ name }) => name),
      ['legacy'],
    )
  })
})
