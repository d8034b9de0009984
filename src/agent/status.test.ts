// What status says of a world.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { health, healthyWorld, serversService, specOf } from '../../test/fixtures/world.ts'
import { instant, ms } from '../foundation/time.ts'
import { statusOf, type Teller } from './status.ts'

const timing = { every: ms(1000), fast: ms(100), timeout: ms(500), rise: 2, fall: 2 }

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

  test('counts backups only while they are all that is left', () => {
    const [own, backup] = serversService().servers.map((server) => ({
      ...server,
      check: { kind: 'tcp', ...timing } as const,
    }))
    const servers = [own!, { ...backup!, backup: true }]
    const spec = specOf([serversService({ servers })], [])
    const seen = (first: 'up' | 'down', second: 'up' | 'down') => {
      const verdicts = { 'legacy-1': health(first), 'legacy-2': health(second) }
      const world = healthyWorld({ spec, health: new Map(Object.entries(verdicts)) })
      const shown = statusOf(world, teller).services.find(({ name }) => name === 'legacy')
      return `${shown?.up} of ${shown?.wanted}, ${shown?.rule}`
    }
    assert.equal(seen('up', 'up'), '1 of 1, steady')
    assert.equal(seen('up', 'down'), '1 of 1, steady')
    assert.equal(seen('down', 'up'), '1 of 1, on-backups')
    assert.equal(seen('down', 'down'), '0 of 1, all-down')
  })
})
