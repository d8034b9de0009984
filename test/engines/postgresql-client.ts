// A client of PostgreSQL, for the suite of engines.

import pg from 'pg'
import { tlsTo } from '../../src/databases/member-tls.ts'
import type { MemberKind, Session } from '../conformance/database-scene.ts'

export const connectPostgres: MemberKind['connect'] = async (
  { host, port },
  { user, password },
  database,
  tls,
) => {
  const ssl = tls === undefined ? false : tlsTo(host, tls)
  const client = new pg.Client({ host, port, user, password, database, ssl })
  // Its server may be ended at any moment of a test: whoever has a query under way hears of it.
  client.on('error', () => {})
  await client.connect()
  const session: Session = {
    query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
    [Symbol.asyncDispose]: () => client.end(),
  }
  return session
}

/** Settings of PostgreSQL that no test has otherwise. */
export const postgresChanges: NonNullable<MemberKind['changes']> = {
  atOnce: { name: 'work_mem', value: '5MB', shown: 'SHOW work_mem' },
  atStart: { name: 'max_connections', value: '120', shown: 'SHOW max_connections' },
}
