// Ends servers of databases that nobody looks after any more, by the guards that hold them.

import { existsSync, readdirSync } from 'node:fs'
import { bootId, isAlive, statOf } from '../control/processes.ts'
import { readWhole } from '../control/whole-file.ts'
import { openLocalBoard } from '../databases/boards/local.ts'
import { openGuarded } from '../databases/guard/guarded.ts'
import { guardPaths } from '../databases/guard/paths.ts'
import type { GuardRecord } from '../databases/guard/protocol.ts'
import type { DatabaseRecord } from '../databases/model.ts'
import { Fault } from '../foundation/fault.ts'
import type { Clock, Milliseconds } from '../foundation/time.ts'
import type { DatabaseFolders } from './database-folders.ts'

/** What endings need. */
export interface EndingOptions {
  readonly folders: Pick<DatabaseFolders, 'guards'>
  readonly clock: Clock
  readonly version: string
  readonly event: (rule: string, subject: string, why: string) => void
}

/** The members whose guards stand in this folder, alive or not. */
export function guardsIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
}

/**
 * Ends the guard of a member and its server: cleanly if that is done `within` so long, and at once
 * without it. Rejects with a Fault.
 */
export async function endGuarded(
  member: string,
  { folders, clock, version, event }: EndingOptions,
  within?: Milliseconds,
): Promise<void> {
  const told = (rule: string, said: string): void => event(rule, member, said)
  const host = await openGuarded({ folder: folders.guards, member, version, clock, event: told })
  try {
    const server = host.observe()
    if (within === undefined || server.kind !== 'running') return
    // Nobody renews it any more, and it must not cut off what is being ended.
    host.renew(undefined)
    await host.end(cleanEndOf(statOf(server.pid)?.name), within)
  } finally {
    await host.quit()
  }
}

/** Of PostgreSQL the fast way: by SIGTERM it waits for its clients. The others ignore SIGINT. */
const cleanEndOf = (program: string | undefined): NodeJS.Signals =>
  program === 'postgres' ? 'SIGINT' : 'SIGTERM'

/** What became of the servers that an agent which is gone had left. */
export interface EndedDatabases {
  readonly ended: readonly string[]
  /** Those that could not be ended, and why. */
  readonly left: readonly { readonly member: string; readonly cause: unknown }[]
}

/** Ends all servers of databases that run under this folder's guards, each within so long. */
export async function endDatabases(
  folders: Pick<DatabaseFolders, 'guards' | 'record'>,
  within: Milliseconds,
  options: Omit<EndingOptions, 'folders'>,
): Promise<EndedDatabases> {
  const ended: string[] = []
  const left: { member: string; cause: unknown }[] = []
  const end = async (member: string): Promise<void> => {
    try {
      if (!isThere(folders.guards, member)) return
      await endGuarded(member, { ...options, folders }, within)
      ended.push(member)
    } catch (cause) {
      left.push({ member, cause })
    }
  }
  const members = guardsIn(folders.guards)
  const primaries = new Set(members.filter((member) => isPrimary(folders, member, options.clock)))
  await Promise.all(members.filter((member) => primaries.has(member)).map(end))
  await Promise.all(members.filter((member) => !primaries.has(member)).map(end))
  return { ended: ended.toSorted(), left }
}

/** Whether a guard or its server is alive. Throws a Fault where nobody can know. */
function isThere(folder: string, member: string): boolean {
  const path = guardPaths(folder, member).record
  const text = readWhole(path) ?? '{}'
  try {
    const { boot, guard, server } = JSON.parse(text) as Partial<GuardRecord>
    return boot === bootId() && [guard, server].some((one) => one !== undefined && isAlive(one))
  } catch (cause) {
    throw new Fault('corrupt', `${path} cannot be read`, {
      cause,
      remedy: `end what runs of ${member} by hand, then remove that file`,
    })
  }
}

/**
 * Whether it was primary last: it ends first, so that the others get all it has. Where machines
 * share what was decided it is not known here, and hardly matters: the others run elsewhere.
 */
function isPrimary(
  { record }: Pick<DatabaseFolders, 'record'>,
  member: string,
  clock: Clock,
): boolean {
  const database = member.replace(/-\d+$/, '')
  try {
    const kept = openLocalBoard(record(database), clock).view().record
    return kept !== undefined && primaryOf(kept) === member
  } catch {
    // They are ended all the same, in whatever order.
    return false
  }
}

function primaryOf({ phase }: DatabaseRecord): string | undefined {
  if (phase.kind === 'serving') return phase.primary
  if (phase.kind === 'handing-over') return phase.from
  return phase.kind === 'promoting' ? phase.winner : undefined
}
