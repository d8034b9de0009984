// What was safe when the server stopped? Reads the newest whole snapshot and every transaction
// behind it. A write that was cut short is taken off; damage in what had been safe is refused,
// with the place: nobody is told that a write was lost by serving without it.

import { Fault } from '../../foundation/fault.ts'
import { getInt, Sink } from './bytes.ts'
import type { Disk } from './disk.ts'
import { fileHeaderBytes, type Group, readFileHeader, readGroups } from './groups.ts'
import type { SessionLimits } from './model.ts'
import { SnapshotReader, snapshotName } from './snapshot.ts'
import { State } from './transactions.ts'
import { logName } from './wal.ts'

/** What a recovery found that somebody should hear about. */
export type Finding =
  /** The end of a log was a write that was cut short, and is gone. */
  | { readonly kind: 'torn'; readonly file: string; readonly at: number; readonly bytes: number }
  /** A snapshot is damaged; an older one and its logs were used. */
  | { readonly kind: 'snapshot-damaged'; readonly file: string; readonly why: string }

/** A state as the disk had it. */
export interface Recovered {
  readonly state: State
  readonly findings: readonly Finding[]
  /** How many transactions of the logs were carried out again, and their bytes. */
  readonly replayed: number
  readonly replayedBytes: number
}

/** The transaction in the name of a log or a snapshot. */
export const numberOf = (name: string): number =>
  Number.parseInt(name.slice(name.indexOf('.') + 1), 16)

/** The files of one kind, by number. */
export function filesOf(disk: Disk, kind: 'log' | 'snapshot'): readonly string[] {
  const pattern = new RegExp(`^${kind}\\.[0-9a-f]{16}$`)
  return disk
    .list()
    .filter((name) => pattern.test(name))
    .toSorted()
}

/** Reads what a disk holds. Throws a Fault `corrupt` when something that was safe is missing. */
export function recover(disk: Disk, limits: SessionLimits, now: number): Recovered {
  const findings: Finding[] = []
  const state = readNewestSnapshot(disk, limits, now, findings)
  const logs = filesOf(disk, 'log')
  const replayed: Replayed = { count: 0, bytes: 0 }
  for (const [index, file] of logs.entries()) {
    const next = logs[index + 1]
    // A log whose successor begins no later than where we are holds nothing new.
    if (next !== undefined && numberOf(next) <= state.tree.zxid + 1) continue
    replay(disk, file, next === undefined, state, now, findings, replayed)
  }
  // A snapshot holds what had been safe: whoever cannot read it must have found as much elsewhere.
  const newest = filesOf(disk, 'snapshot').at(-1)
  if (newest !== undefined && numberOf(newest) > state.tree.zxid) {
    const why = findings.find((finding) => finding.kind === 'snapshot-damaged')?.why
    throw new Fault(
      'corrupt',
      `${disk.name}/${newest} cannot be used: ${why ?? 'a log is missing'}`,
      {
        remedy: `restore the folder from a copy; the logs reach only to ${state.tree.zxid}`,
      },
    )
  }
  return { state, findings, replayed: replayed.count, replayedBytes: replayed.bytes }
}

function readNewestSnapshot(
  disk: Disk,
  limits: SessionLimits,
  now: number,
  findings: Finding[],
): State {
  for (const file of filesOf(disk, 'snapshot').toReversed()) {
    const state = new State(limits, now)
    const why = readSnapshot(disk.read(file), file, state, now)
    if (why === undefined) return state
    findings.push({ kind: 'snapshot-damaged', file, why })
  }
  return new State(limits, now)
}

/** Reads a snapshot into a state; returns why it cannot. */
function readSnapshot(bytes: Buffer, file: string, state: State, now: number): string | undefined {
  const header = readFileHeader(bytes, 'snapshot')
  if (header === undefined || snapshotName(header.number) !== file) return 'its head is damaged'
  const { groups, ending } = readGroups(bytes, fileHeaderBytes, header.salt)
  if (ending.kind !== 'whole') return `it is damaged at byte ${ending.at}`
  const reader = new SnapshotReader(state, now)
  for (const [index, group] of groups.entries()) {
    if (group.number !== index) return `a part is missing at byte ${group.at}`
    if (!reader.group(bytes, group.start, group.end)) return `it is damaged at byte ${group.at}`
  }
  return reader.finish(header.number) ? undefined : 'its end is missing'
}

interface Replayed {
  count: number
  bytes: number
}

/** Carries out the transactions of one log. */
function replay(
  disk: Disk,
  file: string,
  isLast: boolean,
  state: State,
  now: number,
  findings: Finding[],
  replayed: Replayed,
): void {
  const bytes = disk.read(file)
  const header = readFileHeader(bytes, 'log')
  if (header === undefined || logName(header.number) !== file) {
    if (isLast && isEmpty(bytes)) return
    throw damaged(disk, file, 0, state, 'its head is not one of a log')
  }
  if (header.number > state.tree.zxid + 1) {
    const missing = `transactions ${state.tree.zxid + 1} to ${header.number - 1} are missing`
    throw damaged(disk, file, 0, state, missing)
  }
  const { groups, ending } = readGroups(bytes, fileHeaderBytes, header.salt)
  if (ending.kind === 'damaged' || (ending.kind === 'torn' && !isLast)) {
    const behind = ending.kind === 'damaged' ? ` (whole again at ${ending.wholeAgainAt})` : ''
    for (const group of groups) replayGroup(disk, file, bytes, group, state, now)
    throw damaged(disk, file, ending.at, state, `a checksum does not fit${behind}`)
  }
  for (const group of groups) {
    replayed.count += replayGroup(disk, file, bytes, group, state, now)
    replayed.bytes += group.end - group.at
  }
  if (ending.kind === 'torn') {
    findings.push({ kind: 'torn', file, at: ending.at, bytes: bytes.length - ending.at })
    const open = disk.open(file)
    open.cut(ending.at)
    open.close()
  }
}

/** Whether a file whose head is not whole was only just made: nothing is behind the head. */
function isEmpty(bytes: Buffer): boolean {
  for (let at = fileHeaderBytes; at < bytes.length; at += 1) if (bytes[at] !== 0) return false
  return true
}

const ignored = new Sink()

function replayGroup(
  disk: Disk,
  file: string,
  bytes: Buffer,
  group: Group,
  state: State,
  now: number,
): number {
  const expected = state.tree.zxid + 1
  if (group.number > expected) {
    const missing = `transactions ${expected} to ${group.number - 1} are missing before it`
    throw damaged(disk, file, group.at, state, missing)
  }
  let at = group.start
  let count = 0
  for (let zxid = group.number; zxid < group.number + group.count; zxid += 1) {
    const end = at + 4 + (at + 4 <= group.end ? getInt(bytes, at) : group.end)
    if (end > group.end) throw damaged(disk, file, at, state, 'a transaction is cut short')
    if (zxid > state.tree.zxid) {
      ignored.clear()
      state.missed = false
      state.apply(bytes, at + 4, end, now, ignored)
      if (state.missed) throw damaged(disk, file, at, state, `transaction ${zxid} does not fit`)
      count += 1
    }
    at = end
  }
  return count
}

function damaged(disk: Disk, file: string, at: number, state: State, why: string): Fault {
  const { zxid } = state.tree
  return new Fault('corrupt', `${disk.name}/${file} is damaged at byte ${at}: ${why}`, {
    remedy:
      `restore the folder from a copy; or, to go back to transaction ${zxid} and lose what came ` +
      `after it, move away the later log files and run: truncate -s ${at} ${disk.name}/${file}`,
  })
}
