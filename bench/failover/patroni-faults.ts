// What befalls Patroni, as like as can be to what befalls us.

import { setTimeout as pause } from 'node:timers/promises'
import type { PatroniBed } from './patroni.ts'

export interface PatroniFault {
  /** As ours is called. */
  readonly name: string
  /** Resolves to whether it happened: it may refuse what it is asked for. */
  readonly befall: (bed: PatroniBed, primary: string, strikes: () => void) => Promise<boolean>
}

const long = 10_000
/** Its own patience with what is lost is longer than ours. */
const patience = 90_000

/** Ours are called the same, and put right after as long. */
export const patroniFaults: readonly PatroniFault[] = [
  {
    name: 'server_killed',
    async befall(bed, primary, strikes) {
      strikes()
      bed.signalServer(primary, 'SIGKILL')
      await pause(4000)
      return true
    },
  },
  {
    name: 'server_stopped',
    async befall(bed, primary, strikes) {
      strikes()
      const all = bed.serverOf(primary)
      bed.signal(all, 'SIGSTOP')
      await bed.answeredWithin(patience)
      bed.signal(all, 'SIGCONT')
      return true
    },
  },
  {
    name: 'machine_lost',
    async befall(bed, primary, strikes) {
      strikes()
      bed.signal(bed.allOf(primary), 'SIGKILL')
      await bed.answeredWithin(patience)
      bed.up(primary)
      return true
    },
  },
  {
    name: 'agent_killed',
    async befall(bed, primary, strikes) {
      strikes()
      bed.signal(bed.agentOf(primary), 'SIGKILL')
      await pause(5000)
      bed.up(primary)
      return true
    },
  },
  {
    name: 'agent_stopped',
    async befall(bed, primary, strikes) {
      strikes()
      const agent = bed.agentOf(primary)
      bed.signal(agent, 'SIGSTOP')
      await pause(long)
      bed.signal(agent, 'SIGCONT')
      return true
    },
  },
  {
    name: 'switchover',
    async befall(bed, primary, strikes) {
      strikes()
      return await bed.switchOver(primary, patience)
    },
  },
  {
    name: 'coordinator_lost',
    async befall(bed, _primary, strikes) {
      strikes()
      bed.signal([bed.coordinator], 'SIGKILL')
      await pause(30_000)
      await bed.startCoordinator()
      return true
    },
  },
  {
    name: 'double_fault',
    async befall(bed, primary, strikes) {
      strikes()
      const [second = ''] = bed.names.filter((name) => name !== primary)
      bed.signal([...bed.allOf(primary), ...bed.allOf(second)], 'SIGKILL')
      await pause(5000)
      bed.up(second)
      await pause(long)
      bed.up(primary)
      return true
    },
  },
]
