// Reads what a MySQL has to be compared with another: where it is, and when it has come there (the
// manual, "Functions Used with Global Transaction Identifiers").

import type { Instant } from '../../../foundation/time.ts'
import type { OpenReader } from '../../compare/engine.ts'
import type { DatabaseAccounts } from '../../engine.ts'
import type { DialTls } from '../../member-tls.ts'
import { type ReaderDialect, reachedWithin, readerBy } from '../mysql-kin/compare.ts'

const dialect: ReaderDialect = {
  endless: 'SET SESSION max_execution_time = 0',
  isStored: "GENERATION_EXPRESSION = ''",
  position: '@@global.gtid_executed',
  async reaches(session, position, signal) {
    const { late } = await session.one('SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?) AS late', signal, [
      ...[position, reachedWithin],
    ])
    return Number(late) === 0
  },
}

/** Opens members to be read, as Always On's own account. */
export const openMysqlReader = (
  accounts: DatabaseAccounts,
  _now: () => Instant,
  tls?: DialTls,
): OpenReader => readerBy(dialect, accounts, tls)
