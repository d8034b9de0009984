// PostgreSQL keeps what members on several machines promise each other.

import { existsSync } from 'node:fs'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { openPostgresReader } from '../../src/databases/engines/postgresql/compare.ts'
import { openPostgres } from '../../src/databases/engines/postgresql/engine.ts'
import { Session } from '../../src/databases/engines/postgresql/session.ts'
import { findPostgresVouchers } from '../../src/databases/engines/postgresql/vouch.ts'
import type { MachineCertificate } from '../../src/databases/member-tls.ts'
import { accounts, type MemberKind, soon } from '../conformance/database-scene.ts'
import { connectPostgres } from './postgresql-client.ts'
import { type SecuredKind, securedMembers } from './secured-members.ts'

const account = accounts.replication

/** With pg_rewind, which the package has not. */
const installed = '/usr/lib/postgresql/15/bin'

const kind = (name: string, home: string | undefined): MemberKind => ({
  ...{ name, home, open: openPostgres, copies: true, connect: connectPostgres },
})

const promises: Omit<SecuredKind, 'kind'> = {
  protocol: 'postgresql',
  vouchers: findPostgresVouchers,
  reader: openPostgresReader,
  async streams(scene, primary) {
    const { run, address } = scene.seat(primary).options
    const door = { host: run, port: address.port, account: accounts.admin, database: 'postgres' }
    using session = await Session.open(door, soon())
    const rows = await session.query(
      `SELECT ssl FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)
        WHERE state = 'streaming'`,
      soon(),
    )
    const secured = rows.filter(({ ssl }) => ssl === true).length
    return { secured, plain: rows.length - secured }
  },
  async comeAsReplica({ host, port }, shown) {
    const tls = shown as MachineCertificate | undefined
    const door = { host, port, account, database: 'postgres', replication: 'true', tls } as const
    using session = await Session.open(door, soon())
    await session.query('IDENTIFY_SYSTEM', soon())
  },
  isSecured: {
    question: 'SELECT ssl AND client_dn IS NOT NULL FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    answer: /^true$/,
  },
  async fingerprint({ host, port }, tls) {
    const door = { host, port, account, database: 'postgres', replication: 'true', tls } as const
    using session = await Session.open(door, soon())
    return (session.stream as TLSSocket).getPeerCertificate().fingerprint256
  },
}

securedMembers({ ...promises, kind: kind('PostgreSQL from its package', undefined) })

if (existsSync(installed)) {
  securedMembers({ ...promises, kind: kind('PostgreSQL 15 as installed', installed) })
} else test('PostgreSQL 15 as installed', { skip: `${installed} is not on this machine` }, () => {})
