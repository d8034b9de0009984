// A server of MySQL that is thrown away soon: for a copy, or a restore. Nobody else reaches it.

import type { BackupOptions } from '../../backups/engine.ts'
import type { ServerHost } from '../../host.ts'
import { ownerOf } from '../mysql-kin/processes.ts'
import { findPrograms } from './programs.ts'
import { MysqlServer } from './server.ts'

/** It ends cleanly within this: nothing of it is repeated from a log. */
export const endWithin = 120_000

/** Opens it; nothing is started. Rejects with a Fault where MySQL is not installed. */
export async function openScratch(
  options: BackupOptions,
  place: { readonly purpose: string; readonly data: string; readonly run: string },
  host: ServerHost,
): Promise<MysqlServer> {
  const { database, accounts, home, user, settings, now, event } = options
  const certificate = options.tls?.()
  const tls = certificate && (() => certificate)
  const member = `${database}-${place.purpose}`
  const address = { member, host: '127.0.0.1', port: 3306 }
  return new MysqlServer(
    {
      ...{ database, member, address, peers: [address], accounts, home, user, settings, host },
      ...{ data: place.data, run: place.run, aside: `${place.data}.aside`, now, event, tls },
      durability: 'async',
    },
    await findPrograms(home),
    ownerOf(user),
  )
}
