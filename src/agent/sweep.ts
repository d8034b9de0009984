// Ends what an agent that is gone left running.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../foundation/fault.ts'
import { openRandom } from '../foundation/random.ts'
import { ms, openClock, sleep } from '../foundation/time.ts'
import { openProcessHost } from '../services/engines/process/host.ts'
import { openAdapters } from './adapters.ts'
import { takeLock } from './lock.ts'
import type { StatePaths } from './paths.ts'
import { stopAll } from './stop.ts'
import { emptyState, openStore } from './store.ts'
import { version } from './version.ts'

/** What was found and ended. */
export interface Swept {
  readonly replicas: readonly string[]
  readonly edges: number
}

/** Ends the server of a managed ensemble that was kept under this file. */
async function endEnsemble(paths: StatePaths): Promise<readonly string[]> {
  const folder = join(paths.folder, 'zk')
  if (!existsSync(folder)) return []
  const clock = openClock()
  const quiet = { changed: () => {}, event: () => {} }
  const host = await openProcessHost({
    ...{ folder, clock, version, listener: quiet },
    random: openRandom(),
  })
  const found = host.observe().map(({ id }) => id)
  for (const id of found) host.stop(id, ms(3000))
  while (host.observe().length > 0) await sleep(clock, ms(20))
  host.leave()
  return found
}

/**
 * Ends the edges, guards and replicas of a file whose agent is dead. Throws a Fault
 * `already-running` if an agent lives: it must be asked instead.
 */
export async function sweep(paths: StatePaths): Promise<Swept> {
  const lock = await takeLock(paths.lock)
  if (lock === undefined) throw new Fault('already-running', 'an agent holds this file')
  try {
    const clock = openClock()
    const adapters = await openAdapters(
      { folder: paths.folder, clock, version },
      { changed: () => {}, signal: () => {}, counted: () => {}, event: () => {} },
    )
    const replicas = [...adapters.host.observe().map(({ id }) => id), ...(await endEnsemble(paths))]
    const edges = adapters.balancer.observe().length
    await stopAll(adapters, openStore(paths.state).load() ?? emptyState, clock)
    adapters.leave()
    return { replicas, edges }
  } finally {
    lock[Symbol.dispose]()
  }
}
