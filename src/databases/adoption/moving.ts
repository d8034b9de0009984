// May the data of a server that runs be moved to where ours are, and how? By a rename on one disk:
// whoever else knew where they were can then not start a server on them again.

import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { putFolderOnDisk } from '../../control/on-disk.ts'
import { Fault } from '../../foundation/fault.ts'
import { userOf } from './local.ts'
import type { Conflict, LocalServer } from './model.ts'

/** The nearest folder on the way to `path` that there is. */
function nearest(path: string): string {
  let folder = path
  while (!existsSync(folder)) folder = dirname(folder)
  return folder
}

const isEmpty = (folder: string): boolean => !existsSync(folder) || readdirSync(folder).length === 0

/** What keeps the data in `from` from being moved to `to`; changes nothing. */
export function conflictsOfMoving(member: string, from: string, to: string): readonly Conflict[] {
  const conflicts: Conflict[] = []
  const { dev } = statSync(from)
  if (statSync(dirname(from)).dev !== dev) {
    conflicts.push({
      what: `the data of ${member} are all of a disk that is mounted at ${from}`,
      remedy: `move them into a folder of that disk first, such as ${from}/data`,
    })
  } else if (statSync(nearest(to)).dev !== dev) {
    conflicts.push({
      what: `${from} is on another disk than ${to}, where Always On would keep them`,
      remedy: `name a folder on the disk of ${from} with \`data:\``,
    })
  }
  if (!isEmpty(to)) {
    conflicts.push({
      what: `${to}, where the data of ${member} would go, holds something`,
      remedy: 'move that elsewhere, or name another folder with `data:`',
    })
  }
  return conflicts
}

/** What speaks against the process that listens where a member should. */
export function conflictsOfProcess(
  member: string,
  at: string,
  server: LocalServer | undefined,
  { folder, user }: { readonly folder: string; readonly user: string | undefined },
): readonly Conflict[] {
  const remedy =
    'run `alwayson up` on its machine, and name that under `machines:`; without an agent beside ' +
    'it nobody could end it, and so nobody may take its place'
  if (server === undefined) {
    return [{ what: `the server of ${member} at ${at} is no process of this machine`, remedy }]
  }
  if (server.folder !== folder) {
    const what =
      `what listens at ${at} here is ${server.program} in ${server.folder}, and the server of ` +
      `${member} has its data in ${folder}`
    return [{ what, remedy }]
  }
  const runsAs = userOf(server.uid)
  if (user !== undefined && user !== runsAs) {
    const now = runsAs ?? server.uid
    const what = `the server of ${member} runs as ${now}, and the file says ${user}`
    return [{ what, remedy: `leave \`user: ${user}\` out: it goes on as whom it is` }]
  }
  const own = process.getuid?.() ?? 0
  if (own === 0 || own === server.uid) return []
  return [
    {
      what: `the server of ${member} runs as another user (${server.uid}) than this agent`,
      remedy: 'run Always On as root, or as that user',
    },
  ]
}

/** Moves it for good, whole or not at all; finds that it has been done. Throws a Fault. */
export function moveData(from: string, to: string): void {
  const isMoved = !existsSync(from)
  if (isMoved && isEmpty(to)) {
    throw new Fault('not-found', `${from} is gone, and ${to} is empty`, {
      remedy: `put the data back to ${from}, or to ${to}, and it goes on`,
    })
  }
  try {
    if (!isMoved) {
      mkdirSync(dirname(to), { recursive: true, mode: 0o711 })
      if (existsSync(to)) rmdirSync(to)
      renameSync(from, to)
    }
    // Who takes it over remembers that, on another disk perhaps, and never does it again.
    for (const each of [to, from].map(dirname)) if (existsSync(each)) putFolderOnDisk(each)
  } catch (cause) {
    throw new Fault('failed', `${from} could not be moved to ${to}`, {
      remedy: 'mend that: it is tried again',
      cause,
    })
  }
}
