// Which accounts does a member's server know, and what may they do? Passwords travel as verifiers.

import { createHash } from 'node:crypto'
import type { DatabaseAccounts } from '../../engine.ts'
import { type KnownAccount, keyOf, nameOf } from '../mysql-kin/kin.ts'
import { literal, type Session } from '../mysql-kin/session.ts'

const sha1 = (bytes: string | Buffer): Buffer => createHash('sha1').update(bytes).digest()

/** What `mysql_native_password` keeps of a password: `*` and SHA1(SHA1(password)) in hex. */
export const verifierOf = (password: string): string =>
  `*${sha1(sha1(password)).toString('hex').toUpperCase()}`

/** The words of a statement that give an account its password. */
export const identified = (password: string): string =>
  `IDENTIFIED VIA mysql_native_password USING ${literal(verifierOf(password))}`

/** What the first start of an empty database does, before anybody can connect. */
export const firstStatements = ({ admin }: DatabaseAccounts): readonly string[] => [
  'FLUSH PRIVILEGES',
  `CREATE USER ${nameOf(admin.user)} ${identified(admin.password)}`,
  `GRANT ALL PRIVILEGES ON *.* TO ${nameOf(admin.user)} WITH GRANT OPTION`,
]

/** SSL_TYPE_X509 of the server's `enum SSL_type`. */
const certifiedType = 2

export interface Known extends KnownAccount {
  readonly verifier: string
}

/** The accounts of a server by `keyOf`. */
export async function knownAccounts(
  session: Session,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Known>> {
  const rows = await session.query(
    `SELECT User AS user, Host AS host, JSON_VALUE(Priv, '$.authentication_string') AS verifier,
      JSON_VALUE(Priv, '$.account_locked') AS locked, JSON_VALUE(Priv, '$.ssl_type') AS certified
      FROM mysql.global_priv WHERE Host IN ('%', 'localhost')`,
    signal,
  )
  return new Map(
    rows.map(({ user, host, verifier, locked, certified }) => [
      keyOf(String(user), host),
      {
        verifier: String(verifier ?? ''),
        locked: ['1', 'true'].includes(String(locked)),
        certified: Number(certified) === certifiedType,
      },
    ]),
  )
}

/** Whether an account has this password. */
export const isOf = ({ verifier }: Known, password: string): boolean =>
  verifier === verifierOf(password)
