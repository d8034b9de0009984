// How do the replicas of a bed on machines receive, in the clear or under TLS? Their servers are
// asked by their own sockets, as Always On itself.

import { join } from 'node:path'
import type { Bed } from '../../bench/failover/bed.ts'
import type { Place } from '../../bench/failover/place.ts'
import { readKeys } from '../../src/control/doors/keys.ts'
import { Session } from '../../src/databases/engines/mysql-kin/session.ts'
import type { DatabasePlan } from '../../src/databases/model.ts'
import { accountsOf } from '../../src/databases/passwords.ts'
import { connectPostgres } from '../engines/postgresql-client.ts'

const soon = (): AbortSignal => AbortSignal.timeout(30_000)

async function adminOf({ folder }: Place) {
  const keys = await readKeys(join(folder, 'alwayson.keys'))
  const named = { name: 'orders', app: { user: 'orders', database: 'orders' } }
  return accountsOf(named as DatabasePlan, keys?.secret ?? '').admin
}

/** Of each stream that is open: whether it is under TLS. */
export async function streamsOf(bed: Bed): Promise<readonly boolean[]> {
  const { members, primary = '' } = await bed.well()
  if (bed.options.engine === 'postgresql') {
    const place = bed.placeOf(primary)
    const port = Number(
      members
        .find(({ name }) => name === primary)
        ?.address.split(':')
        .at(-1),
    )
    const at = { host: join(place.sockets, primary), port }
    await using session = await connectPostgres(at, await adminOf(place), 'postgres')
    const rows = await session.query(
      `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_replication r USING (pid)
        WHERE r.application_name LIKE 'orders-%'`,
    )
    return rows.map(({ ssl }) => ssl === true)
  }
  const replicas = members.filter(({ name }) => name !== primary)
  return await Promise.all(
    replicas.map(async ({ name }) => {
      const place = bed.placeOf(name)
      const socket = join(place.sockets, name, 'sql.sock')
      using session = await Session.open({ socket }, await adminOf(place), soon())
      const row = await session.one('SHOW SLAVE STATUS', soon())
      return row.Slave_IO_Running === 'Yes' && row.Master_SSL_Allowed === 'Yes'
    }),
  )
}
