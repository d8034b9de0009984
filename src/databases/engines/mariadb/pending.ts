// What a crashed primary may not have had acknowledged: kept beside it until somebody is elected.
//
// A start that finishes the last transactions of its log makes them a part of this member, which
// then could only be copied anew if another is elected; a start that cuts them off would forget
// what may have been acknowledged. So they are cut off, and kept: they count as received, are
// repeated with their own numbers if this member is promoted, and are set aside if it is not.

import { closeSync, constants, copyFileSync, fsyncSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { writeWhole } from '../../../control/whole-file.ts'
import { Fault } from '../../../foundation/fault.ts'
import type { MemberOptions } from '../../engine.ts'
import type { Position } from '../../model.ts'
import { comparePositions, reaches } from '../../position.ts'
import { readMark } from '../mysql-kin/data-folder.ts'
import { draftOf, putInPlace } from '../mysql-kin/drafts.ts'
import { optionFile } from '../mysql-kin/option-file-of.ts'
import { ended, start } from '../mysql-kin/processes.ts'
import type { Group } from './binary-log.ts'
import { epochOf, formatGtid, furthest, type Gtid, positionOf, primaryServerId } from './gtid.ts'
import { type LogFile, Logs } from './logs.ts'
import type { MariadbServer } from './server.ts'
import { binaryLog } from './settings.ts'
import { readStatus } from './status.ts'

const folderOf = ({ options }: Place): string => join(options.aside, 'pending')

/** The logs that are kept, read like those of the server. */
export const pendingLogs = (server: Place): Logs => new Logs(folderOf(server))

/** Of a server: where it lies, and which member it is. */
interface Place {
  readonly options: Pick<MemberOptions, 'data' | 'aside'>
  readonly index: number
}

/** Whether the server ended in the middle of serving: its log is open, and its own to the end. */
function crashedAsPrimary({ index }: Place, unfinished: readonly LogFile[]): boolean {
  const last = unfinished.flatMap(({ groups }) => groups.slice(-1)).at(-1)?.gtid
  if (last === undefined || unfinished.at(-1)?.open !== true) return false
  const epoch = epochOf(last.server)
  return epoch > 0 && last.server === primaryServerId(epoch, index)
}

/**
 * Before a start of a server that has crashed: keeps all logs that the start may cut back, if it
 * was a primary. Returns whether its last transactions may be cut off.
 */
export function keepPending(server: Place, logs: Logs): boolean {
  // Where nobody had to acknowledge, whatever is in the log may have been answered: it is finished.
  if (readMark(server.options.data)?.waits !== true) return false
  // A log that has grown too long is followed by the next before its last transaction is finished.
  const unfinished = logs.unfinished(binaryLog)
  if (!crashedAsPrimary(server, unfinished)) return false
  const kept = pendingLogs(server)
  const last = logs.lastPosition(binaryLog)
  // What was cut off once is not in the log any more: the longer one is kept. Where it does not
  // lead on from the log nothing more is cut off.
  if (comparePositions(kept.lastPosition(binaryLog), last) > 0) {
    return pendingAfter(kept.series(binaryLog), last) !== undefined
  }
  const folder = folderOf(server)
  rmSync(draftOf(folder), { recursive: true, force: true })
  try {
    copyInto(draftOf(folder), unfinished)
    putInPlace(folder)
    sync(server.options.aside)
  } finally {
    rmSync(draftOf(folder), { recursive: true, force: true })
  }
  return true
}

/** Copies, not links: the start cuts the files themselves. They share their disk where they can. */
function copyInto(folder: string, files: readonly LogFile[]): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const names = files.map(({ path }) => basename(path))
  for (const { path } of files) {
    const copy = join(folder, basename(path))
    copyFileSync(path, copy, constants.COPYFILE_FICLONE)
    sync(copy)
  }
  writeWhole(join(folder, `${binaryLog}.index`), `${names.join('\n')}\n`)
  sync(folder)
}

function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** What is kept in one log beyond what is applied. */
export interface PendingPart {
  readonly path: string
  readonly groups: readonly Group[]
}

/**
 * What is kept beyond `applied`, oldest first; `undefined` where something between them is missing:
 * then nothing of it may be repeated, nor counts as received.
 */
export function pendingAfter(
  kept: readonly LogFile[],
  applied: Position,
): readonly PendingPart[] | undefined {
  const parts: PendingPart[] = []
  let at = applied
  for (const { path, groups, before } of kept) {
    const beyond = groups.filter(({ gtid }) => !reaches(at, positionOf(gtid)))
    const last = beyond.at(-1)
    if (last === undefined) continue
    const follows = beyond.length < groups.length || reaches(at, furthestOf(before))
    if (!follows) return undefined
    parts.push({ path, groups: beyond })
    at = positionOf(last.gtid)
  }
  return parts
}

const furthestOf = (gtids: readonly Gtid[]): Position => furthest(gtids.map(formatGtid).join(','))

/** How far this member is with what is kept, if that leads on from what it has. */
export function withPending(kept: Logs, received: Position): Position {
  if (comparePositions(kept.lastPosition(binaryLog), received) <= 0) return received
  const last = pendingAfter(kept.series(binaryLog), received)?.at(-1)?.groups.at(-1)
  return last === undefined ? received : positionOf(last.gtid)
}

/**
 * Repeats what is kept, with its own numbers: of a member that is elected, before it serves.
 * Rejects with a Fault, and keeps it, where it is not all there or not repeated whole.
 */
export async function repeatPending(server: MariadbServer, signal: AbortSignal): Promise<void> {
  const session = await server.session(signal)
  const { applied } = await readStatus(session, signal)
  const parts = pendingAfter(pendingLogs(server).series(binaryLog), applied)
  if (parts === undefined) {
    const folder = folderOf(server)
    throw new Fault('failed', `what is kept in ${folder} does not follow what the server has`, {
      remedy:
        'something between is lost: promote another member, or move the folder elsewhere to go ' +
        'on without what is in it',
    })
  }
  const last = parts.at(-1)?.groups.at(-1)
  if (last !== undefined) {
    await pour(server, parts, signal)
    if (!reaches((await readStatus(session, signal)).applied, positionOf(last.gtid))) {
      throw new Fault('failed', 'what the server had before its crash was not repeated whole', {
        remedy:
          `repeat ${parts.map(({ path }) => path).join(', ')} by hand (mariadb-binlog), ` +
          'or promote another member',
      })
    }
  }
  dropPending(server)
}

async function pour(
  server: MariadbServer,
  parts: readonly PendingPart[],
  signal: AbortSignal,
): Promise<void> {
  const { programs, options, socket } = server
  const into = join(options.run, 'repeat.cnf')
  optionFile(into, options.accounts.admin, [`socket = "${socket}"`])
  try {
    // Of several files the first is begun there, and the last one ended: what was being written
    // when the server was killed may lie behind that, and is no transaction.
    const from = parts[0]?.groups[0]?.from ?? 0
    const to = parts.at(-1)?.groups.at(-1)?.to ?? 0
    const paths = parts.map(({ path }) => path)
    const range = [`--start-position=${from}`, `--stop-position=${to}`]
    const args = ['--no-defaults', ...range, ...paths]
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
export function dropPending(server: Place): void {
  const folder = folderOf(server)
  // A part of it that is left would be taken for one with something missing.
  rmSync(join(folder, `${binaryLog}.index`), { force: true })
  for (const each of [folder, draftOf(folder), `${folder}.old`]) {
    rmSync(each, { recursive: true, force: true })
  }
}
