// What does a member have that the primary does not, and how is it kept before it is lost?

import { mkdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { closeKept } from '../../kept-tail.ts'
import { ended, start } from '../mysql-kin/processes.ts'
import type { Session } from '../mysql-kin/session.ts'
import type { Group } from './binary-log.ts'
import { domain, epochOf, formatGtid, type Gtid, parseGtids } from './gtid.ts'
import type { LogFile, Logs } from './logs.ts'
import type { MariadbServer } from './server.ts'

/** What a primary has in its log: of each writer the last. */
export type History = readonly Gtid[]

export async function historyOf(source: Session, signal: AbortSignal): Promise<History> {
  const row = await source.one(
    'SELECT @@global.gtid_binlog_state AS logged, @@global.gtid_slave_pos AS slave',
    signal,
  )
  return [...parseGtids(String(row.logged)), ...parseGtids(String(row.slave))]
}

/**
 * Whether a transaction is a part of this history. A writer that the history does not name wrote
 * before its log begins, if it wrote at an earlier epoch than any that it names.
 */
export function isPart(gtid: Gtid, history: History): boolean {
  const named = history.filter((each) => each.domain === domain)
  const same = named.filter(({ server }) => server === gtid.server)
  if (same.length > 0) return same.some(({ seq }) => seq >= gtid.seq)
  return (
    named.some(({ server, seq }) => epochOf(server) > epochOf(gtid.server) && seq >= gtid.seq) &&
    named.every(({ server }) => epochOf(server) > epochOf(gtid.server))
  )
}

/** One log, and those of its transactions that the history lacks. */
export interface TailPart {
  readonly file: LogFile
  readonly groups: readonly Group[]
}

/** What the logs of a series hold that the history lacks, oldest first. */
export function tailOf(logs: Logs, name: string, history: History): readonly TailPart[] {
  return logs
    .series(name)
    .map((file) => ({
      file,
      groups: file.groups.filter(({ gtid }) => !isPart(gtid, history)),
    }))
    .filter(({ groups }) => groups.length > 0)
}

/**
 * Keeps a tail in the folder `aside/<label>`: each log's part as a binary log that the server's own
 * programs read, and as text; and a summary. Resolves to that folder when it is on disk.
 */
export async function keepTail(
  server: MariadbServer,
  tail: readonly TailPart[],
  about: { readonly label: string; readonly primary: string },
  signal: AbortSignal,
): Promise<string> {
  const { options, programs } = server
  const folder = join(options.aside, about.label)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const [index, { file, groups }] of tail.entries()) {
    const path = join(folder, `${index + 1}-${basename(file.path)}`)
    await writeFile(path, partOf(file, groups), { mode: 0o600, flush: true })
    await readable(programs.binlog, path, signal)
  }
  const gtids = tail.flatMap(({ groups }) => groups.map(({ gtid }) => formatGtid(gtid)))
  const summary = {
    database: options.database,
    member: options.member,
    primary: about.primary,
    transactions: gtids.length,
    first: gtids[0],
    last: gtids.at(-1),
    keptAt: new Date(options.now()).toISOString(),
  }
  await closeKept(folder, summary)
  return folder
}

/** The beginning of the log, which says how to read the rest, and the transactions. */
function partOf({ path }: LogFile, groups: readonly Group[]): Buffer {
  const bytes = readFileSync(path)
  const formatEnd = 4 + bytes.readUInt32LE(4 + 9)
  const parts = groups.map(({ from, to }) => bytes.subarray(from, to))
  return Buffer.concat([bytes.subarray(0, formatEnd), ...parts])
}

async function readable(program: string, path: string, signal: AbortSignal): Promise<void> {
  const args = ['--no-defaults', '--base64-output=decode-rows', '--verbose']
  const child = start(program, [...args, `--result-file=${path}.sql`, path], {}, signal)
  await ended(child, 'mariadb-binlog')
}
