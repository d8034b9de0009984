// What a crashed primary may not have had acknowledged: kept beside it until somebody is elected.
//
// A start that finishes the last transactions of its log makes them a part of this member, which
// then could only be copied anew if another is elected; a start that cuts them off would forget
// what may have been acknowledged. So they are cut off, and kept: they count as received, are
// repeated with their own numbers if this member is promoted, and are set aside if it is not.

import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Fault } from '../../../foundation/fault.ts'
import type { Position } from '../../model.ts'
import { comparePositions, reaches } from '../../position.ts'
import { readMark } from '../mysql-kin/data-folder.ts'
import { optionFile } from '../mysql-kin/option-file-of.ts'
import { ended, start } from '../mysql-kin/processes.ts'
import type { Group } from './binary-log.ts'
import { epochOf, positionOf, primaryServerId } from './gtid.ts'
import { type LogFile, Logs } from './logs.ts'
import type { MariadbServer } from './server.ts'
import { binaryLog } from './settings.ts'
import { readStatus } from './status.ts'

const folderOf = (server: MariadbServer): string => join(server.options.aside, 'pending')

/** The logs that are kept, read like those of the server. */
export const pendingLogs = (server: MariadbServer): Logs => new Logs(folderOf(server))

/** Whether the server ended in the middle of serving: its log is open, and its own to the end. */
function crashedAsPrimary(server: MariadbServer, log: LogFile): boolean {
  const last = log.groups.at(-1)?.gtid
  if (last === undefined || !log.open) return false
  const epoch = epochOf(last.server)
  return epoch > 0 && last.server === primaryServerId(epoch, server.index)
}

/**
 * Before a start of a server that has crashed: keeps its log, if it was a primary. Returns whether
 * its last transactions may be cut off.
 */
export function keepPending(server: MariadbServer, logs: Logs): boolean {
  const log = logs.newest(binaryLog)
  // Where nobody had to acknowledge, whatever is in the log may have been answered: it is finished.
  if (readMark(server.options.data)?.waits !== true) return false
  if (log === undefined || !crashedAsPrimary(server, log)) return false
  const known = pendingLogs(server).lastPosition(binaryLog)
  // What was cut off once is not in the log any more: the longer one is kept.
  if (comparePositions(known, logs.lastPosition(binaryLog)) > 0) return true
  const folder = folderOf(server)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const name = basename(log.path)
  writeFileSync(join(folder, `${binaryLog}.index`), `${name}\n`, { mode: 0o600 })
  copyFileSync(log.path, join(folder, name))
  for (const path of [join(folder, name), join(folder, `${binaryLog}.index`), folder]) sync(path)
  return true
}

function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** What is kept beyond `applied`. */
export function pendingAfter(
  kept: Logs,
  applied: Position,
): { readonly path: string; readonly groups: readonly Group[] } | undefined {
  const log = kept.newest(binaryLog)
  const groups = log?.groups.filter(({ gtid }) => !reaches(applied, positionOf(gtid))) ?? []
  return log === undefined || groups.length === 0 ? undefined : { path: log.path, groups }
}

/** How far this member is with what is kept. */
export function withPending(kept: Logs, received: Position): Position {
  const last = kept.lastPosition(binaryLog)
  return comparePositions(last, received) > 0 ? last : received
}

/** Repeats what is kept, with its own numbers: of a member that is elected, before it serves. */
export async function repeatPending(server: MariadbServer, signal: AbortSignal): Promise<void> {
  const session = await server.session(signal)
  const { applied } = await readStatus(session, signal)
  const pending = pendingAfter(pendingLogs(server), applied)
  const [first] = pending?.groups ?? []
  if (pending !== undefined && first !== undefined) {
    await pour(server, pending.path, first.from, signal)
    const goal = positionOf((pending.groups.at(-1) ?? first).gtid)
    if (!reaches((await readStatus(session, signal)).applied, goal)) {
      throw new Fault('failed', 'what the server had before its crash was not repeated whole', {
        remedy: `repeat ${pending.path} by hand (mariadb-binlog), or promote another member`,
      })
    }
  }
  dropPending(server)
}

async function pour(
  server: MariadbServer,
  path: string,
  from: number,
  signal: AbortSignal,
): Promise<void> {
  const { programs, options, socket } = server
  const into = join(options.run, 'repeat.cnf')
  optionFile(into, options.accounts.admin, [`socket = "${socket}"`])
  try {
    const args = ['--no-defaults', `--start-position=${from}`, path]
    const read = start(programs.binlog, args, {}, signal)
    const load = start(programs.client, [`--defaults-file=${into}`, '--binary-mode'], {}, signal)
    if (read.stdout === null || load.stdin === null) throw new Fault('failed', 'no pipe was made')
    await Promise.all([
      ended(read, 'mariadb-binlog'),
      ended(load, 'mariadb'),
      pipeline(read.stdout, load.stdin),
    ])
  } finally {
    rmSync(into, { force: true })
  }
}

/** It is a part of this member by now, or set aside. */
export function dropPending(server: MariadbServer): void {
  const folder = folderOf(server)
  if (existsSync(folder)) rmSync(folder, { recursive: true })
}
