// Which accounts does a member's server know, and are their passwords ours? Passwords travel as
// verifiers: so no policy of the server's is asked about them, and none is logged for nothing.

import { randomBytes } from 'node:crypto'
import { type KnownAccount, keyOf } from '../mysql-kin/kin.ts'
import { literal, type Session } from '../mysql-kin/session.ts'
import { isSha2Of, sha2Verifier } from './sha256-crypt.ts'

/** The words of a statement that give an account its password. */
export const identified = (password: string): string =>
  `IDENTIFIED WITH caching_sha2_password AS ${literal(sha2Verifier(password, randomBytes(20)))}`

export interface Known extends KnownAccount {
  readonly verifier: string
}

/** The accounts of a server by `keyOf`. */
export async function knownAccounts(
  session: Session,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Known>> {
  const rows = await session.query(
    `SELECT User AS user, Host AS host, account_locked AS locked, ssl_type AS certified,
      plugin, authentication_string AS verifier
      FROM mysql.user WHERE Host IN ('%', 'localhost')`,
    signal,
  )
  return new Map(
    rows.map(({ user, host, locked, certified, plugin, verifier }) => [
      keyOf(String(user), host),
      {
        verifier: plugin === 'caching_sha2_password' ? String(verifier ?? '') : '',
        locked: locked === 'Y',
        certified: String(certified) === 'X509',
      },
    ]),
  )
}

/** Whether an account has this password. */
export const isOf = ({ verifier }: Known, password: string): boolean => isSha2Of(verifier, password)
