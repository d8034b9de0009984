// Where do the members of a database keep what? Servers that refuse to run as root run as
// another user, who cannot enter the private state folder: their data stand beside the system’s.

import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
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

/** The folders below the state folder `state`, and those that servers of other users can enter. */
export function databaseFolders(state: string, isRoot: boolean): DatabaseFolders {
  const own = join(state, 'databases')
  const digest = createHash('sha256').update(state).digest('hex').slice(0, 12)
  const data = isRoot ? join('/var/lib/alwayson', digest) : join(own, 'data')
  const run = isRoot ? join('/run/alwayson', digest) : join(own, 'run')
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
