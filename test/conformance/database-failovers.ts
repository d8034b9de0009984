// The promises of a database member's engine while primaries change.

import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ms } from '../../src/foundation/time.ts'
import { until } from '../engines/waiting.ts'
import { alone, anyOf, type Define, patience, soon } from './database-scene.ts'
import { ahead, caughtUp, insert, pending, received } from './database-watch.ts'

/** Freeze, compare, promote, follow; tails; planned stops. */
export function failovers(promise: Define): void {
  promise('gives what was received, once frozen, and goes on where it was', 3, async (scene) => {
    await scene.begin(anyOf('m2', 'm3'))
    for (let id = 1; id <= 20; id += 1) await scene.query('m1', insert(id))
    await caughtUp(scene, 'm2', 'm1')
    await caughtUp(scene, 'm3', 'm1')
    await scene.seat('m1').host.crash()
    await Promise.all([scene.engine('m2').freeze(soon()), scene.engine('m3').freeze(soon())])
    const [two, three] = [await received(scene, 'm2'), await received(scene, 'm3')]
    assert.deepEqual(two, three)
    assert.equal((await scene.look('m2')).upstream, undefined)
    await scene.engine('m2').promote({ epoch: 2, acks: anyOf('m1', 'm3') }, soon())
    await scene.engine('m3').follow(scene.order('m2', 'follow'), soon())
    await scene.receives('m3', 'm2')
    await scene.query('m2', insert(21))
    assert.equal((await scene.ids('m2')).length, 21)
    await scene.shows('m3', 21)
    assert.ok((await received(scene, 'm2')).line > two.line)
    await scene.engine('m1').freeze(soon())
    assert.ok(ahead(await received(scene, 'm1'), two) >= 0)
    await scene.engine('m1').follow(scene.order('m2', 'follow'), soon())
    await scene.receives('m1', 'm2')
    await scene.shows('m1', 21)
  })

  promise('promotes the one that has more, and it has more', 3, async (scene) => {
    await scene.begin(anyOf('m2', 'm3'))
    await scene.query('m1', insert(1))
    await caughtUp(scene, 'm2', 'm1')
    await scene.engine('m2').freeze(soon())
    await scene.query('m1', insert(2))
    await scene.seat('m1').host.crash()
    await scene.engine('m3').freeze(soon())
    assert.ok(ahead(await received(scene, 'm3'), await received(scene, 'm2')) > 0)
    await scene.engine('m3').promote({ epoch: 2, acks: anyOf('m1', 'm2') }, soon())
    await scene.engine('m2').follow(scene.order('m3', 'follow'), soon())
    await scene.query('m3', insert(3))
    assert.deepEqual(await scene.ids('m3'), [1, 2, 3])
    await scene.shows('m2', 3)
  })

  promise('sets a tail aside before it is undone', 3, async (scene) => {
    await scene.begin(anyOf('m2', 'm3'))
    await scene.query('m1', insert(1))
    await caughtUp(scene, 'm2', 'm1')
    await caughtUp(scene, 'm3', 'm1')
    await Promise.all([scene.engine('m2').freeze(soon()), scene.engine('m3').freeze(soon())])
    const start = await received(scene, 'm2')
    const waiting = pending(scene.query('m1', insert(2)))
    await until(
      'the primary has a row that nobody else has',
      async () => ahead(await received(scene, 'm1'), start) > 0,
      patience,
    )
    await scene.seat('m1').host.crash()
    await assert.rejects(waiting.outcome)
    await scene.engine('m2').promote({ epoch: 2, acks: anyOf('m1', 'm3') }, soon())
    await scene.engine('m3').follow(scene.order('m2', 'follow'), soon())
    await scene.receives('m3', 'm2')
    await scene.query('m2', insert(3))
    await scene.engine('m1').follow(scene.order('m2', 'rewind', 'epoch-1'), soon())
    await scene.receives('m1', 'm2')
    await scene.shows('m1', 3)
    assert.deepEqual(await scene.ids('m1'), [1, 3])
    const kept = join(scene.seat('m1').options.aside, 'epoch-1')
    assert.ok(existsSync(kept), 'nothing was set aside')
    assert.ok(readdirSync(kept).length > 1)
  })

  promise('copies a member anew whose history is not the same', 2, async (scene) => {
    await scene.begin()
    await scene.query('m1', insert(1))
    await scene.shows('m2', 1)
    await scene.engine('m2').freeze(soon())
    await scene.engine('m2').promote({ epoch: 2, acks: alone }, soon())
    await scene.query('m1', insert(2))
    await scene.query('m2', insert(3))
    await scene.seat('m1').host.crash()
    await scene.engine('m1').follow(scene.order('m2', 'clone', 'again'), soon())
    await scene.receives('m1', 'm2')
    await scene.shows('m1', 3)
    assert.deepEqual(await scene.ids('m1'), [1, 3])
  })

  promise('hands everything over before a planned stop', 2, async (scene) => {
    await scene.begin(anyOf('m2'))
    const client = await scene.client('m1')
    await client.query('BEGIN')
    await client.query(insert(1))
    const quiet = pending(scene.engine('m1').quiesce(ms(60_000), soon()))
    await until(
      'new clients are not let in',
      () =>
        scene.query('m1', 'SELECT 1').then(
          () => false,
          () => true,
        ),
      patience,
    )
    assert.equal(quiet.done(), false)
    await client.query(insert(2))
    await client.query('COMMIT')
    await quiet.outcome
    const last = await scene.look('m1')
    assert.equal(last.server, 'stopped')
    await until(
      'the replica has all of it',
      async () => ahead((await scene.look('m2')).received, last.received) >= 0,
      patience,
    )
    await scene.engine('m2').freeze(soon())
    assert.deepEqual(await received(scene, 'm2'), last.received)
    await scene.engine('m2').promote({ epoch: 2, acks: alone }, soon())
    assert.deepEqual(await scene.ids('m2'), [1, 2])
    await scene.engine('m1').follow(scene.order('m2', 'follow'), soon())
    await scene.receives('m1', 'm2')
  })

  promise('takes a planned stop back', 2, async (scene) => {
    await scene.begin(anyOf('m2'))
    await scene.engine('m1').quiesce(ms(1000), soon())
    await scene.engine('m1').freeze(soon())
    await scene.engine('m1').promote({ epoch: 2, acks: anyOf('m2') }, soon())
    await scene.engine('m2').follow(scene.order('m1', 'follow'), soon())
    await scene.receives('m2', 'm1')
    await scene.query('m1', insert(1))
  })
}
