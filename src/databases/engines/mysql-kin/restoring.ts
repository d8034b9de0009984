// What is repeated of an archived log of MariaDB or MySQL, how, and is what comes of it sound?

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Fault } from '../../../foundation/fault.ts'
import type { Instant } from '../../../foundation/time.ts'
import { describeInstant } from '../../backups/describe.ts'
import type { RestoreOrder } from '../../backups/engine.ts'
import type { DatabaseAccounts } from '../../engine.ts'
import { cutAt, type ReadPart } from './chain-cut.ts'
import { type Kin, nameOf, ownDatabase } from './kin.ts'
import type { Received } from './log-pieces.ts'
import type { ChainPart } from './outline.ts'
import { ended, start } from './processes.ts'
import type { KinServer } from './server.ts'
import { identifier, type Session } from './session.ts'

/** What is to be repeated. Rejects where nobody knows what had been committed by then. */
export async function chainUntil(
  chain: readonly ChainPart[] | undefined,
  { base, to, until }: Pick<RestoreOrder, 'base' | 'to' | 'until'>,
  read: ReadPart,
): Promise<readonly ChainPart[]> {
  if (chain === undefined) {
    throw new Fault('not-found', `the log does not lead on from ${base.id} without a gap`, {
      remedy: 'choose a moment that a later backup leads to',
    })
  }
  if (to === undefined) return chain
  const { parts, isExact } = await cutAt(chain, to, read)
  if (isExact || (until !== undefined && to <= until)) return parts
  throw notKept(to, until)
}

const notKept = (to: Instant, until: Instant | undefined): Fault => {
  const end = until === undefined ? 'it ends earlier' : `it ends at ${describeInstant(until)}`
  return new Fault('not-found', `${describeInstant(to)} is not among what is kept: ${end}`, {
    remedy: 'choose an earlier moment, or restore all there is: --to latest',
  })
}

/** How the client is told to take what comes as it is. */
export const clientWords = (into: string): readonly string[] => [
  ...[`--defaults-file=${into}`, '--binary-mode', '--max-allowed-packet=1G'],
]

/** Repeats the transactions with their own numbers; resolves to the last one. */
export async function repeat(
  programs: { readonly binlog: string; readonly client: string },
  into: string,
  chain: readonly ChainPart[],
  read: ReadPart,
  { run, progress }: RestoreOrder,
  signal: AbortSignal,
): Promise<{ readonly gtid: string; readonly second: number } | undefined> {
  let last: Received | undefined
  let done = 0
  const of = chain.reduce((sum, { piece }) => sum + piece.end, 0)
  for (const part of chain) {
    done += part.piece.end
    if (part.runs.length === 0) continue
    const { bytes, begin, groups } = await read(part)
    const file = join(run, `${part.piece.name}.binlog`)
    const parts = groups.map(({ from, to }) => bytes.subarray(from, to))
    writeFileSync(file, Buffer.concat([bytes.subarray(0, begin), ...parts]), { mode: 0o600 })
    const binlog = start(programs.binlog, ['--no-defaults', file], {}, signal)
    const client = start(programs.client, clientWords(into), {}, signal)
    if (binlog.stdout === null || client.stdin === null) {
      throw new Fault('failed', 'no pipe was made')
    }
    const over = await Promise.allSettled([
      ended(client, programs.client),
      ended(binlog, programs.binlog),
      pipeline(binlog.stdout, client.stdin),
    ])
    const failed = over.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
    rmSync(file)
    last = groups.at(-1)
    progress({ step: 'applying the log', done, of })
  }
  return last
}

/** Reads every row of every table; resolves to what was found, for people. */
export async function examine(
  server: KinServer,
  { progress }: RestoreOrder,
  signal: AbortSignal,
): Promise<string> {
  const tables = await server.query(
    `SELECT TABLE_SCHEMA AS d, TABLE_NAME AS t FROM information_schema.TABLES
      WHERE TABLE_TYPE = 'BASE TABLE'
        AND TABLE_SCHEMA NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys')`,
    signal,
  )
  let rows = 0
  for (const [at, { d, t }] of tables.entries()) {
    const name = `${identifier(String(d))}.${identifier(String(t))}`
    const checks = await server.query(`CHECK TABLE ${name} EXTENDED`, signal)
    const bad = checks.find(({ Msg_type: kind }) => String(kind).toLowerCase() === 'error')
    if (bad !== undefined) {
      throw new Fault('corrupt', `${d}.${t} is damaged in what was restored: ${bad.Msg_text}`, {
        remedy: 'make another backup from another member: alwayson backup',
      })
    }
    const { n } = await server.one(`SELECT COUNT(*) AS n FROM ${name}`, signal)
    rows += Number(n)
    progress({ step: 'checking all tables', done: at + 1, of: undefined })
  }
  return `${tables.length} tables, ${rows} rows checked`
}

/** A history begins here; what becomes another database has another name and password. */
export async function rename(
  kin: Pick<Kin, 'identified'>,
  server: KinServer,
  database: string,
  { accounts, to }: RestoreOrder,
  ensure: (session: Session, accounts: DatabaseAccounts) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await recordRestore(server, database, to, signal)
  if (accounts === undefined) return
  await server.query(`UPDATE ${ownDatabase}.identity SET id = UUID()`, signal)
  await ensure(await server.session(signal), {
    ...accounts,
    admin: server.options.accounts.admin,
  })
  const { user, password } = accounts.admin
  for (const from of ['%', 'localhost'] as const) {
    await server.query(
      `ALTER USER IF EXISTS ${nameOf(user, from)} ${kin.identified(password)}`,
      signal,
    )
  }
}

/** Writes down that a history begins here: `of` is what was restored. */
async function recordRestore(
  server: KinServer,
  of: string,
  to: Instant | undefined,
  signal: AbortSignal,
): Promise<void> {
  await server.query(
    `CREATE TABLE IF NOT EXISTS ${ownDatabase}.restored (
      id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, at TIMESTAMP NOT NULL,
      until VARCHAR(40), of VARCHAR(255) NOT NULL) ENGINE = InnoDB`,
    signal,
  )
  await server.query(
    `INSERT INTO ${ownDatabase}.restored (at, until, of) VALUES (NOW(), ?, ?)`,
    signal,
    [to === undefined ? null : describeInstant(to), of],
  )
}
