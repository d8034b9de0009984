// As whom does the server run, and may that user reach what it needs? PostgreSQL is never root.

import { execFile } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { tied } from '../../../control/processes.ts'
import { Fault } from '../../../foundation/fault.ts'

export interface Owner {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

const run = promisify(execFile)

/** One user of passwd(5); `undefined` if there is none of this name. */
function findUser(name: string): Owner | undefined {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [user, , uid, gid] = line.split(':')
    if (user === name) return { name, uid: Number(uid), gid: Number(gid) }
  }
  return undefined
}

/**
 * The user of the server, if it is not this process's own: as root the one that is wanted, else
 * `postgres` where there is one, else `nobody`. Throws a `Fault`.
 */
export function ownerFor(wanted: string | undefined): Owner | undefined {
  const own = process.getuid?.() ?? 0
  const found = wanted === undefined ? undefined : findUser(wanted)
  if (wanted !== undefined && found === undefined) {
    throw new Fault('not-found', `there is no user ${wanted} on this machine`, {
      remedy: `make it, or name another under user:`,
    })
  }
  if (own !== 0) {
    if (found === undefined || found.uid === own) return undefined
    throw new Fault('unsupported', `only root can run a server as the user ${wanted}`, {
      remedy: 'leave out user:, or run Always On as root',
    })
  }
  const owner = found ?? findUser('postgres') ?? findUser('nobody')
  if (owner !== undefined && owner.uid !== 0) return owner
  throw new Fault('unsupported', 'PostgreSQL does not run as root, and there is no other user', {
    remedy: 'name a user under user:',
  })
}

/** Whether the owner may enter a folder: the bits of its mode that are for it. */
function mayEnter(path: string, { uid, gid }: Owner): boolean {
  const stat = statSync(path)
  const shift = stat.uid === uid ? 6 : stat.gid === gid ? 3 : 0
  return ((stat.mode >> shift) & 1) !== 0
}

/** Throws a `Fault` that names the folder on the way to `path` that the owner may not enter. */
export function checkWay(path: string, owner: Owner | undefined): void {
  if (owner === undefined) return
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (!mayEnter(folder, owner)) {
      throw new Fault('refused', `the user ${owner.name} may not enter ${folder}`, {
        remedy: `chmod o+x ${folder}, or choose a folder that it may enter`,
      })
    }
    if (folder === dirname(folder)) return
  }
}

/** Makes the folders on the way to `path`, open to whoever has to come through them. */
export function makeWay(path: string, owner: Owner | undefined): void {
  const mode = owner === undefined ? 0o700 : 0o755
  const first = mkdirSync(dirname(path), { recursive: true, mode })
  // What this process keeps from others by its umask has to be open to the server's user.
  if (first === undefined || owner === undefined) return
  for (let folder = dirname(path); folder.length >= first.length; folder = dirname(folder)) {
    chmodSync(folder, mode)
  }
}

/** Makes a folder that only the owner may look into, unless it is there. */
export function makePrivate(path: string, owner: Owner | undefined): void {
  makeWay(path, owner)
  if (!existsSync(path)) mkdirSync(path, { mode: 0o700 })
  checkWay(path, owner)
  give(path, owner)
}

/** Hands a file or folder to the owner. */
export function give(path: string, owner: Owner | undefined): void {
  if (owner !== undefined) chownSync(path, owner.uid, owner.gid)
}

/**
 * Runs a program as the owner until it ends; rejects with what it said if that was badly. It ends
 * with this process, also with one that is killed: nothing else knows of it.
 */
export async function runAs(
  owner: Owner | undefined,
  program: string,
  args: readonly string[],
  more: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<string> {
  const [command = '', ...rest] = tied([program, ...args], owner)
  const { stdout } = await run(command, rest, {
    ...more,
    signal,
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout
}
