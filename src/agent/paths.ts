// Where does one file's state live? A private folder beside the file, unless told otherwise.

import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { checkSocketPath } from '../control/link.ts'
import { notOurs } from '../control/owner.ts'
import { Fault, systemCode } from '../foundation/fault.ts'

/** The folder of one file's state and what stands in it. */
export interface StatePaths {
  /** With no link in it: however it is named, it is one folder, of one agent. */
  readonly folder: string
  /** As it was named. */
  readonly spelled: string
  readonly socket: string
  readonly state: string
  readonly journal: string
  /** The last that was seen of the cluster's documents. */
  readonly cluster: string
  /** What a detached agent prints. */
  readonly agentLog: string
  /** The name, in the kernel's abstract namespace, of the lock that a living agent holds. */
  readonly lock: string
  /** The lock of an agent of a version that went by how the folder is named, if that differs. */
  readonly formerLock: string | undefined
}

/**
 * The state of `file`: `.alwayson/<file name>` beside it, or the folder named. Throws a Fault
 * before anything is made if a socket in it would have too long a name.
 */
export function statePaths(file: string, named: string | undefined): StatePaths {
  const spelled =
    named === undefined ? join(realDirectory(file), '.alwayson', basename(file)) : resolve(named)
  const folder = withoutLinks(spelled)
  // The longest socket name that a replica or an edge may need under this folder.
  checkSocketPath(join(folder, 'guards', `${'x'.repeat(24)}.sock`))
  return {
    ...{ folder, spelled },
    socket: join(folder, 'agent.sock'),
    state: join(folder, 'state.json'),
    journal: join(folder, 'journal.jsonl'),
    cluster: join(folder, 'cluster.json'),
    agentLog: join(folder, 'agent.log'),
    lock: lockOf(folder),
    formerLock: spelled === folder ? undefined : lockOf(spelled),
  }
}

const lockOf = (folder: string): string =>
  `\0alwayson-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`

/** What is not there yet, or may not be looked at, has no links as far as one can see. */
function withoutLinks(path: string): string {
  try {
    return realpathSync(path)
  } catch (cause) {
    const isUnseen = ['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(cause) ?? '')
    if (isUnseen && path !== dirname(path)) return join(withoutLinks(dirname(path)), basename(path))
    throw new Fault('failed', `cannot follow the links in ${path}`, { cause })
  }
}

function realDirectory(file: string): string {
  try {
    return realpathSync(dirname(resolve(file)))
  } catch (cause) {
    throw new Fault('not-found', `the folder of ${file} does not exist`, { cause })
  }
}

/**
 * Makes the folder, for this user alone; one that is there already is kept from others as far as
 * what else stands in it allows. Throws a Fault where others could put there what they like.
 */
export function makeStateFolder({ folder }: Pick<StatePaths, 'folder'>): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    makePrivate(folder)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('failed', `cannot make the state folder ${folder}`, {
      cause,
      remedy: 'name a folder that can be written: --state DIR, or ALWAYSON_STATE=DIR',
    })
  }
}

const [forOthers, writableByOthers, sticky] = [0o077, 0o022, 0o1000] as const

/**
 * What stands in it is private by itself, but whoever may write here could put something else in
 * its place. The mode of a folder that is not only ours (a project, /tmp) is left as it is.
 */
function makePrivate(folder: string): void {
  const { uid, mode } = statSync(folder)
  if ((mode & forOthers) === 0) return
  const own = process.getuid?.()
  if (uid !== own && own !== 0) throw notOurs(`the state folder ${folder}`, folder, undefined)
  const names = readdirSync(folder)
  const isShared = (mode & sticky) !== 0
  if (names.length === 0 && !isShared) return chmodSync(folder, 0o700)
  if ((mode & writableByOthers) === 0) return
  if (names.some((name) => ours.has(name)) && !isShared) {
    return chmodSync(folder, mode & 0o7777 & ~writableByOthers)
  }
  throw new Fault('refused', `other users may write to the state folder ${folder}`, {
    remedy: 'name a folder of its own: --state DIR, or ALWAYSON_STATE=DIR',
  })
}

/** By any of these a folder is known to be one of ours. */
const ours: ReadonlySet<string> = new Set(['state.json', 'journal.jsonl', 'agent.sock'])
