// What becomes of acknowledged rows when a crashed primary of MariaDB is started by the wrong role?
// As a replica of somebody else it cuts off what its engine had not finished, acknowledged or not:
// that is right where another was elected, and loses rows where it is elected itself.

import { join } from 'node:path'
import { checkAcknowledged } from '../../src/drills/checkers/acknowledged.ts'
import type { AcknowledgedVerdict, Insert } from '../../src/drills/checkers/model.ts'
import { anyOf, Scene, soon } from '../../test/conformance/database-scene.ts'
import { insert } from '../../test/conformance/database-watch.ts'
import { mariadb } from '../../test/engines/mariadb-member.ts'

const rows = 50
const now = (): number => performance.now()

/** A primary is killed right after it acknowledged, and elected again, started by this role. */
export async function wrongRole(role: 'right' | 'wrong'): Promise<AcknowledgedVerdict> {
  await using scene = await Scene.open(mariadb, 2)
  await scene.begin(anyOf('m2'))
  const { host, options, engine } = scene.seat('m1')
  const history: Insert[] = []
  const client = await scene.client('m1')
  for (let id = 1; id <= rows; id += 1) {
    const invoked = now()
    await client.query(insert(id))
    history.push({ id, invoked, completed: now(), outcome: 'ok' })
  }
  await host.crash()
  await scene.engine('m2').freeze(soon())
  if (role === 'wrong') {
    await host.start({
      argv: ['mariadbd', `--defaults-file=${join(options.run, 'server.cnf')}`, ...cutsOff],
      cwd: options.data,
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: `${process.env.PATH}:/usr/sbin` },
      ...{ uid: undefined, gid: undefined, log: join(options.run, 'server.log') },
    })
  }
  await engine.freeze(soon())
  await engine.promote({ epoch: 2, acks: { members: [], needed: 0 } }, soon())
  const invoked = now()
  const ids = await scene.ids('m1')
  return checkAcknowledged(history, { ids, invoked, completed: now() })
}

const cutsOff = ['--init-rpl-role=SLAVE', '--user=mysql']
