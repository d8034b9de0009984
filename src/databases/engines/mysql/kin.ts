// MySQL, in the words of what it has in common with MariaDB.

import type { Account } from '../../engine.ts'
import { type Kin, type KnownAccount, keyOf, nameOf, type Origin } from '../mysql-kin/kin.ts'
import { literal, type Session } from '../mysql-kin/session.ts'
import { readStatus, receivedOf, type ServerStatus } from './status.ts'

async function knownAccounts(
  session: Session,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, KnownAccount>> {
  const rows = await session.query(
    `SELECT User AS user, Host AS host, account_locked AS locked, ssl_type AS certified
      FROM mysql.user WHERE Host IN ('%', 'localhost')`,
    signal,
  )
  return new Map(
    rows.map(({ user, host, locked, certified }) => [
      keyOf(String(user), host),
      { locked: locked === 'Y', certified: String(certified) === 'X509' },
    ]),
  )
}

/**
 * What a server keeps of a password of `caching_sha2_password` does not tell whether it is this
 * one: it is given anew. The server itself keeps the word out of its logs.
 */
async function ensureAccount(
  session: Session,
  known: ReadonlyMap<string, KnownAccount>,
  { user, password }: Account,
  grants: readonly string[],
  signal: AbortSignal,
  from: Origin = '%',
): Promise<void> {
  const name = nameOf(user, from)
  const identified = `IDENTIFIED WITH caching_sha2_password BY ${literal(password)}`
  const verb = known.has(keyOf(user, from)) ? 'ALTER' : 'CREATE'
  await session.query(`${verb} USER ${name} ${identified}`, signal)
  for (const grant of grants) await session.query(`GRANT ${grant} TO ${name}`, signal)
}

export const mysql: Kin<ServerStatus> = {
  kill: (id) => `KILL CONNECTION ${id}`,
  accountLocked: 3118,
  reloadTls: 'ALTER INSTANCE RELOAD TLS',
  timeColumn: 'TIME * 1000',
  showReplicas: 'SHOW REPLICAS',
  async logged(session, signal) {
    return (await readStatus(session, signal)).applied
  },
  ...{ readStatus, receivedOf, knownAccounts, ensureAccount },
}
