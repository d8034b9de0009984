// PostgreSQL from its npm package keeps the promises of a member's engine.

import { openPostgres } from '../../src/databases/engines/postgresql/engine.ts'
import { findPostgresVouchers } from '../../src/databases/engines/postgresql/vouch.ts'
import { databaseMemberConformance } from '../conformance/database-member.ts'
import { connectPostgres, postgresChanges } from './postgresql-client.ts'

databaseMemberConformance({
  name: 'PostgreSQL from its package',
  open: openPostgres,
  vouchers: { find: findPostgresVouchers, socketOf: ({ run }) => run },
  copies: true,
  home: undefined,
  changes: postgresChanges,
  connect: connectPostgres,
})
