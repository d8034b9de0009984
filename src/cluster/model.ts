// The words of the cluster room: machines, members, what each runs, who decides it. Types only.

import type { Epoch } from '../coordination/model.ts'
import type { Instant, Milliseconds } from '../foundation/time.ts'

/** A machine that the file names. */
export interface ClusterMachine {
  readonly name: string
  /** Where the other machines reach it; replicas and doors listen there. */
  readonly address: string
  /** What fails together; machines without one are each a zone of their own. */
  readonly zone: string | undefined
  /** How much it may carry beside the others: twice the capacity, twice the replicas. */
  readonly capacity: number
}

/** What a machine says of itself, for as long as its session lives. */
export interface MemberCard {
  /** One life of one agent: another one has another. */
  readonly incarnation: string
  readonly version: string
  readonly address: string
  readonly zone: string | undefined
  /** The port of the door by which the others hear it. */
  readonly door: number
  /** The version of the applied file that it acts on. */
  readonly applied: number
  /** When its agent began, by its own clock. */
  readonly since: Instant
}

/** A member and its card. */
export interface ClusterMember extends MemberCard {
  readonly machine: string
}

/** One replica on another machine, as that machine reports it. */
export interface RemoteReplica {
  readonly machine: string
  readonly id: string
  readonly service: string
  readonly revision: number
  readonly host: string
  readonly port: number
  readonly startedAt: Instant
  readonly restarts: number
  /** Whether its process is there to answer. */
  readonly running: boolean
  /** It is to take nothing new. */
  readonly draining: boolean
  /** It passes its checks, as its own machine sees it. */
  readonly up: boolean
}

/** What one machine runs, written by its agent alone, kept while the agent is away. */
export interface RunReport {
  /** Rises with every report of this machine. */
  readonly serial: number
  readonly replicas: readonly Omit<RemoteReplica, 'machine'>[]
  /** The version of the placement that it acts on. */
  readonly placement: number
  /** Which report of each other machine all edges here route by. */
  readonly heard: Readonly<Record<string, number>>
  /** Requests that edges here have on others' replicas that drain. */
  readonly active: Readonly<Record<string, number>>
  /** Its agent has ended for good: what it ran may be run elsewhere at once. */
  readonly left: boolean
}

/** How many replicas of a service each machine is to run: `shares.web.a`. */
export type Shares = Readonly<Record<string, Readonly<Record<string, number>>>>

/** Where everything runs, as the leader of an epoch decided. */
export interface Placement {
  readonly epoch: Epoch
  readonly by: string
  /** The version of the applied file that it is made for. */
  readonly applied: number
  readonly shares: Shares
  readonly rule: string
}

/** The applied file, as all machines share it; its version is the node's. */
export interface AppliedDocument {
  readonly text: string
  /** The name of the file, so that it is read as what it is (`.yaml`, `.cfg`). */
  readonly name: string
  /** The variables that the text refers to; sealed where the cluster has a secret. */
  readonly env: Readonly<Record<string, string>>
  /** The machine it was applied on. */
  readonly by: string
  /** When, by that machine's clock. */
  readonly at: Instant
}

/** What operators have asked of the whole cluster. */
export interface Orders {
  /** Machines that are to run nothing. */
  readonly drainedMachines: readonly string[]
  /** Servers that are to take nothing new. */
  readonly drainedServers: readonly string[]
  /** How often each service was told to deploy. */
  readonly deploys: Readonly<Record<string, number>>
  /** How often each service or replica was told to restart. */
  readonly restarts: Readonly<Record<string, number>>
}

/** A service as far as placing it goes. */
export interface PlacedService {
  readonly name: string
  readonly replicas: number
  /** The machines that it may run on; undefined: all. */
  readonly on: readonly string[] | undefined
}

/** How a machine stands, as the leader sees it. */
export type Standing =
  /** Its agent takes part. */
  | { readonly kind: 'here' }
  /** An operator drained it: nothing is to run there. */
  | { readonly kind: 'drained' }
  /** Its agent is away, and what it runs still answers. */
  | { readonly kind: 'agentless'; readonly since: Instant }
  /** Its agent is away and nothing answers, but not for long enough yet. */
  | { readonly kind: 'missing'; readonly since: Instant }
  /** It has been silent for too long: what it ran is run elsewhere. */
  | { readonly kind: 'lost'; readonly since: Instant }
  /** The file names it, and it never took part in this cluster's time. */
  | { readonly kind: 'expected' }

/** All that a leader's decision may look at. */
export interface ClusterObservation {
  readonly now: Instant
  /** Since when this leader has been looking. */
  readonly since: Instant
  readonly applied: number
  readonly services: readonly PlacedService[]
  readonly machines: readonly ClusterMachine[]
  readonly members: ReadonlySet<string>
  /** Machines without an agent, and since when, as far as this leader knows. */
  readonly away: ReadonlyMap<string, Instant>
  /** Machines of which at least one replica answers. */
  readonly answering: ReadonlySet<string>
  readonly drained: ReadonlySet<string>
  readonly placement: Placement | undefined
  readonly policy: ClusterPolicy
}

/** The cluster's delays. */
export interface ClusterPolicy {
  /** How long a machine must have been silent before what it ran is run elsewhere. */
  readonly moveAfter: Milliseconds
  /** How long the first placement waits for machines that have not come yet. */
  readonly gatherFor: Milliseconds
}

/** What a leader may do. */
export interface ClusterAction {
  readonly kind: 'place'
  readonly shares: Shares
}
