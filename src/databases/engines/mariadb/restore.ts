// Makes data of a base and the log after it, up to a moment: an empty server that nobody else
// reaches takes the tables, and then repeats what was committed until then.

import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Fault } from '../../../foundation/fault.ts'
import { type Instant, instant, ms } from '../../../foundation/time.ts'
import { describeInstant } from '../../backups/describe.ts'
import type { BackupOptions, Restored, RestoreOrder } from '../../backups/engine.ts'
import { openPart } from '../../backups/parts.ts'
import { ScratchHost } from '../../backups/scratch-host.ts'
import { readMark, writeMark } from '../mysql-kin/data-folder.ts'
import { putInPlace } from '../mysql-kin/drafts.ts'
import { nameOf, ownDatabase } from '../mysql-kin/kin.ts'
import { ended, ownerOf, start } from '../mysql-kin/processes.ts'
import { identifier, literal } from '../mysql-kin/session.ts'
import { ensureAccounts, verifierOf } from './accounts.ts'
import { optionFile } from './clone.ts'
import { install } from './install.ts'
import { dumpPart } from './kept-base.ts'
import {
  type ChainPart,
  chainFrom,
  cutAt,
  pieceBytes,
  pieceNames,
  readPiece,
} from './log-pieces.ts'
import { findPrograms } from './programs.ts'
import { MariadbServer } from './server.ts'
import { binaryLog } from './settings.ts'

/** A server that loads a copy has to end cleanly: nothing of it is in a log. */
const endWithin = ms(120_000)

/** Resolves when `order.data` is that of a server that was stopped cleanly. */
export async function restore(
  options: BackupOptions,
  order: RestoreOrder,
  signal: AbortSignal,
): Promise<Restored> {
  const { database, accounts, home, user, settings, now, event } = options
  const member = `${database}-${order.purpose}`
  const address = { member, host: '127.0.0.1', port: 3306 }
  await using host = new ScratchHost(now)
  using server = new MariadbServer(
    {
      ...{ database, member, address, peers: [address], accounts, home, user, settings, host },
      ...{ data: order.data, run: order.run, aside: `${order.data}.aside`, now, event },
      durability: 'async',
    },
    await findPrograms(home),
    ownerOf(user),
  )
  await rm(order.data, { recursive: true, force: true })
  // The server's user has to pass through these, and may not look around in them.
  for (const place of [order.data, order.run]) {
    mkdirSync(dirname(place), { recursive: true, mode: 0o711 })
  }
  try {
    const chain = await chainOf(order)
    const draft = await install(server, signal)
    const extra = ['--skip-log-bin', '--skip-networking', '--innodb-flush-log-at-trx-commit=2']
    await server.start('MASTER', signal, { data: draft, extra })
    const into = join(order.run, 'restore-into.cnf')
    optionFile(into, accounts.admin, [`socket = "${server.socket}"`])
    const bytes = await load(server, into, order, signal)
    const last = await repeat(server, into, chain, order, signal)
    const found = order.purpose === 'trial' ? await examine(server, order, signal) : undefined
    if (order.purpose === 'restore') await rename(server, options, order, signal)
    const { id } = await server.one(`SELECT id FROM ${ownDatabase}.identity`, signal)
    await server.end(endWithin)
    const known = readMark(draft)
    if (known !== undefined) {
      const owner = order.database ?? database
      const begins = last?.gtid ?? order.base.end
      writeMark(draft, { ...known, database: owner, identity: String(id), begins })
      // Its log begins there: whoever copies this member must not take it for all there is.
      const state = join(draft, `${binaryLog}.state`)
      writeFileSync(state, `${begins}\n`, { mode: 0o600 })
      if (server.owner !== undefined) chownSync(state, server.owner.uid, server.owner.gid)
    }
    putInPlace(order.data)
    return { last: last === undefined ? undefined : instant(last.second * 1000), bytes, found }
  } catch (thrown) {
    await server.kill()
    await rm(order.data, { recursive: true, force: true })
    throw thrown
  } finally {
    rmSync(`${order.data}.new`, { recursive: true, force: true })
    rmSync(order.run, { recursive: true, force: true })
  }
}

