// Where do the members of a database keep what? Servers that refuse to run as root run as
// another user, who cannot enter the private state folder: their data stand beside the system’s.

import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { checkSocketPath } from '../control/link.ts'
import { readWhole, writeWhole } from '../control/whole-file.ts'
import type { DatabasePlan } from '../databases/model.ts'

/** The folders and files of one member. */
export interface MemberFolders {
  readonly data: string
  readonly run: string
  readonly aside: string
  /** What its keeper remembers. */
  readonly memory: string
  /** How it came to be ours, if somebody else had set it up. */
  readonly adoption: string
}

/** The folders of all databases of one file. */
export interface DatabaseFolders {
  readonly guards: string
  /** Sockets of servers, and files that are written anew at each start. */
  readonly run: string
  record(database: string): string
  member(plan: DatabasePlan, member: string): MemberFolders
  /** The secret that passwords follow from where there is no cluster to have one; made once. */
  secret(): string
}

/**
 * What the folders of a state folder are called outside of it. They were called after how it was
 * named, when they were made by a version that followed no links: then that is written down, since
 * it may be named otherwise the next time. Throws a Fault where it cannot be.
 */
export function nameOutside(
  state: string,
  spelled: string,
  roots: readonly string[] = outside,
): string {
  const note = join(state, 'databases', 'outside')
  const kept = readWhole(note)
  if (kept !== undefined) return kept
  const [now, before] = [digestOf(state), digestOf(spelled)]
  const isUsed = (name: string): boolean => roots.some((root) => existsSync(join(root, name)))
  if (now === before || isUsed(now) || !isUsed(before)) return now
  mkdirSync(dirname(note), { recursive: true, mode: 0o700 })
  writeWhole(note, before)
  return before
}

const digestOf = (folder: string): string =>
  createHash('sha256').update(folder).digest('hex').slice(0, 12)

/** Where root has what servers of other users have to reach: their data, and what they run by. */
const outside = ['/var/lib/alwayson', '/run/alwayson'] as const

/**
 * The folders below the state folder `state`, and those that servers of other users can enter;
 * `spelled` is how the state folder was named.
 */
export function databaseFolders(
  state: string,
  isRoot: boolean,
  spelled: string = state,
): DatabaseFolders {
  const own = join(state, 'databases')
  const name = isRoot ? nameOutside(state, spelled) : ''
  const data = isRoot ? join(outside[0], name) : join(own, 'data')
  const run = isRoot ? join(outside[1], name) : join(own, 'run')
  return {
    ...{ guards: join(own, 'guards'), run },
    record: (database) => join(own, `${database}.json`),
    member(plan, member) {
      const base = plan.data ?? data
      const folders = {
        ...{ data: join(base, member), aside: join(base, `${member}.aside`) },
        ...{ run: join(run, member), memory: join(own, `${member}.member.json`) },
        adoption: join(own, `${member}.taken-over.json`),
      }
      checkSocketPath(join(folders.run, '.s.PGSQL.65535.lock'))
      return folders
    },
    secret() {
      const path = join(own, 'secret')
      mkdirSync(own, { recursive: true, mode: 0o700 })
      if (!existsSync(path)) writeWhole(path, randomBytes(32).toString('base64url'))
      return readWhole(path) ?? ''
    },
  }
}
