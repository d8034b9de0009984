// The port: something that routes by a table. Capabilities are data.

import type { Milliseconds } from '../foundation/time.ts'
import type { TrafficSignal } from '../health/model.ts'
import type { EdgeMeters } from './meters/model.ts'
import type { EdgeReport, EdgeSecrets, Table } from './model.ts'

/** One process of the data path, as last seen. */
export interface EdgeSighting {
  readonly edge: number
  readonly pid: number
  readonly version: string
  /** `starting` until it has said that it listens and routes. */
  readonly state: 'starting' | 'routing' | 'stopping' | 'gone'
  readonly report: EdgeReport | undefined
}

/**
 * How many of the edges that are to carry traffic route. One that stops is not among them: it has
 * given its listeners away or is not wanted, and clients that rest may keep it for a minute.
 */
export function routingOf(edges: readonly { readonly state: string }[]): {
  readonly routing: number
  readonly wanted: number
} {
  const wanted = edges.filter(({ state }) => state !== 'stopping')
  const routing = wanted.filter(({ state }) => state === 'routing')
  return { routing: routing.length, wanted: wanted.length }
}

/** What a balancer tells its agent without being asked. */
export interface BalancerListener {
  /** Something in `observe()` changed: a process came or went, a table took effect, a count. */
  changed(): void
  /** Traffic met something that a probe should look at now. */
  signal(signal: TrafficSignal): void
  /** What one edge, by a name of its own, has counted since it started. */
  counted(edge: string, meters: EdgeMeters): void
  /** Something a person should read: an edge died, a port could not be bound. */
  event(rule: string, subject: string, why: string, seen: Readonly<Record<string, unknown>>): void
}

/**
 * A balancer of one machine. It goes on routing by the last table when its agent dies, and the
 * next agent's `open` adopts it.
 */
export interface BalancerEngine {
  readonly name: string
  readonly can: { readonly outliveAgent: boolean; readonly holdRequests: boolean }
  /**
   * Routes by this table from now on, in so many processes. Rejects with a Fault, and changes
   * nothing, if a port cannot be had; resolves once the edges have been told, started where need
   * be. That they listen and route is seen in `observe`: replicas start meanwhile.
   */
  apply(table: Table, edges: number): Promise<void>
  /**
   * Keeps these for its processes: each gets them before the next table that it is told. Resolves
   * once those that run have taken them, or after a few seconds.
   */
  entrust(secrets: EdgeSecrets): Promise<void>
  observe(): readonly EdgeSighting[]
  /** Stops accepting, lets what is in flight end for at most `within`, then ends the processes. */
  stop(within: Milliseconds): Promise<void>
  /** Lets go of the processes and leaves them running, for the next agent to adopt. */
  leave(): void
}
