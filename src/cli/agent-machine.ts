// The part of the agent room that ends things from outside: who holds a file, and what is left.

import { existsSync } from 'node:fs'
import { isLocked } from '../agent/lock.ts'
import type { StatePaths } from '../agent/paths.ts'
import type { Swept } from '../agent/sweep.ts'
import { identify, isAlive } from '../control/processes.ts'
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
    if (!existsSync(paths.folder)) return nothing
    const { sweep } = await import('../agent/sweep.ts')
    return sweep(paths)
  },
})
