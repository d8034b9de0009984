// Who makes backups of which kind of database? Loaded when a file asks for it.

import type { OpenBackups } from '../databases/backups/engine.ts'
import type { OpenReader } from '../databases/compare/engine.ts'
import type { DatabaseAccounts } from '../databases/engine.ts'
import type { DialTls } from '../databases/member-tls.ts'
import type { EngineName } from '../databases/model.ts'
import type { Instant } from '../foundation/time.ts'

/** Who reads members of one kind, to compare them. */
export async function memberReader(
  name: EngineName,
): Promise<(accounts: DatabaseAccounts, now: () => Instant, tls?: DialTls) => OpenReader> {
  switch (name) {
    case 'postgresql':
      return (await import('../databases/engines/postgresql/compare.ts')).openPostgresReader
    case 'mariadb':
      return (await import('../databases/engines/mariadb/compare.ts')).openMariadbReader
    case 'mysql':
      return (await import('../databases/engines/mysql/compare.ts')).openMysqlReader
  }
}

/** The adapter of one kind. */
export async function backupEngine(name: EngineName): Promise<OpenBackups> {
  switch (name) {
    case 'postgresql':
      return (await import('../databases/engines/postgresql/backups.ts')).openPostgresBackups
    case 'mariadb':
      return (await import('../databases/engines/mariadb/backups.ts')).openMariadbBackups
    case 'mysql':
      return (await import('../databases/engines/mysql/backups.ts')).openMysqlBackups
  }
}
