// Makes sure that a primary knows whom it has to know, and that they may what they have to.

import { randomBytes } from 'node:crypto'
import type { Account, DatabaseAccounts } from '../../engine.ts'
import { isOfPassword, scramVerifier } from './scram.ts'
import type { Session } from './session.ts'

/** Quoted as a name, and as a string. */
export const sqlName = (name: string): string => `"${name.replaceAll('"', '""')}"`
export const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** What pg_rewind asks of its source (its manual page). */
export const rewindFunctions = [
  'pg_ls_dir(text, boolean, boolean)',
  'pg_stat_file(text, boolean)',
  'pg_read_binary_file(text)',
  'pg_read_binary_file(text, bigint, bigint, boolean)',
]

/** What a session says first that writes for us: no word of it reaches the log, or waits. */
export const quietly = [
  "SET log_statement = 'none'",
  'SET log_min_duration_statement = -1',
  "SET log_min_error_statement = 'panic'",
  'SET synchronous_commit = local',
]

/** Makes a role that may log in, with these rights and this password, or makes it so. */
export async function ensureRole(
  session: Session,
  account: Account,
  rights: string,
  signal: AbortSignal,
): Promise<void> {
  await session.run(await roleStatements(session, account, rights, signal), signal)
}

async function roleStatements(
  session: Session,
  account: Account,
  rights: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = await session.row(
    'SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = $1',
    signal,
    [account.user],
  )
  const role = sqlName(account.user)
  const verifier = typeof found.verifier === 'string' ? found.verifier : undefined
  const password = isOfPassword(verifier, account.password)
    ? ''
    : ` PASSWORD ${sqlText(scramVerifier(account.password, randomBytes(16)))}`
  return [
    ...('verifier' in found ? [] : [`CREATE ROLE ${role}`]),
    `ALTER ROLE ${role} LOGIN ${rights}${password}`,
  ]
}

/**
 * In a session that has been told `quietly`, of a primary. Finds what is there, makes the rest. Of
 * a server that was taken over a database that was there stays whose it is.
 */
export async function ensureAccounts(
  session: Session,
  { replication, app }: DatabaseAccounts,
  isAdopted: boolean,
  signal: AbortSignal,
): Promise<void> {
  const few = 'NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS'
  const role = sqlName(replication.user)
  // Clients wait: all of it is put on disk at once.
  const statements = [
    ...(await roleStatements(session, replication, `${few} REPLICATION`, signal)),
    ...(await roleStatements(session, app, `${few} NOREPLICATION`, signal)),
    ...rewindFunctions.map((each) => `GRANT EXECUTE ON FUNCTION pg_catalog.${each} TO ${role}`),
    // What it can copy it may read as well: members are compared by it.
    `GRANT pg_read_all_data TO ${role}`,
  ]
  const database = await session.query('SELECT 1 FROM pg_database WHERE datname = $1', signal, [
    app.database,
  ])
  const owned = `ALTER DATABASE ${sqlName(app.database)} OWNER TO ${sqlName(app.user)}`
  const isThere = database.length > 0
  await session.run(isThere && !isAdopted ? [...statements, owned] : statements, signal)
  if (isThere) return
  await session.query(`CREATE DATABASE ${sqlName(app.database)} OWNER ${sqlName(app.user)}`, signal)
}

/**
 * Users and databases whose commits do not wait for acknowledgement, since somebody set it so: what
 * they were told may be lost. It cannot be refused: the setting is everybody's to change.
 */
export async function findImpatient(
  session: Session,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const rows = await session.query(
    `SELECT coalesce('user ' || r.rolname, 'database ' || d.datname) AS who, c AS setting
       FROM pg_db_role_setting s
       LEFT JOIN pg_roles r ON r.oid = s.setrole
       LEFT JOIN pg_database d ON d.oid = s.setdatabase
       CROSS JOIN unnest(s.setconfig) AS c
      WHERE c LIKE 'synchronous_commit=%' AND c NOT IN
        ('synchronous_commit=on', 'synchronous_commit=remote_apply')`,
    signal,
  )
  return rows.map(({ who, setting }) => `${who} has ${setting}`)
}
