// PostgreSQL keeps the promises of a member's engine, from its npm package and as installed.

import { existsSync } from 'node:fs'
import pg from 'pg'
import { openPostgres } from '../../src/databases/engines/postgresql/engine.ts'
import { databaseMemberConformance } from '../conformance/database-member.ts'
import type { MemberKind, Session } from '../conformance/database-scene.ts'

const connect: MemberKind['connect'] = async ({ host, port }, { user, password }, database) => {
  const client = new pg.Client({ host, port, user, password, database })
  // Its server may be ended at any moment of a test: whoever has a query under way hears of it.
  client.on('error', () => {})
  await client.connect()
  const session: Session = {
    query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
    [Symbol.asyncDispose]: () => client.end(),
  }
  return session
}

databaseMemberConformance({
  name: 'PostgreSQL from its package',
  open: openPostgres,
  home: undefined,
  connect,
})

const installed = '/usr/lib/postgresql/15/bin'
if (existsSync(installed)) {
  databaseMemberConformance({
    name: 'PostgreSQL 15 as installed',
    open: openPostgres,
    home: installed,
    connect,
  })
}
