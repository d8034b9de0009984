// How is a member's data made from the primary's, over its port alone? From its log, or as a copy.
//
// A primary that still has its log from the beginning is simply repeated by an empty server. Else
// all its tables are copied as they are at one moment, into a folder beside the member's, which
// takes its place when it is complete. No step of it waits for a commit that waits for a replica:
// the member that is made may be the one it waits for.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { Fault } from '../../../foundation/fault.ts'
import { ms } from '../../../foundation/time.ts'
import type { MemberAddress, Progress } from '../../engine.ts'
import { tlsFilesIn } from '../../member-tls.ts'
import { kill } from '../mysql-kin/gate.ts'
import { optionFile } from '../mysql-kin/option-file-of.ts'
import { ended, start } from '../mysql-kin/processes.ts'
import { reached, Session } from '../mysql-kin/session.ts'
import { clientLines } from '../mysql-kin/tls.ts'
import { furthest } from './gtid.ts'
import { beginLog, install, mark } from './install.ts'
import { mariadb } from './kin.ts'
import type { MariadbServer } from './server.ts'
import { binaryLog } from './settings.ts'

/** A log of at most so many bytes is rather repeated than its outcome copied. */
const repeatedMost = 64 * 1024 * 1024
/** Where nobody says how long it is: so many transactions are repeated soon, too. */
const transactionsMost = 10_000
/** Commits that wait for an acknowledgement may hold the log: it is not waited for longer. */
const logPatience = 2000
/** A copy that waits so long for a table that a waiting commit holds has to have it. */
const lockPatience = 5000
/** A server that loads a copy has to end cleanly: nothing of it is in a log. */
const endWithin = ms(120_000)

/** What a copy is made of. */
export interface CloneParts {
  readonly server: MariadbServer
  readonly primary: MemberAddress
  /** A connection to it, as the administrator. */
  readonly source: Session
  readonly identity: string
  readonly progress: (progress: Progress) => void
}

/** Makes the draft of the data folder; the caller puts it in place. Needs a stopped server. */
export async function makeClone(parts: CloneParts, signal: AbortSignal): Promise<void> {
  const { server, identity } = parts
  const draft = await install(server, signal)
  // Its log begins where the copy ends. That is said before it can be taken for data: without it a
  // member that is interrupted then would have others repeat a log whose tables they lack.
  if (!(await hasWholeLog(parts, signal))) {
    beginLog(server, draft, await copy(parts, draft, signal))
  }
  mark(server, draft, identity)
}

/**
 * Whether everything that the primary ever did is in its log, and that is not too much.
 *
 * Where two commits wait for an acknowledgement the second one holds the log: `SHOW BINARY LOGS`
 * and its like wait for it, and with them the member that could acknowledge. So what needs no
 * hold of the log is asked first, and the rest is not waited for.
 */
async function hasWholeLog(parts: CloneParts, signal: AbortSignal): Promise<boolean> {
  const { source } = parts
  const first = `${binaryLog}.000001`
  const { at } = await source.one(`SELECT BINLOG_GTID_POS('${first}', 4) AS at`, signal)
  // Unknown where the file is gone; of one that does not begin with nothing, what went before.
  if (at !== '') return false
  const { file, offset } = await endOfLog(source, signal)
  if (file === first) return offset <= repeatedMost
  const bytes = await sizeOfLog(parts, signal)
  if (bytes !== undefined) return bytes <= repeatedMost
  const { logged } = await source.one('SELECT @@global.gtid_binlog_pos AS logged', signal)
  return furthest(String(logged)).at <= transactionsMost
}

async function endOfLog(
  source: Session,
  signal: AbortSignal,
): Promise<{ readonly file: string; readonly offset: number }> {
  await source.query('START TRANSACTION WITH CONSISTENT SNAPSHOT', signal)
  const rows = await source.query("SHOW STATUS LIKE 'binlog_snapshot%'", signal)
  await source.query('ROLLBACK', signal)
  const value = (name: string): string =>
    String(rows.find(({ Variable_name: each }) => String(each).toLowerCase() === name)?.Value ?? '')
  return { file: value('binlog_snapshot_file'), offset: Number(value('binlog_snapshot_position')) }
}

/** The bytes of all its files; unknown where commits hold the log. */
async function sizeOfLog(
  { primary, server }: CloneParts,
  signal: AbortSignal,
): Promise<number | undefined> {
  const soon = AbortSignal.timeout(logPatience)
  try {
    // A connection of its own: one whose question is not answered is given up.
    using session = await Session.open(
      reached(primary, server.options.tls),
      server.options.accounts.admin,
      AbortSignal.any([signal, soon]),
    )
    const logs = await session.query('SHOW BINARY LOGS', AbortSignal.any([signal, soon]))
    return logs.reduce((sum, { File_size: size }) => sum + Number(size), 0)
  } catch (thrown) {
    if (signal.aborted || !soon.aborted) throw thrown
    return undefined
  }
}

