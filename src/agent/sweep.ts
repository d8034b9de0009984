// Ends what an agent that is gone left running.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describeError, Fault } from '../foundation/fault.ts'
import { openRandom } from '../foundation/random.ts'
import { ms, openClock, sleep } from '../foundation/time.ts'
import { openProcessHost } from '../services/engines/process/host.ts'
import { openAdapters } from './adapters.ts'
import { type EndedDatabases, endDatabases } from './database-ending.ts'
import { databaseFolders } from './database-folders.ts'
import { holderOf, takeLocks } from './lock.ts'
import type { AgentState } from './model.ts'
import type { StatePaths } from './paths.ts'
import { stopAll } from './stop.ts'
import { emptyState, openStore } from './store.ts'
import { version } from './version.ts'

/** What was found and ended. */
export interface Swept {
  readonly replicas: readonly string[]
  readonly edges: number
  /** Of databases. */
  readonly members: readonly string[]
  /** What could not be ended, and why. */
  readonly left: EndedDatabases['left']
  /** What of it has to be told. */
  readonly notes: readonly string[]
}

/** For a server of a database that is to end cleanly. */
const databasesEndWithin = ms(20_000)

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
 * Ends the edges, guards and replicas of a file whose agent is dead, and the servers of its
 * databases. Throws a Fault `already-running` if an agent lives: it must be asked instead.
 */
export async function sweep(paths: StatePaths): Promise<Swept> {
  using lock = await takeLocks([paths.lock, paths.formerLock])
  if (lock === undefined) throw held(paths)
  const { state, notes } = keptState(paths)
  const clock = openClock()
  const adapters = await openAdapters(
    { folder: paths.folder, clock, version },
    { changed: () => {}, signal: () => {}, counted: () => {}, event: () => {} },
  )
  try {
    const replicas = adapters.host.observe().map(({ id }) => id)
    const edges = adapters.balancer.observe().length
    await stopAll(adapters, state, clock)
    const folders = databaseFolders(paths.folder, process.getuid?.() === 0, paths.spelled)
    const { ended, left } = await endDatabases(folders, databasesEndWithin, {
      ...{ clock, version, event: () => {} },
    })
    const ensemble = await endEnsemble(paths)
    return { replicas: [...replicas, ...ensemble], edges, members: ended, left, notes }
  } finally {
    adapters.leave()
  }
}

function held({ folder, lock, formerLock }: StatePaths): Fault {
  const pid = holderOf(lock) ?? (formerLock === undefined ? undefined : holderOf(formerLock))
  const who = pid === undefined ? 'an agent' : `an agent (process ${pid})`
  const end = pid === undefined ? '' : `; one that never answers is ended by: kill ${pid}`
  return new Fault('already-running', `${who} holds ${folder}, and does not answer`, {
    remedy: `ask again in a moment, it may be starting or ending${end}`,
  })
}

/** Only how long replicas may take is read from it: without it they are ended all the same. */
function keptState({ state }: StatePaths): { state: AgentState; notes: readonly string[] } {
  try {
    return { state: openStore(state).load() ?? emptyState, notes: [] }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    const note = `${describeError(thrown)}; each replica is given 10 seconds to end`
    return { state: emptyState, notes: [note] }
  }
}
