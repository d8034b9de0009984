// What everything that shows how it goes is made of: how things stand at one moment, what was
// counted until then, and what had been counted a while before.

import type { ServerState } from '../balancing/model.ts'
import type { Instant, Milliseconds } from '../foundation/time.ts'
import type { Verdict } from '../health/model.ts'
import type { Totals } from './ledger.ts'

/** One server of a service. */
export interface ServerScene {
  readonly id: string
  readonly host: string
  readonly port: number
  /** As it is, and as the file says. */
  readonly weight: number
  readonly weightInFile: number
  readonly backup: boolean
  readonly maxConnections: number | undefined
  /** Where the balancer sends. */
  readonly routed: ServerState
  readonly verdict: Verdict
  /** An operator told it to take nothing new: for the time being, or with nobody asking it. */
  readonly told: 'ready' | 'drain' | 'maint'
  /** Since when the verdict is what it is. */
  readonly since: Instant
  /** The last check; `undefined` before the first, or where none is wanted. */
  readonly check:
    | {
        readonly kind: 'http' | 'tcp'
        readonly passed: boolean
        readonly took: Milliseconds
        /** Why it failed; empty when it passed. */
        readonly reason: string
        readonly rise: number
        readonly fall: number
        readonly passes: number
        readonly failures: number
      }
    | undefined
  /** Requests on it, at this moment. */
  readonly active: number
  readonly ejected: string | undefined
  /** Of a replica that Always On runs. */
  readonly process:
    | { readonly state: string; readonly restarts: number; readonly revision: number }
    | undefined
}

/** One service. */
export interface ServiceScene {
  readonly name: string
  readonly kind: 'run' | 'servers'
  readonly wanted: number
  readonly up: number
  readonly deploying: boolean
  readonly rolledBack: boolean
  readonly revision: number | undefined
  /** The policy, in words. */
  readonly balance: string
  readonly holdMost: number
  /** Requests that wait for one of its servers, at this moment. */
  readonly waiting: number
  readonly servers: readonly ServerScene[]
}

/** One door. */
export interface FrontendScene {
  readonly name: string
  readonly mode: 'http' | 'tcp'
  readonly addresses: readonly string[]
  readonly services: readonly string[]
  readonly maxConnections: number
  /** At this moment. */
  readonly connections: number
  readonly held: number
}

/** One process of the data path. */
export interface EdgeScene {
  readonly edge: number
  readonly pid: number
  readonly state: string
}

/** The highest that was seen of something, and how often it went down and for how long. */
export interface Peak {
  readonly active: number
  /** A second: connections of a frontend, requests of a service or server. */
  readonly rate: number
  /** A second: requests of a frontend. */
  readonly asked: number
  readonly waiting: number
  readonly downs: number
  readonly downFor: Milliseconds
  readonly failedChecks: number
  /** When a request was last given to it. */
  readonly lastAt: Instant | undefined
}

/** All of it. */
export interface Scene {
  readonly name: string
  readonly version: string
  readonly node: string
  readonly pid: number
  readonly since: Instant
  readonly now: Instant
  readonly edges: readonly EdgeScene[]
  readonly frontends: readonly FrontendScene[]
  readonly services: readonly ServiceScene[]
  readonly totals: Totals
  /** The totals of some seconds ago: what came since makes rates and present quantiles. */
  readonly before: { readonly totals: Totals; readonly at: Instant }
  /** By `frontend NAME`, `service NAME`, `server ID`. */
  readonly peaks: ReadonlyMap<string, Peak>
  /** Entries of the journal since the agent began, by `ROOM RULE`. */
  readonly events: ReadonlyMap<string, number>
}

export const noPeak: Peak = {
  active: 0,
  rate: 0,
  asked: 0,
  waiting: 0,
  downs: 0,
  downFor: 0 as Milliseconds,
  failedChecks: 0,
  lastAt: undefined,
}
