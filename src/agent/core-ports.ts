// What does the agent's mind touch? The ports of the rooms, and nothing behind them.

import type { BalancerEngine } from '../balancing/engine.ts'
import type { Certificates } from '../certificates/keeper.ts'
import type { Journal } from '../control/journal.ts'
import type { DatabasePlan, DatabaseView } from '../databases/model.ts'
import type { Clock } from '../foundation/time.ts'
import type { Health, Target, TrafficSignal } from '../health/model.ts'
import type { ReplicaHost } from '../services/host.ts'
import type { ClusterSight } from './remote.ts'
import type { StateStore } from './store.ts'
import type { World } from './world.ts'

/** Everything that the mind may touch. */
export interface CorePorts {
  readonly clock: Clock
  readonly host: ReplicaHost
  readonly balancer: BalancerEngine
  readonly certificates: Certificates
  readonly monitor: HealthMonitor
  readonly journal: Journal
  readonly store: StateStore
  /** The other machines, where there are any. */
  readonly cluster?: OtherMachines | undefined
  /** Replicated databases, where there can be any. */
  readonly databases?: DatabasesPort | undefined
}

/** The part of the databases room that the mind speaks to. */
export interface DatabasesPort {
  /** Shows these from now on; begins and ends nothing yet. */
  plan(plans: readonly DatabasePlan[]): Promise<void>
  /** Looks after those that are planned, and after no others. Resolves once it has begun. */
  apply(): Promise<void>
  views(): readonly DatabaseView[]
}

/** The part of the cluster room that the mind speaks to. */
export interface OtherMachines {
  observe(): ClusterSight
  /** Called after every round with what was seen: some of it is told to the others. */
  looked(world: World): void
}

/** The part of the health room that the mind speaks to. */
export interface HealthMonitor {
  watch(targets: readonly Target[]): void
  signal(signal: TrafficSignal): void
  observe(): ReadonlyMap<string, Health>
}
