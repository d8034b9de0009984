// What a machine takes part in its cluster with, and whom it tells. Types only.

import type { Coordinator } from '../coordination/coordinator.ts'
import type { Leadership } from '../coordination/model.ts'
import type { Clock } from '../foundation/time.ts'
import type { ClusterStore } from './memory.ts'
import type {
  ClusterMachine,
  ClusterPolicy,
  MemberCard,
  PlacedService,
  RunReport,
} from './model.ts'

/** What a machine takes part with. */
export interface MemberOptions {
  readonly machine: string
  readonly card: Omit<MemberCard, 'applied'>
  readonly clock: Clock
  readonly newId: () => string
  /** A session, once it is connected. */
  readonly open: (signal: AbortSignal) => Promise<Coordinator & AsyncDisposable>
  readonly store: ClusterStore
  readonly policy: ClusterPolicy
  /** What is wanted, as far as placing goes; undefined while no file is in force here. */
  readonly wanted: () => Wanted | undefined
  /** Machines of which at least one replica answers this one. */
  readonly answering: () => ReadonlySet<string>
  readonly listener: MemberListener
  /** What else goes on as long as a session lives, and while this machine leads. */
  readonly beside: Beside
}

/** See `MemberOptions`. */
export interface Beside {
  attend(coordinator: Coordinator, signal: AbortSignal): Promise<never>
  lead(role: Leadership, coordinator: Coordinator, signal: AbortSignal): Promise<never>
}

/** What the file in force asks for. */
export interface Wanted {
  readonly applied: number
  readonly machines: readonly ClusterMachine[]
  readonly services: readonly PlacedService[]
}

/** What a member tells its agent. */
export interface MemberListener {
  /** Something in `view` changed. */
  changed(): void
  event(
    rule: string,
    subject: string,
    why: string,
    actions?: readonly string[],
    seen?: Readonly<Record<string, unknown>>,
  ): void
}

/** What this machine runs, as its agent tells it. */
export type Running = Omit<RunReport, 'serial'>
