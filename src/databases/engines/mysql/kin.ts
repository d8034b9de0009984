// MySQL, in the words of what it has in common with MariaDB.

import type { Kin } from '../mysql-kin/kin.ts'
import { identified, isOf, type Known, knownAccounts } from './accounts.ts'
import { readStatus, receivedOf, type ServerStatus } from './status.ts'

export const mysql: Kin<ServerStatus, Known> = {
  kill: (id) => `KILL CONNECTION ${id}`,
  accountLocked: 3118,
  reloadTls: 'ALTER INSTANCE RELOAD TLS',
  timeColumn: 'TIME * 1000',
  showReplicas: 'SHOW REPLICAS',
  async logged(session, signal) {
    return (await readStatus(session, signal)).applied
  },
  ...{ readStatus, receivedOf, knownAccounts, isOf, identified },
}
