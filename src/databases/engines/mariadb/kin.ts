// MariaDB, in the words of what it has in common with MySQL.

import { Fault } from '../../../foundation/fault.ts'
import type { AckSet } from '../../model.ts'
import type { Kin } from '../mysql-kin/kin.ts'
import { identified, isOf, type Known, knownAccounts } from './accounts.ts'
import { furthest } from './gtid.ts'
import { readStatus, receivedOf, type ServerStatus } from './status.ts'

export const mariadb: Kin<ServerStatus, Known> = {
  // Never only its statement: a commit that waits would be answered as if it were acknowledged.
  kill: (id) => `KILL HARD CONNECTION ${id}`,
  accountLocked: 4151,
  // Not as a part of the history: a replica would have written what nobody else has.
  reloadTls: 'FLUSH NO_WRITE_TO_BINLOG SSL',
  timeColumn: 'TIME_MS',
  showReplicas: 'SHOW SLAVE HOSTS',
  async logged(session, signal) {
    const { at } = await session.one('SELECT @@global.gtid_binlog_pos AS at', signal)
    return furthest(String(at))
  },
  ...{ readStatus, receivedOf, knownAccounts, isOf, identified },
}

/** Refuses a set that this engine cannot keep, before anything is changed. */
export function assertPossible(acks: AckSet, most: number): void {
  if (acks.needed > most) {
    throw new Fault('unsupported', `MariaDB cannot wait for ${acks.needed} acknowledgements`, {
      remedy: 'use three members at most with `durability: quorum`, or PostgreSQL',
    })
  }
}
