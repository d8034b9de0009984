// MariaDB as the suite of members knows it: how it is opened, and how a client comes in.

import { createConnection } from 'mysql2/promise'
import { openMariadb } from '../../src/databases/engines/mariadb/engine.ts'
import { tlsTo } from '../../src/databases/member-tls.ts'
import type { MemberKind, Session } from '../conformance/database-scene.ts'

const connect: MemberKind['connect'] = async ({ host, port }, account, database, tls) => {
  const ssl = tls === undefined ? {} : { ssl: { ...tlsTo(host, tls), rejectUnauthorized: true } }
  const client = await createConnection({ host, port, ...account, database, ...ssl })
  // Its server may be ended at any moment of a test: whoever has a query under way hears of it.
  client.on('error', () => {})
  const session: Session = {
    query: async (sql) => {
      const [rows] = await client.query(sql)
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : []
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
  return session
}

/** As small as tests need them: a server's files are made over and over again. */
const settings = {
  innodb_log_file_size: '8M',
  innodb_buffer_pool_size: '16M',
  innodb_buffer_pool_dump_at_shutdown: 'OFF',
  innodb_buffer_pool_load_at_startup: 'OFF',
  performance_schema: 'OFF',
}

export const mariadb: MemberKind = {
  name: 'MariaDB as installed',
  open: (options) => openMariadb({ ...options, settings: { ...settings, ...options.settings } }),
  home: undefined,
  changes: {
    atOnce: { name: 'max_connections', value: '120', shown: 'SELECT @@max_connections AS value' },
    atStart: { name: 'back_log', value: '60', shown: 'SELECT @@back_log AS value' },
  },
  connect,
}
