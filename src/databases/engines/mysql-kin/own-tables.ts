// What of ours is in a database of MariaDB or MySQL? A few tables, that replicas have as well.

import { ownDatabase } from './kin.ts'
import type { Session } from './session.ts'

/** The tables of the database that is ours on every member. */
const tables = [
  `CREATE DATABASE IF NOT EXISTS ${ownDatabase}`,
  `CREATE TABLE IF NOT EXISTS ${ownDatabase}.epoch (
    epoch BIGINT UNSIGNED NOT NULL PRIMARY KEY, member VARCHAR(255) NOT NULL,
    at TIMESTAMP NOT NULL) ENGINE = InnoDB`,
  `CREATE TABLE IF NOT EXISTS ${ownDatabase}.identity (
    one TINYINT NOT NULL PRIMARY KEY, id CHAR(36) NOT NULL) ENGINE = InnoDB`,
  `CREATE TABLE IF NOT EXISTS ${ownDatabase}.probe (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, at TIMESTAMP NOT NULL)
    ENGINE = InnoDB`,
] as const

/** Our own tables, and the name that tells this database from others. */
export async function ensureTables(session: Session, signal: AbortSignal): Promise<void> {
  if (!(await hasTables(session, signal))) {
    for (const table of tables) await session.query(table, signal)
  }
  await session.query(`INSERT IGNORE INTO ${ownDatabase}.identity VALUES (1, UUID())`, signal)
}

/** To make what is there already is written to the log as well: clients wait for that. */
async function hasTables(session: Session, signal: AbortSignal): Promise<boolean> {
  const rows = await session.query(
    `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${ownDatabase}'
      AND TABLE_NAME IN ('epoch', 'identity', 'probe')`,
    signal,
  )
  return rows.length === 3
}
