// Where does one file's state live? A private folder beside the file, unless told otherwise.

import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { checkSocketPath } from '../control/link.ts'
import { notOurs } from '../control/owner.ts'
import { Fault } from '../foundation/fault.ts'

/** The folder of one file's state and what stands in it. */
export interface StatePaths {
  readonly folder: string
  readonly socket: string
  readonly state: string
  readonly journal: string
  /** The last that was seen of the cluster's documents. */
  readonly cluster: string
  /** What a detached agent prints. */
  readonly agentLog: string
  /** The name, in the kernel's abstract namespace, of the lock that a living agent holds. */
  readonly lock: string
}

/**
 * The state of `file`: `.alwayson/<file name>` beside it, or the folder named. Throws a Fault
 * before anything is made if a socket in it would have too long a name.
 */
export function statePaths(file: string, named: string | undefined): StatePaths {
  const folder =
    named === undefined ? join(realDirectory(file), '.alwayson', basename(file)) : resolve(named)
  // The longest socket name that a replica or an edge may need under this folder.
  checkSocketPath(join(folder, 'guards', `${'x'.repeat(24)}.sock`))
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 32)
  return {
    folder,
    socket: join(folder, 'agent.sock'),
    state: join(folder, 'state.json'),
    journal: join(folder, 'journal.jsonl'),
    cluster: join(folder, 'cluster.json'),
    agentLog: join(folder, 'agent.log'),
    lock: `\0alwayson-${digest}`,
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