/** Copies all tables into the draft, whose server has ended then; resolves to what they have. */
async function copy(parts: CloneParts, draft: string, signal: AbortSignal): Promise<string> {
  const { server, progress } = parts
  const { options } = server
  const into = join(options.run, 'copy-into.cnf')
  const from = join(options.run, 'copy-from.cnf')
  await server.start('MASTER', signal, {
    data: draft,
    extra: ['--skip-log-bin', '--skip-networking'],
  })
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  const watch = freeLocks(parts, both)
  try {
    optionFile(into, options.accounts.admin, [`socket = "${server.socket}"`])
    const { host, port } = parts.primary
    const secured = clientLines(options.tls && tlsFilesIn(options.run))
    optionFile(from, options.accounts.admin, [`host = "${host}"`, `port = ${port}`, ...secured])
    const total = await sizeOf(parts.source, signal)
    await Promise.race([transfer(server, from, into, { progress, total }, both), watch])
    // The position is in a table. The copy has also named a source, in files that say where this
    // folder is now: a server that finds them elsewhere cannot be told to receive.
    await server.query('RESET SLAVE ALL', signal)
    const { slave } = await server.one('SELECT @@global.gtid_slave_pos AS slave', signal)
    if (slave !== '') return String(slave)
    throw new Fault('failed', `the copy of ${parts.primary.member} does not say where it ends`, {
      remedy: 'see that its binary log is on; it is tried again',
    })
  } finally {
    stop.abort()
    await watch.catch(() => {})
    rmSync(into, { force: true })
    rmSync(from, { force: true })
    await server.end(endWithin)
  }
}

/** How many bytes the tables have, as the server guesses. */
async function sizeOf(source: Session, signal: AbortSignal): Promise<number> {
  const { bytes } = await source.one(
    'SELECT SUM(DATA_LENGTH) AS bytes FROM information_schema.TABLES',
    signal,
  )
  return Number(bytes ?? 0)
}

async function transfer(
  { programs }: MariadbServer,
  from: string,
  into: string,
  { progress, total }: { readonly progress: CloneParts['progress']; readonly total: number },
  signal: AbortSignal,
): Promise<void> {
  const dump = start(
    programs.dump,
    [
      `--defaults-file=${from}`,
      '--all-databases',
      '--single-transaction',
      '--master-data=1',
      '--gtid',
      '--routines',
      '--triggers',
      '--events',
      '--hex-blob',
      '--flush-privileges',
      '--default-character-set=utf8mb4',
      '--max-allowed-packet=1G',
    ],
    {},
    signal,
  )
  const load = start(
    programs.client,
    [`--defaults-file=${into}`, '--binary-mode', '--max-allowed-packet=1G'],
    {},
    signal,
  )
  let done = 0
  const counted = async function* (chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    for await (const chunk of chunks) {
      done += chunk.length
      progress({ step: 'copies the primary', done, of: Math.max(total, done) })
      yield chunk
    }
  }
  if (dump.stdout === null || load.stdin === null) throw new Fault('failed', 'no pipe was made')
  await Promise.all([
    ended(dump, 'mariadb-dump'),
    ended(load, 'mariadb'),
    pipeline(dump.stdout, counted, load.stdin),
  ])
}

/**
 * A change of a table that waits for an acknowledgement holds that table, and who could acknowledge
 * it may be the member that is copied. Its connection is ended then: its client is not told that it
 * was done, and it is done.
 */
async function freeLocks({ primary, server }: CloneParts, signal: AbortSignal): Promise<never> {
  // By a connection of its own: what else the copy asks may wait for that table.
  const { tls, accounts } = server.options
  using source = await Session.open(reached(primary, tls), accounts.admin, signal)
  let waits = 0
  for (;;) {
    await pause(1000, undefined, { signal })
    const rows = await source.query(
      'SELECT ID AS id, STATE AS state FROM information_schema.PROCESSLIST',
      signal,
    )
    const blocked = rows.some(({ state }) => String(state).startsWith('Waiting for table metadata'))
    const waiting = rows.filter(({ state }) => String(state).startsWith('Waiting for semi-sync'))
    waits = blocked && waiting.length > 0 ? waits + 1000 : 0
    if (waits < lockPatience) continue
    for (const { id } of waiting) await kill(mariadb, source, Number(id), signal)
    server.options.event(
      'copy-needs-table',
      'a change that nobody acknowledges holds a table that is copied: its connection was ended',
    )
    waits = 0
  }
}
