// What becomes of a row that nobody acknowledged when a crashed primary of MariaDB is started by
// the wrong role? As a primary it finishes what is in its log: that is right where it is elected,
// and leaves a row that nobody else has where another one was.

import { join } from 'node:path'
import { checkAcknowledged } from '../../src/drills/checkers/acknowledged.ts'
import type { AcknowledgedVerdict } from '../../src/drills/checkers/model.ts'
import { anyOf, patience, Scene, soon } from '../../test/conformance/database-scene.ts'
import { ahead, insert, pending, received } from '../../test/conformance/database-watch.ts'
import { mariadb } from '../../test/engines/mariadb-member.ts'
import { until } from '../../test/engines/waiting.ts'

const rows = 20

/**
 * A primary crashes with one row more than its replica, which is elected. Compares what the former
 * one has when it is back with the rows of the new one: as if those were all that was ever tried.
 */
export async function tailAfter(role: 'right' | 'wrong'): Promise<AcknowledgedVerdict> {
  await using scene = await Scene.open(mariadb, 2)
  await scene.begin(anyOf('m2'))
  for (let id = 1; id <= rows; id += 1) await scene.query('m1', insert(id))
  await scene.engine('m2').freeze(soon())
  await leaveTail(scene)
  await scene.engine('m2').promote({ epoch: 2, acks: { members: [], needed: 0 } }, soon())
  if (role === 'wrong') await startAsPrimary(scene)
  else {
    await scene.engine('m1').follow(scene.order('m2', 'rewind'), soon())
    await scene.receives('m1', 'm2')
  }
  const theirs = await scene.ids('m2')
  return checkAcknowledged(
    theirs.map((id) => ({ id, invoked: 0, completed: 1, outcome: 'ok' })),
    { ids: await scene.ids('m1'), invoked: 2, completed: 3 },
  )
}

/** A row that the primary has in its log, and nobody else; then it crashes. */
async function leaveTail(scene: Scene): Promise<void> {
  const before = await received(scene, 'm1')
  const waiting = pending(scene.query('m1', insert(rows + 1)))
  const isThere = async (): Promise<boolean> => ahead(await received(scene, 'm1'), before) > 0
  await until('the primary has a row that nobody else has', isThere, patience)
  await scene.seat('m1').host.crash()
  // Its client was told nothing.
  await waiting.outcome.catch(() => undefined)
}

/** As a service of the system would be started again, by a file that says nothing else. */
async function startAsPrimary(scene: Scene): Promise<void> {
  const { host, options } = scene.seat('m1')
  await host.start({
    argv: ['mariadbd', `--defaults-file=${join(options.run, 'server.cnf')}`, '--user=mysql'],
    cwd: options.data,
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: `${process.env.PATH}:/usr/sbin` },
    ...{ uid: undefined, gid: undefined, log: join(options.run, 'server.log') },
  })
  const answers = async (): Promise<boolean> => {
    try {
      await scene.ids('m1')
      return true
    } catch {
      return false
    }
  }
  await until('the server answers', answers, patience)
}
