// Reads what a MariaDB has to be compared with another: where it is, and when it has come there.

import type { Instant } from '../../../foundation/time.ts'
import type { OpenReader } from '../../compare/engine.ts'
import type { DatabaseAccounts } from '../../engine.ts'
import type { DialTls } from '../../member-tls.ts'
import { type ReaderDialect, reachedWithin, readerBy } from '../mysql-kin/compare.ts'
import { furthest } from './gtid.ts'

const dialect: ReaderDialect = {
  endless: 'SET SESSION max_statement_time = 0',
  isStored: "IS_GENERATED = 'NEVER'",
  position: '@@global.gtid_binlog_pos',
  async reaches(session, position, signal) {
    const { there } = await session.one('SELECT @@global.gtid_slave_pos AS there', signal)
    const [goal, at] = [furthest(position), furthest(String(there))]
    if (at.line === goal.line && at.at >= goal.at) return true
    const values = [position, reachedWithin]
    const { late } = await session.one('SELECT MASTER_GTID_WAIT(?, ?) AS late', signal, values)
    return Number(late) === 0
  },
}

/** Opens members to be read, as Always On's own account. */
export const openMariadbReader = (
  accounts: DatabaseAccounts,
  _now: () => Instant,
  tls?: DialTls,
): OpenReader => readerBy(dialect, accounts, tls)
