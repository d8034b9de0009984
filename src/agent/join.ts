// Does this agent act alone, or as one machine of several? If the latter: its keys, the
// coordinator, and its part in the cluster, opened.

import { randomUUID } from 'node:crypto'
import type { Beside } from '../cluster/member-parts.ts'
import { beaconCodec } from '../cluster/sight/beacon.ts'
import { openDoor } from '../cluster/sight/door.ts'
import { keysPath, readKeys } from '../control/doors/keys.ts'
import { sealOf } from '../control/seal.ts'
import { openCoordination } from '../coordination/open.ts'
import { Fault } from '../foundation/fault.ts'
import { invariant } from '../foundation/invariant.ts'
import { openRandom } from '../foundation/random.ts'
import type { Clock } from '../foundation/time.ts'
import { openProcessHost } from '../services/engines/process/host.ts'
import type { Spec } from '../spec/model.ts'
import { AgentCluster, type AgentClusterOptions, type FileRead } from './cluster.ts'
import type { ClusterPlace } from './database-options.ts'
import type { OpenJournal } from './journal.ts'
import { WatchedKeys } from './machine-keys.ts'
import type { StatePaths } from './paths.ts'
import { version } from './version.ts'
import { isCluster, whichMachine } from './which-machine.ts'

/** What an agent joins with. */
export interface JoinOptions {
  readonly paths: StatePaths
  readonly read: { readonly spec: Spec; readonly file: FileRead }
  readonly parse: (file: FileRead) => Promise<Spec>
  /** What `--machine` says. */
  readonly machine?: string | undefined
  readonly clock: Clock
  readonly journal: OpenJournal
  /** What else the machines share; opened once it is known which one this is. */
  readonly beside: (cluster: ClusterPlace) => Beside
}

/** This machine's part in its cluster; undefined if the file is for this machine alone. */
export async function joinCluster(options: JoinOptions): Promise<AgentCluster | undefined> {
  const { read, paths, clock, journal, parse } = options
  const { spec, file } = read
  if (!isCluster(spec)) {
    if (options.machine === undefined || spec.machines[options.machine]) return undefined
    throw new Fault('bad-usage', `the file names no machine ${options.machine}`)
  }
  const keys = await readKeys(keysPath(file.path, process.env))
  const machine = whichMachine(spec, { told: options.machine, keys: keys?.machine })
  const event: AgentClusterOptions['event'] = (rule, subject, why, actions = [], seen = {}) =>
    journal.record({ at: clock.now(), room: 'cluster', subject, rule, why, actions, seen })
  const coordination = await openCoordination({
    ...{ plan: spec.coordination, folder: paths.folder, keys, clock },
    heard: (rule, why) => event(rule, machine.name, why),
    openHost: (folder, listener) =>
      openProcessHost({ folder, clock, random: openRandom(), version, listener }),
  })
  // Without them nothing was opened.
  invariant(keys !== undefined, 'a machine of a cluster has keys')
  const { secret } = keys
  const life = randomUUID()
  const watched = new WatchedKeys({
    ...{ path: keysPath(file.path, process.env), keys, clock },
    event: (rule, why) => event(rule, machine.name, why),
  })
  let cluster: AgentCluster | undefined
  try {
    const door = await openDoor({
      ...{ machine: machine.name, address: machine.address, life, clock },
      codec: beaconCodec(secret),
      wall: Date.now,
      peers: () => cluster?.peers() ?? new Map(),
    })
    cluster = new AgentCluster({
      ...{
        machine,
        machines: spec.machines,
        coordination,
        clock,
        version,
        own: file,
        event,
        parse,
      },
      ...{ seal: sealOf(secret, 'values of the file'), memoryPath: paths.cluster, door, life },
      beside: options.beside({ machine: machine.name, secret, keys: watched }),
    })
    return cluster
  } catch (thrown) {
    watched[Symbol.dispose]()
    await coordination[Symbol.asyncDispose]()
    throw thrown
  }
}
