// Where does one file's state live? A private folder beside the file, unless told otherwise.

import { createHash } from 'node:crypto'
import { mkdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { checkSocketPath } from '../control/link.ts'
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

/** Makes the folder, readable by this user alone. */
export function makeStateFolder(paths: StatePaths): void {
  try {
    mkdirSync(paths.folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new Fault('failed', `cannot make the state folder ${paths.folder}`, {
      cause,
      remedy: 'name a folder that can be written: --state DIR, or ALWAYSON_STATE=DIR',
    })
  }
}