/** What is to be repeated. Throws a Fault where nobody knows what had been committed by then. */
async function chainOf({ store, base, to, until }: RestoreOrder): Promise<readonly ChainPart[]> {
  const pieces: Awaited<ReturnType<typeof readPiece>>[] = []
  for (const name of await pieceNames(store)) pieces.push(await readPiece(store, name))
  const chain = chainFrom(pieces, base.end)
  if (chain === undefined) {
    throw new Fault('not-found', `the log does not lead on from ${base.id} without a gap`, {
      remedy: 'choose a moment that a later backup leads to',
    })
  }
  if (to === undefined) return chain
  const { parts, isExact } = cutAt(chain, to)
  if (isExact || (until !== undefined && to <= until)) return parts
  throw notKept(to, until)
}

const notKept = (to: Instant, until: Instant | undefined): Fault => {
  const end = until === undefined ? 'it ends earlier' : `it ends at ${describeInstant(until)}`
  return new Fault('not-found', `${describeInstant(to)} is not among what is kept: ${end}`, {
    remedy: 'choose an earlier moment, or restore all there is: --to latest',
  })
}

const clientWords = (into: string): readonly string[] => [
  ...[`--defaults-file=${into}`, '--binary-mode', '--max-allowed-packet=1G'],
]

async function load(
  { programs }: MariadbServer,
  into: string,
  { store, base, progress }: RestoreOrder,
  signal: AbortSignal,
): Promise<number> {
  const client = start(programs.client, clientWords(into), {}, signal)
  if (client.stdin === null) throw new Fault('failed', 'no pipe was made')
  let done = 0
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of openPart(store, base, dumpPart, signal)) {
      done += chunk.length
      progress({ step: 'loading the tables', done, of: base.bytes })
      yield chunk
    }
  }
  const [piped, over] = await Promise.allSettled([
    pipeline(counted, client.stdin),
    ended(client, 'mariadb'),
  ])
  if (piped.status === 'rejected' && piped.reason instanceof Fault) throw piped.reason
  if (over.status === 'rejected') throw over.reason
  if (piped.status === 'rejected') throw piped.reason
  return done
}

/** Repeats the transactions with their own numbers; resolves to the last one. */
async function repeat(
  server: MariadbServer,
  into: string,
  chain: readonly ChainPart[],
  { store, run, progress }: RestoreOrder,
  signal: AbortSignal,
): Promise<{ readonly gtid: string; readonly second: number } | undefined> {
  const { programs } = server
  const all = chain.flatMap(({ groups }) => groups)
  let done = 0
  const of = all.reduce((sum, { from, to }) => sum + to - from, 0)
  for (const { piece, groups } of chain) {
    const [first] = piece.groups
    if (groups.length === 0 || first === undefined) continue
    const bytes = await pieceBytes(store, piece.name)
    const file = join(run, `${piece.name}.binlog`)
    const parts = groups.map(({ from, to }) => bytes.subarray(from, to))
    writeFileSync(file, Buffer.concat([bytes.subarray(0, first.from), ...parts]), { mode: 0o600 })
    const binlog = start(programs.binlog, ['--no-defaults', file], {}, signal)
    const client = start(programs.client, clientWords(into), {}, signal)
    if (binlog.stdout === null || client.stdin === null) {
      throw new Fault('failed', 'no pipe was made')
    }
    const over = await Promise.allSettled([
      ended(client, 'mariadb'),
      ended(binlog, 'mariadb-binlog'),
      pipeline(binlog.stdout, client.stdin),
    ])
    const failed = over.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
    rmSync(file)
    done += parts.reduce((sum, part) => sum + part.length, 0)
    progress({ step: 'applying the log', done, of })
  }
  return all.at(-1)
}

/** Reads every row of every table. */
async function examine(
  server: MariadbServer,
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
async function rename(
  server: MariadbServer,
  { database }: BackupOptions,
  { accounts, to }: RestoreOrder,
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
    [to === undefined ? null : describeInstant(to), database],
  )
  if (accounts === undefined) return
  await server.query(`UPDATE ${ownDatabase}.identity SET id = UUID()`, signal)
  const session = await server.session(signal)
  await ensureAccounts(
    session,
    { ...accounts, admin: server.options.accounts.admin },
    false,
    signal,
  )
  const verifier = literal(verifierOf(accounts.admin.password))
  for (const from of ['%', 'localhost'] as const) {
    await server.query(
      `ALTER USER IF EXISTS ${nameOf(accounts.admin.user, from)}
        IDENTIFIED VIA mysql_native_password USING ${verifier}`,
      signal,
    )
  }
}
