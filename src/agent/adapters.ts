// The only list of engines: which adapter stands behind each port on a real machine.

import type { BalancerEngine } from '../balancing/engine.ts'
import { openNativeBalancer } from '../balancing/engines/native/engine.ts'
import type { EdgeMeters } from '../balancing/meters/model.ts'
import type { EdgeSecrets } from '../balancing/model.ts'
import { openAcmeIssuer } from '../certificates/engines/acme/issuer.ts'
import type { SharedPeers } from '../certificates/engines/shared/peers.ts'
import { CertificateKeeper, type Certificates } from '../certificates/keeper.ts'
import { noPeers } from '../certificates/peers.ts'
import type { Adopter } from '../databases/adoption/adopter.ts'
import type { CheckPrograms, OpenMember } from '../databases/engine.ts'
import type { EngineName } from '../databases/model.ts'
import { openRandom } from '../foundation/random.ts'
import { type Clock, ms } from '../foundation/time.ts'
import { openWheel } from '../foundation/wheel.ts'
import type { TrafficSignal } from '../health/model.ts'
import { openMonitor } from '../health/monitor.ts'
import { openAgentAsker } from '../health/probes/agent.ts'
import { openProber } from '../health/probes/prober.ts'
import { openProcessHost } from '../services/engines/process/host.ts'
import type { ReplicaHost } from '../services/host.ts'
import { certificateStore } from './certificate-peers.ts'
import type { HealthMonitor } from './core-ports.ts'

/** What the adapters are told of the machine and the file. */
export interface Machine {
  readonly folder: string
  readonly clock: Clock
  readonly version: string
  /** Where other machines reach what runs here, if there are any. */
  readonly address?: string | undefined
  /** With whom certificates are shared, if there are others. */
  readonly peers?: SharedPeers | undefined
}

/** What the adapters tell the agent. */
export interface AdapterListener {
  changed(): void
  signal(signal: TrafficSignal): void
  counted(edge: string, meters: EdgeMeters): void
  event(
    room: string,
    subject: string,
    rule: string,
    why: string,
    seen: Readonly<Record<string, unknown>>,
  ): void
}

/** The ports of one machine, open. */
export interface Adapters {
  readonly host: ReplicaHost
  readonly balancer: BalancerEngine
  readonly monitor: HealthMonitor
  readonly certificates: Certificates
  /** As whom edges come to databases: told to them as keys are. */
  entrust(visitor: Pick<EdgeSecrets, 'accounts' | 'machine'>): Promise<void>
  /** Lets go of everything and leaves it running. */
  leave(): void
}

/**
 * Checks that are due within so long are made together: their connections, and most of their
 * answers, wake the agent once. Steps of 10 ms cost a fifth more.
 */
const checkStep = ms(25)

/** Opens the ports and adopts what an earlier agent left running. */
export async function openAdapters(machine: Machine, listener: AdapterListener): Promise<Adapters> {
  const { folder, clock, version, address = '127.0.0.1', peers } = machine
  const random = openRandom()
  const hears = (room: string) => ({
    changed: () => listener.changed(),
    event: (
      rule: string,
      subject: string,
      why: string,
      seen: Readonly<Record<string, unknown>>,
    ): void => listener.event(room, subject, rule, why, seen),
  })
  const [host, balancer] = await Promise.all([
    openProcessHost({ folder, clock, random, version, address, listener: hears('services') }),
    openNativeBalancer({
      folder,
      clock,
      random,
      version,
      listener: {
        ...hears('balancing'),
        signal: (signal) => listener.signal(signal),
        counted: (edge, meters) => listener.counted(edge, meters),
      },
    }),
  ])
  const entrusted = new Entrusted(balancer)
  const store = certificateStore(folder)
  const certificates = new CertificateKeeper({
    ...{ clock, random, store, issuer: openAcmeIssuer(clock), peers: peers ?? noPeers(store) },
    listener: {
      ...hears('certificates'),
      secrets: (told) => entrusted.tell({ keys: told }),
    },
  })
  const wheel = openWheel(clock, checkStep)
  const prober = openProber(wheel)
  const agents = openAgentAsker(wheel)
  const monitor = openMonitor({
    clock: wheel,
    random,
    prober,
    agents,
    listener: {
      asked: (server, { agent }) => {
        if (agent === undefined) {
          const why = 'the file no longer asks an agent of it: what that said is forgotten'
          listener.event('health', server, 'agent-forgotten', why, {})
        } else listener.event('health', server, 'agent-asks', agent.line, { ...agent })
        listener.changed()
      },
      changed: ({ server, from, to, rule, why }, _health, expected) => {
        if (!expected) listener.event('health', server, rule, why, { from, to })
        listener.changed()
      },
    },
  })
  return {
    host,
    balancer,
    monitor,
    certificates,
    entrust: (visitor) => entrusted.tell({ visitor }),
    leave() {
      certificates[Symbol.dispose]()
      peers?.[Symbol.dispose]()
      monitor[Symbol.dispose]()
      prober[Symbol.dispose]()
      agents[Symbol.dispose]()
      host.leave()
      balancer.leave()
    },
  }
}

/** What edges are told under seal comes from two rooms: each tells its part, they hear it whole. */
class Entrusted {
  readonly #balancer: BalancerEngine
  #keys: EdgeSecrets = { certificates: [], tickets: [], challenges: [] }
  #visitor: Pick<EdgeSecrets, 'accounts' | 'machine'> = {}

  constructor(balancer: BalancerEngine) {
    this.#balancer = balancer
  }

  tell(part: {
    readonly keys?: EdgeSecrets
    readonly visitor?: Pick<EdgeSecrets, 'accounts' | 'machine'>
  }): Promise<void> {
    this.#keys = part.keys ?? this.#keys
    this.#visitor = part.visitor ?? this.#visitor
    return this.#balancer.entrust({ ...this.#keys, ...this.#visitor })
  }
}

/** How servers that somebody else set up are taken over; loaded when a file asks for it. */
export async function databaseAdopter(name: EngineName): Promise<Adopter> {
  switch (name) {
    case 'postgresql':
      return (await import('../databases/engines/postgresql/adopt.ts')).postgresAdopter
    case 'mariadb':
      return (await import('../databases/engines/mariadb/adopt.ts')).mariadbAdopter
    case 'mysql':
      return (await import('../databases/engines/mysql/adopt.ts')).mysqlAdopter
  }
}

/** What says whether the programs of an engine fit; loaded when a file asks for one. */
export async function databasePrograms(name: EngineName): Promise<CheckPrograms> {
  switch (name) {
    case 'postgresql': {
      const engine = await import('../databases/engines/postgresql/check-programs.ts')
      return engine.checkPostgresPrograms
    }
    case 'mariadb':
      return (await import('../databases/engines/mariadb/check-programs.ts')).checkMariadbPrograms
    case 'mysql':
      return (await import('../databases/engines/mysql/check-programs.ts')).checkMysqlPrograms
  }
}

/** The engines of databases; loaded when a file asks for one. */
export async function databaseEngine(name: EngineName): Promise<OpenMember> {
  switch (name) {
    case 'postgresql':
      return (await import('../databases/engines/postgresql/engine.ts')).openPostgres
    case 'mariadb':
      return (await import('../databases/engines/mariadb/engine.ts')).openMariadb
    case 'mysql':
      return (await import('../databases/engines/mysql/engine.ts')).openMysql
  }
}
