// The part of the agent room that ends things from outside: who holds a file, and what is left.

import { statSync } from 'node:fs'
import { isLocked } from '../agent/lock.ts'
import type { StatePaths } from '../agent/paths.ts'
import type { Swept } from '../agent/sweep.ts'
import { isRefusal, notOurs } from '../control/owner.ts'
import { identify, isAlive } from '../control/processes.ts'
import { Fault, systemCode } from '../foundation/fault.ts'
import type { DownMachine } from './down.ts'

const nothing: Swept = { replicas: [], members: [], edges: 0, left: [], notes: [] }

/** The machine of `down`. */
export const downMachine = (paths: StatePaths): DownMachine => ({
  watch(pid) {
    const agent = identify(pid)
    return async () => (agent !== undefined && isAlive(agent)) || isLocked(paths.lock)
  },
  async sweep() {
    // Where nothing was ever started, nothing is made to look for it.
    if (!isThere(paths.folder)) return nothing
    const { sweep } = await import('../agent/sweep.ts')
    return sweep(paths)
  },
})

/** What may not be looked into may be full of what runs: only what is not there is nothing. */
function isThere(folder: string): boolean {
  try {
    return statSync(folder).isDirectory()
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(cause) ?? '')) return false
    if (isRefusal(cause)) throw notOurs(folder, folder, cause)
    throw new Fault('failed', `cannot look for ${folder}`, { cause })
  }
}
