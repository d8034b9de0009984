// Keeps what a member alone had before that is undone: the log from where histories parted on, what
// records it holds, and a page that says how to read it.

import { constants, existsSync, readdirSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { putOnDisk } from '../../../control/on-disk.ts'
import { writeWhole } from '../../../control/whole-file.ts'
import { Fault } from '../../../foundation/fault.ts'
import { closeKept, summaryIn } from '../../kept-tail.ts'
import type { Position } from '../../model.ts'
import { forkOf, formatLsn, parseSegmentName, type TimelineHistory } from './lsn.ts'
import { makePrivate, runAs } from './owner.ts'
import type { PrimarySelf } from './primary.ts'
import type { Server } from './server.ts'
import { endOfLog } from './wal.ts'

/** A summary is for people: beyond this many lines it is cut. */
const linesMost = 20_000

/** Why this was done, and what came of it. */
export interface SetAside {
  readonly from: Position
  readonly to: Position
  readonly bytes: number
  readonly records: number
}

/** The highest timeline that the log here is of. */
export function lastLine(server: Server, segmentBytes: number): number {
  const lines = readdirSync(server.wal).flatMap(
    (name) => parseSegmentName(name, segmentBytes)?.line ?? [],
  )
  return Math.max(1, ...lines)
}

/**
 * Sets aside what the stopped server here has beyond the history of `primary`, under `label`.
 * Resolves with what that was, once it is on disk, or `undefined` if there was nothing.
 */
export async function setAside(
  server: Server,
  primary: PrimarySelf,
  label: string,
  signal: AbortSignal,
): Promise<SetAside | undefined> {
  const segmentBytes = await server.segmentBytes()
  const line = lastLine(server, segmentBytes)
  const fork = forkIn(primary.history, line, primary.position)
  if (fork === undefined) return undefined
  let records = 0
  const to = endOfLog(server.wal, segmentBytes, { line, at: fork }, () => {
    records += 1
  })
  if (records === 0) return undefined
  const folder = join(server.options.aside, label)
  const told = { from: { line, at: fork }, to, bytes: to.at - fork, records }
  if (existsSync(summaryIn(folder))) return told
  makePrivate(server.options.aside, server.owner)
  makePrivate(folder, server.owner)
  await copyLog(server, folder, line, fork, segmentBytes)
  const readable = await dump(server, folder, told, signal)
  await closeKept(folder, summaryOf(server, told, primary, readable))
  return told
}

/** Where the log of `line` parted from the primary's: at the latest where that one's ends. */
function forkIn(history: TimelineHistory, line: number, primary: Position): number | undefined {
  if (line === history.line) return primary.at
  return forkOf(history, { line, at: Number.MAX_SAFE_INTEGER })
}

async function copyLog(
  server: Server,
  folder: string,
  line: number,
  fork: number,
  segmentBytes: number,
): Promise<void> {
  for (const name of readdirSync(server.wal)) {
    const segment = parseSegmentName(name, segmentBytes)
    const isHistory = name.endsWith('.history')
    const isWanted = segment?.line === line && segment.start + segmentBytes > fork
    if (!isWanted && !isHistory) continue
    const copy = join(folder, name)
    const mode = constants.COPYFILE_FICLONE
    await cp(join(server.wal, name), copy, { mode, preserveTimestamps: true })
    await putOnDisk(copy)
  }
}

/** Has the records listed where pg_waldump is installed; returns the name of the list. */
async function dump(
  server: Server,
  folder: string,
  { from, to }: SetAside,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { waldump } = await server.programs()
  if (waldump === undefined) return undefined
  const args = ['-p', folder, '-t', String(from.line), '-s', formatLsn(from.at)]
  const more = { cwd: folder, env: server.environment }
  let text: string
  try {
    text = await runAs(undefined, waldump, [...args, '-e', formatLsn(to.at)], more, signal)
  } catch (cause) {
    if (signal.aborted) throw cause
    // The log itself is there to be read by whoever can.
    server.options.event(
      'tail-not-listed',
      'pg_waldump could not read the log that was set aside',
      {
        folder,
      },
    )
    return undefined
  }
  const lines = text.split('\n')
  const name = 'records.txt'
  const cut = lines.length > linesMost ? `\n… ${lines.length - linesMost} more` : ''
  writeWhole(join(folder, name), lines.slice(0, linesMost).join('\n') + cut)
  return name
}

function summaryOf(
  server: Server,
  { from, to, bytes, records }: SetAside,
  primary: PrimarySelf,
  readable: string | undefined,
): object {
  return {
    what: 'records that this member had and the primary has not; they were undone here',
    database: server.options.database,
    member: server.options.member,
    from: { timeline: from.line, lsn: formatLsn(from.at) },
    to: { timeline: to.line, lsn: formatLsn(to.at) },
    bytes,
    records,
    primary: { timeline: primary.position.line, lsn: formatLsn(primary.position.at) },
    setAsideAt: new Date(server.options.now()).toISOString(),
    files: 'segments of the log, as they lay in pg_wal',
    listed: readable,
    read: `pg_waldump -p . -t ${from.line} -s ${formatLsn(from.at)} -e ${formatLsn(to.at)}`,
  }
}

/** What is told of it in the journal. */
export const describeAside = ({ from, to, bytes, records }: SetAside): string =>
  `${records} records (${bytes} bytes) from ${formatLsn(from.at)} to ${formatLsn(to.at)}` +
  ` on timeline ${from.line}`

/** Nothing is erased that could not be set aside. */
export const asideFault = (cause: unknown): Fault =>
  new Fault('failed', 'what this member alone has could not be set aside, and is left as it is', {
    remedy: 'make room in the state folder, or copy it away by hand',
    cause,
  })
