// PostgreSQL 15 as Debian installs it, with pg_rewind, keeps the promises of a member’s engine.

import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { openPostgres } from '../../src/databases/engines/postgresql/engine.ts'
import { findPostgresVouchers } from '../../src/databases/engines/postgresql/vouch.ts'
import { databaseMemberConformance } from '../conformance/database-member.ts'
import { connectPostgres, postgresChanges } from './postgresql-client.ts'

const home = '/usr/lib/postgresql/15/bin'

if (existsSync(home)) {
  databaseMemberConformance({
    name: 'PostgreSQL 15 as installed',
    open: openPostgres,
    vouchers: { find: findPostgresVouchers, socketOf: ({ run }) => run },
    copies: true,
    home,
    changes: postgresChanges,
    connect: connectPostgres,
  })
} else test('PostgreSQL 15 as installed', { skip: `${home} is not on this machine` }, () => {})
