// The port: a load balancer in front of the origins, as its operators run it.

import type { Origins } from '../lib/origins.ts'

/** What it is started with. */
export interface Setting {
  /** For configuration, sockets and logs; it exists and is empty. */
  readonly folder: string
  readonly origins: Origins
  /** The origins that are routed to from the start, by place. */
  readonly routed: readonly number[]
  /** Whether Always On runs the replicas itself instead; the peers cannot. */
  readonly runsReplicas: boolean
}

/** One that runs and answers. */
export interface Balancer extends AsyncDisposable {
  readonly port: number
  /** Everything that belongs to it, for its cost. */
  pids(): Promise<readonly number[]>
  drain(index: number): Promise<void>
  undrain(index: number): Promise<void>
  /** Changes its configuration so that it routes to these origins. */
  route(indices: readonly number[]): Promise<void>
  /** Replaces every server by a new process of itself, one after the other. */
  deploy(): Promise<void>
  /** Kills the process that the operator talks to, and has it started again. */
  killControl(): Promise<void>
  /** Kills one process that carries requests. */
  killData(): Promise<void>
}

/** A balancer that can be compared. */
export interface Peer {
  readonly name: string
  start(setting: Setting): Promise<Balancer>
}
