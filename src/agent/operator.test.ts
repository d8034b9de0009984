// What an operator may do, and what is refused with a remedy.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { statusIn } from '../../test/fixtures/cli.ts'
import { frontend, health, healthyWorld, specOf } from '../../test/fixtures/world.ts'
import { Fault, type FaultCode } from '../foundation/fault.ts'
import { instant } from '../foundation/time.ts'
import { deploy, drain, maintain, restart, undrain } from './operator.ts'
import { overruledIn } from './routes.ts'
import { explain } from './why.ts'
import { tableOf, type World } from './world.ts'

const now = instant(9000)

const refuses = (code: FaultCode, verb: () => unknown): void =>
  assert.throws(
    verb,
    (thrown: unknown) =>
      thrown instanceof Fault && thrown.code === code && thrown.remedy !== undefined,
  )

suite('an operator', () => {
  test('deploys the same template as a new revision', () => {
    const world = healthyWorld()
    const web = deploy(world, 'web', now).services.web!
    assert.equal(web.state.revision, 2)
    assert.deepEqual(web.templates[2], web.templates[1])
  })

  test('exchanges one replica, or all of a service', () => {
    const world = healthyWorld()
    assert.deepEqual(restart(world, 'web-2', now).services.web?.state.replace, ['web-2'])
    assert.deepEqual(restart(world, 'web', now).services.web?.state.replace, [
      'web-1',
      'web-2',
      'web-3',
    ])
  })

  test('drains a server and lets it back in', () => {
    const world = healthyWorld()
    const drained = drain(world, 'legacy-1', false)
    assert.deepEqual(drained.drained, ['legacy-1'])
    assert.deepEqual(undrain({ ...world, state: drained }, 'legacy-1').drained, [])
  })

  test('is refused the drain of the last server that is up, unless he insists', () => {
    const world = healthyWorld()
    const alone = new Map(world.health).set('legacy-2', health('down'))
    refuses('refused', () => drain({ ...world, health: alone }, 'legacy-1', false))
    assert.deepEqual(drain({ ...world, health: alone }, 'legacy-1', true).drained, ['legacy-1'])
  })

  test('closes a frontend or a service, and opens it again', () => {
    const world = healthyWorld()
    const [name] = Object.keys(world.spec.frontends)
    const state = maintain(world, name!, true)
    const closed = tableOf({ ...world, state })
    assert.equal(closed.frontends[0]?.maintenance?.retryAfterSeconds, 60)
    assert.ok(closed.pools.every(({ maintenance }) => maintenance === undefined))
    const again = maintain({ ...world, state }, `frontends.${name}`, false)
    assert.equal(tableOf({ ...world, state: again }).frontends[0]?.maintenance, undefined)
    const { pools } = tableOf({ ...world, state: maintain(world, 'services.web', true) })
    assert.ok(pools.find((pool) => pool.name === 'web')?.maintenance !== undefined)
    refuses('not-found', () => maintain(world, 'nobody', true))
  })

  test('leaves nothing behind that a later file would come up against', () => {
    const world = healthyWorld()
    const closes = { on: true, retryAfterSeconds: 60, allow: [] }
    const later = specOf(undefined, [frontend({ maintenance: closes })])
    const after = (...words: readonly boolean[]): World => {
      const say = (state: World['state'], on: boolean) =>
        maintain({ ...world, state }, 'public', on)
      return { ...world, state: words.reduce(say, world.state), spec: later }
    }
    const isClosed = (seen: World): boolean => tableOf(seen).frontends[0]?.maintenance !== undefined
    for (const words of [[], [false], [true, false]]) assert.ok(isClosed(after(...words)))

    const opened = after()
    const kept = { ...opened, state: maintain(opened, 'public', false) }
    assert.ok(!isClosed(kept), 'what is said of the file that closes it wins over it')
    assert.deepEqual(overruledIn(kept.state, later), [
      'frontends.public stays open: an operator said so; alwayson maintenance on frontends.public',
    ])
    assert.equal(statusIn(kept).frontends[0]?.overruled, 'open')
    assert.deepEqual(explain(statusIn(kept), 'public').remedies, [
      'as the file says: alwayson maintenance on public',
    ])
    assert.deepEqual(overruledIn(after(true).state, world.spec), [
      'frontends.public stays closed: an operator said so; ' +
        'alwayson maintenance off frontends.public',
    ])
    assert.deepEqual(overruledIn(after(true).state, later), [])
  })

  test('is told when there is no such thing, or something else runs it', () => {
    refuses('not-found', () => drain(healthyWorld(), 'web-9', false))
    refuses('not-found', () => undrain(healthyWorld(), 'web-1'))
    refuses('not-found', () => restart(healthyWorld(), 'wep', now))
    refuses('unsupported', () => deploy(healthyWorld(), 'legacy', now))
  })
})
