// What is left of a process that had others under it? They are found by their group, and by a mark
// in the environment that they inherited, which also finds those that made a session of their own.

import { readdirSync, readFileSync } from 'node:fs'
import { systemCode } from '../foundation/fault.ts'
import { identify, type ProcessIdentity, parseStat, type Stat } from './processes.ts'

/** Where a leader's descendants are to be recognised. */
export interface Kin {
  /** The leader of the group, alive or not; `undefined` when it is not known. */
  readonly leader: ProcessIdentity | undefined
  /** A variable that every descendant inherits, unique to this leader: `NAME=value`. */
  readonly mark: string
}

/** One of a family, and the group it is in now. */
export interface Relative extends ProcessIdentity {
  readonly group: number
}

/**
 * The living processes of a family, zombies not among them. A process of another user, whose
 * environment cannot be read, is recognised by its group alone.
 */
export function familyOf(kin: Kin): readonly Relative[] {
  const found: Relative[] = []
  const group = groupOf(kin.leader)
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = parseStat(readQuietly(`/proc/${name}/stat`))
    if (stat === undefined || stat.dead) continue
    if (!isOfGroup(stat, group) && !carries(name, kin.mark)) continue
    found.push({ pid: Number(name), startTicks: stat.startTicks, group: stat.group })
  }
  return found
}

/** Whether any of a family is alive. */
export const isAnyAlive = (kin: Kin): boolean => familyOf(kin).length > 0

/**
 * The group is the leader's as long as nobody else was given its number: a group's number is not
 * given to a new process while one of its members lives (setpgid(2)).
 */
function groupOf(leader: ProcessIdentity | undefined): ProcessIdentity | undefined {
  if (leader === undefined) return undefined
  const holder = identify(leader.pid)
  return holder === undefined || holder.startTicks === leader.startTicks ? leader : undefined
}

const isOfGroup = (stat: Stat, leader: ProcessIdentity | undefined): boolean =>
  leader !== undefined && stat.group === leader.pid && stat.startTicks >= leader.startTicks

const carries = (pid: string, mark: string): boolean =>
  `\0${readQuietly(`/proc/${pid}/environ`)}`.includes(`\0${mark}\0`)

/** Empty when the process has gone meanwhile, or belongs to another user. */
function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch (thrown) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(systemCode(thrown) ?? '')) return ''
    throw thrown
  }
}
