// The promises of a database member's engine while its server gets other settings, or is restarted.

import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { ms } from '../../src/foundation/time.ts'
import { type Define, type MemberKind, patience, type Scene, soon } from './database-scene.ts'
import { insert, pending } from './database-watch.ts'

/** How long a client rests between two questions. */
const rest = 500

/** Settings taken at once, settings that wait for a start, and a replica that is stopped. */
export function restarts(promise: Define, changes: NonNullable<MemberKind['changes']>): void {
  const { atOnce, atStart } = changes
  const nothing = { outdated: undefined, refused: undefined }
  const settle = (scene: Scene, settings: Readonly<Record<string, string>>) =>
    scene.reopen('m1', { settings })
  const value = async (scene: Scene, sql: string): Promise<string> => {
    const [row = {}] = await scene.query('m1', sql)
    return String(Object.values(row)[0])
  }

  promise('gives a running server what it can take, and says what waits', 1, async (scene) => {
    await scene.begin()
    await scene.query('m1', insert(1))
    assert.deepEqual(await scene.engine('m1').refresh(soon()), nothing)
    const both = { [atOnce.name]: atOnce.value, [atStart.name]: atStart.value }
    await settle(scene, both)
    const { outdated, refused } = await scene.engine('m1').refresh(soon())
    assert.match(outdated ?? '', new RegExp(atStart.name))
    assert.doesNotMatch(outdated ?? '', new RegExp(atOnce.name))
    assert.equal(refused, undefined)
    assert.equal(await value(scene, atOnce.shown), atOnce.value)
    assert.notEqual(await value(scene, atStart.shown), atStart.value)
    // Another agent finds the same, and no server was restarted for it.
    await settle(scene, both)
    assert.match(
      (await scene.engine('m1').refresh(soon())).outdated ?? '',
      new RegExp(atStart.name),
    )
    await scene.engine('m1').stop(ms(30_000), soon())
    await scene.engine('m1').freeze(soon())
    assert.deepEqual(await scene.engine('m1').refresh(soon()), nothing)
    assert.equal(await value(scene, atStart.shown), atStart.value)
    await settle(scene, { [atStart.name]: atStart.value })
    assert.deepEqual(await scene.engine('m1').refresh(soon()), nothing)
    assert.notEqual(await value(scene, atOnce.shown), atOnce.value)
  })

  promise('says which settings it would not start with, and goes on', 1, async (scene) => {
    await scene.begin()
    await settle(scene, { no_such_setting: '1' })
    const { outdated, refused } = await scene.engine('m1').refresh(soon())
    assert.match(refused ?? '', /no_such_setting/)
    assert.equal(outdated, undefined)
    await scene.query('m1', insert(1))
  })

  promise('stops a replica between two transactions, and it comes back', 2, async (scene) => {
    await scene.begin()
    await scene.query('m1', insert(1))
    await scene.shows('m2', 1)
    const [busy, idle] = [await scene.client('m2'), await scene.client('m2')]
    await idle.query('SELECT 1 AS one')
    await busy.query('START TRANSACTION')
    await busy.query('SELECT id FROM entries')
    const stopped = pending(scene.engine('m2').quiesce(ms(patience), soon()))
    await assert.rejects(async () => {
      // One that never rests is let go on until the end of the time.
      for (;;) {
        await pause(rest)
        await idle.query('SELECT 1 AS one')
      }
    })
    assert.equal(stopped.done(), false)
    assert.equal((await busy.query('SELECT id FROM entries')).length, 1)
    await busy.query('COMMIT')
    await stopped.outcome
    assert.equal((await scene.look('m2')).server, 'stopped')
    await scene.query('m1', insert(2))
    await scene.engine('m2').follow(scene.order('m1', 'follow'), soon())
    await scene.receives('m2', 'm1')
    await scene.shows('m2', 2)
  })
}
