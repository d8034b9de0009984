// What is done in a restored server before it is given away: it is looked through, or made the
// beginning of another history.

import { randomBytes } from 'node:crypto'
import { Fault } from '../../../foundation/fault.ts'
import type { BackupOptions, RestoreOrder } from '../../backups/engine.ts'
import type { Progress } from '../../engine.ts'
import { quietly, sqlName, sqlText } from './accounts.ts'
import { scramVerifier } from './scram.ts'
import type { Server } from './server.ts'
import type { Session } from './session.ts'

/**
 * Writes down that a history begins here: whoever makes backups keeps it apart from the one before.
 * What becomes another database is given that one's password.
 */
export async function rename(
  session: Session,
  options: BackupOptions,
  { accounts, to }: RestoreOrder,
  signal: AbortSignal,
): Promise<void> {
  for (const statement of quietly) await session.query(statement, signal)
  await session.query('CREATE SCHEMA IF NOT EXISTS alwayson', signal)
  await session.query(
    `CREATE TABLE IF NOT EXISTS alwayson.restored
      (at timestamptz NOT NULL DEFAULT now(), until timestamptz, of text NOT NULL)`,
    signal,
  )
  const until = to === undefined ? 'NULL' : `to_timestamp(${to / 1000})`
  await session.query(
    `INSERT INTO alwayson.restored (until, of) VALUES (${until}, ${sqlText(options.database)})`,
    signal,
  )
  if (accounts === undefined) return
  const verifier = scramVerifier(accounts.admin.password, randomBytes(16))
  await session.query(
    `ALTER ROLE ${sqlName(accounts.admin.user)} PASSWORD ${sqlText(verifier)}`,
    signal,
  )
}

/** Reads every row of every table, and every index where the server can check those. */
export async function examine(
  server: Server,
  progress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<string> {
  using first = await server.connect(signal)
  const databases = await first.query(
    `SELECT datname AS name FROM pg_database WHERE datallowconn AND NOT datistemplate`,
    signal,
  )
  const seen = { tables: 0, rows: 0, indexes: 0 }
  let done = 0
  for (const { name } of databases) {
    using session = await server.connect(signal, { database: String(name) })
    const hasCheck = await makeCheck(session, signal)
    for (const { table, bytes, id } of await session.query(tablesOf, signal)) {
      const { rows } = await reading(String(table), () =>
        session.row(`SELECT count(t.*)::int8::text AS rows FROM ${String(table)} t`, signal),
      )
      seen.tables += 1
      seen.rows += Number(rows)
      done += Number(bytes)
      progress({ step: 'reading all tables', done, of: undefined })
      if (hasCheck) seen.indexes += await checkIndexes(session, Number(id), String(table), signal)
    }
  }
  const indexes = seen.indexes === 0 ? '' : `, ${seen.indexes} indexes`
  return `${seen.tables} tables, ${seen.rows} rows${indexes} read`
}

const tablesOf = `
  SELECT format('%I.%I', n.nspname, c.relname) AS table, c.oid::int8::text AS id,
         pg_table_size(c.oid)::text AS bytes
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND c.relispopulated
     AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   ORDER BY 1`

/** Whether indexes can be checked: the extension comes with some installations. */
async function makeCheck(session: Session, signal: AbortSignal): Promise<boolean> {
  const { there } = await session.row(
    `SELECT count(*) > 0 AS there FROM pg_available_extensions WHERE name = 'amcheck'`,
    signal,
  )
  if (there !== true) return false
  await session.query('CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA pg_catalog', signal)
  return true
}

async function checkIndexes(
  session: Session,
  table: number,
  name: string,
  signal: AbortSignal,
): Promise<number> {
  const { count } = await reading(name, () =>
    session.row(
      `SELECT count(bt_index_check(i.indexrelid, i.indisunique))::int AS count
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         JOIN pg_am a ON a.oid = c.relam
        WHERE i.indrelid = $1 AND a.amname = 'btree' AND i.indisready AND i.indisvalid`,
      signal,
      [table],
    ),
  )
  return Number(count)
}

async function reading<T>(table: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new Fault('corrupt', `${table} cannot be read in what was restored`, {
      remedy: 'make another backup from another member, and compare the members: alwayson verify',
      cause,
    })
  }
}
