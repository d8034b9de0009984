// What befalls a database, and how each thing is put right again.

import { descendantsOf, type ProcessIdentity, signalProcess } from '../../src/control/processes.ts'
import type { MemberOverview } from '../../src/databases/overview.ts'
import { until } from '../../test/engines/waiting.ts'
import type { Bed } from './bed.ts'
import type { Place } from './place.ts'

/** One thing that may happen. */
export interface Fault {
  readonly name: string
  readonly what: string
  /** Only where members have machines of their own. */
  readonly machinesOnly?: boolean
  /** Lets it happen; the promise is over once it has been put right again. */
  readonly befall: (bed: Bed, scene: FaultScene) => Promise<void>
}

/** Who is who when it happens. */
export interface FaultScene {
  readonly primary: string
  readonly replicas: readonly string[]
  readonly members: readonly MemberOverview[]
  /** Called when it happens, and with whom it concerns: what their clients notice is no measure. */
  readonly strikes: (places?: readonly Place[]) => void
  readonly pause: (ms: number) => Promise<void>
}

const signalServer = (bed: Bed, member: string, signal: NodeJS.Signals): void => {
  const { server } = bed.record(member)
  if (server !== undefined) signalProcess(server, signal)
}

/** To a server and all that it has started: PostgreSQL answers with a process for each client. */
const signalAll = (server: ProcessIdentity, signal: NodeJS.Signals): void => {
  for (const one of [server, ...descendantsOf(server.pid)]) signalProcess(one, signal)
}

/** The guard goes first: nobody is left to say that the server has ended. */
const killMember = (bed: Bed, member: string): void => {
  const { guard, server } = bed.record(member)
  signalProcess(guard, 'SIGKILL')
  if (server !== undefined) signalProcess(server, 'SIGKILL')
}

/** Everything on a machine at once, or of a member where all share one. */
async function losePower(bed: Bed, member: string): Promise<() => void> {
  const place = bed.placeOf(member)
  if (place.machine === undefined) {
    killMember(bed, member)
    return () => {}
  }
  place.machine.plug(false)
  await place.machine.powerOff()
  return () => {
    place.machine?.plug(true)
    place.up()
    bed.write(place)
  }
}

const replaced = (bed: Bed, primary: string): Promise<void> =>
  until('another one is primary', async () => {
    const seen = await bed.look()
    return seen?.primary !== undefined && seen.primary !== primary
  })

const long = 10_000

/** All that the benchmark can do to a database. */
export const faults: readonly Fault[] = [
  {
    name: 'server_killed',
    what: 'the primary’s server is killed',
    async befall(bed, { primary, strikes, pause }) {
      strikes()
      signalServer(bed, primary, 'SIGKILL')
      await pause(4000)
    },
  },
  {
    name: 'server_stopped',
    what: 'the primary’s server is stopped (SIGSTOP), and goes on after 10 s',
    async befall(bed, { primary, strikes, pause }) {
      const { server } = bed.record(primary)
      if (server === undefined) throw new Error(`no server of ${primary} runs`)
      strikes()
      signalAll(server, 'SIGSTOP')
      await pause(long)
      // The same process, if it still lives: another one may run by now.
      signalAll(server, 'SIGCONT')
    },
  },
  {
    name: 'machine_lost',
    what: 'everything on the primary’s machine is killed at once, and comes back after 10 s',
    async befall(bed, { primary, strikes, pause }) {
      strikes([bed.placeOf(primary)])
      const back = await losePower(bed, primary)
      await pause(long)
      back()
    },
  },
  {
    name: 'machine_cut_off',
    what: 'the primary’s machine is cut off for 10 s; its own clients still reach it',
    machinesOnly: true,
    async befall(bed, { primary, strikes, pause }) {
      const place = bed.placeOf(primary)
      strikes([place])
      place.machine?.plug(false)
      await pause(long)
      place.machine?.plug(true)
    },
  },
  {
    name: 'cut_from_replicas',
    what: 'the primary and its replicas do not hear each other for 10 s; all hear the coordinator',
    machinesOnly: true,
    async befall(bed, { primary, replicas, strikes, pause }) {
      const place = bed.placeOf(primary)
      const others = replicas.map((one) => bed.placeOf(one).machine?.address ?? '')
      strikes([place])
      place.machine?.deaf(others)
      await pause(long)
      place.machine?.deaf([])
    },
  },
  {
    name: 'cut_from_coordinator',
    what: 'the primary’s machine does not hear the coordinator for 10 s',
    machinesOnly: true,
    async befall(bed, { primary, strikes, pause }) {
      const place = bed.placeOf(primary)
      strikes()
      place.machine?.deaf([bed.coordinator?.address ?? ''])
      await pause(long)
      place.machine?.deaf([])
    },
  },
  {
    name: 'agent_killed',
    what: 'the agent of the primary’s machine is killed, and started again after 5 s',
    async befall(bed, { primary, strikes, pause }) {
      const place = bed.placeOf(primary)
      strikes()
      place.agent.kill('SIGKILL')
      await pause(5000)
      place.up()
    },
  },
  {
    name: 'agent_stopped',
    what: 'the agent of the primary’s machine is stopped for 10 s',
    async befall(bed, { primary, strikes, pause }) {
      const place = bed.placeOf(primary)
      strikes()
      place.signal('SIGSTOP')
      await pause(long)
      place.signal('SIGCONT')
    },
  },
  {
    name: 'disk_full',
    what: 'the disk of the primary’s machine is full for 10 s',
    machinesOnly: true,
    async befall(bed, { primary, strikes, pause }) {
      const { disk } = bed.placeOf(primary)
      strikes()
      disk?.fill()
      await pause(long)
      disk?.free()
    },
  },
  {
    name: 'switchover',
    what: 'a planned move',
    async befall(bed, { primary, strikes }) {
      strikes()
      await bed.switchOver()
      await replaced(bed, primary)
    },
  },
  {
    name: 'coordinator_cut',
    what: 'nobody hears the coordinator for 10 s',
    machinesOnly: true,
    async befall(bed, { strikes, pause }) {
      strikes()
      bed.coordinator?.plug(false)
      await pause(long)
      bed.coordinator?.plug(true)
    },
  },
  {
    name: 'coordinator_lost',
    what: 'the coordinator is killed, and comes back after 30 s',
    machinesOnly: true,
    async befall(bed, { strikes, pause }) {
      strikes()
      await bed.coordinator?.powerOff()
      await pause(30_000)
      bed.restartCoordinator()
    },
  },
  {
    name: 'double_fault',
    what: 'the primary and a replica are lost at once; the replica comes back after 5 s',
    async befall(bed, { primary, replicas, strikes, pause }) {
      const [second = ''] = replicas
      strikes([bed.placeOf(primary), bed.placeOf(second)])
      const lost = [losePower(bed, primary), losePower(bed, second)]
      const [back, secondBack] = await Promise.all(lost)
      await pause(5000)
      secondBack?.()
      await pause(long)
      back?.()
    },
  },
  {
    name: 'killed_in_switchover',
    what: 'the primary’s server is killed while it hands over',
    async befall(bed, { primary, strikes, pause }) {
      strikes()
      await bed.switchOver()
      await pause(60)
      signalServer(bed, primary, 'SIGKILL')
      await pause(4000)
    },
  },
  {
    name: 'killed_in_rejoin',
    what: 'the old primary’s server is killed again while it comes back',
    async befall(bed, { primary, strikes, pause }) {
      strikes()
      signalServer(bed, primary, 'SIGKILL')
      await replaced(bed, primary)
      await pause(150)
      killMember(bed, primary)
      await pause(4000)
    },
  },
]
