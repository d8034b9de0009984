// The port: something that runs replicas under guards and sees how they are.

import type { Milliseconds } from '../foundation/time.ts'
import type { ReplicaProcess, RunTemplate } from './model.ts'

/** What it takes to start one replica. */
export interface StartOrder {
  readonly id: string
  readonly service: string
  readonly revision: number
  readonly template: RunTemplate
}

/** What a host tells its agent without being asked. */
export interface HostListener {
  /** Something in `observe()` changed. */
  changed(): void
  /** Something a person should read: a start, an exit, a crash loop, a log that was cut short. */
  event(rule: string, subject: string, why: string, seen: Readonly<Record<string, unknown>>): void
}

/**
 * Runs the replicas of one machine, each under a guard of its own that outlives the agent. Orders
 * return at once; what became of them is seen in `observe`, also when they failed.
 */
export interface ReplicaHost {
  /** What runs, also what an earlier agent started. Never waits. */
  observe(): readonly ReplicaProcess[]
  /**
   * Chooses a free port on loopback, hands it over as `PORT`, and starts the replica, which is seen
   * in `observe` from this call on.
   */
  start(order: StartOrder): void
  /**
   * Ends the replica, its guard and its record, with SIGKILL after `within`. From this call on it
   * is seen as `stopping`, until nothing of it is left and it is not seen any more; its id must not
   * be started again before then. An id that is unknown or stopping already is ignored.
   */
  stop(id: string, within: Milliseconds): void
  /** Lets go of the guards and leaves everything running, for the next agent to adopt. */
  leave(): void
}
