// The words of the agent: what it remembers between two lives, and what it tells of itself.

import type { FrontendTraffic, ServerState } from '../balancing/model.ts'
import type { Instant } from '../foundation/time.ts'
import type { Verdict } from '../health/model.ts'
import type { ProcessState, RunTemplate, ServiceState } from '../services/model.ts'

/** The file that is in force, as it was read. */
export interface AppliedFile {
  readonly path: string
  readonly text: string
  /** The variables it refers to, as they were when it was applied. May be secret. */
  readonly env: Readonly<Record<string, string>>
  readonly at: Instant
}

/** What is remembered of one service that Always On runs. */
export interface ServiceMemory {
  readonly state: ServiceState
  /** The templates that are still needed, by revision. */
  readonly templates: Readonly<Record<number, RunTemplate>>
}

/** All that the next agent needs to go on where this one stopped. Written to `state.json`. */
export interface AgentState {
  readonly applied: AppliedFile | undefined
  readonly services: Readonly<Record<string, ServiceMemory>>
  /**
   * The highest revision of each service that is no more: should it come back, its numbers are not
   * used for other templates.
   */
  readonly former: Readonly<Record<string, number>>
  /** Servers that an operator told to take nothing new. */
  readonly drained: readonly string[]
  /** Servers, as `beliefOf` names them, that were up when this was written. */
  readonly up: readonly string[]
  /** The version of the last table: the next one is higher. */
  readonly table: number
}

/** What `status` says of one replica or server. */
export interface ServerStatus {
  readonly id: string
  readonly address: string
  /** Where the balancer sends: what is true for the client. */
  readonly routed: ServerState
  readonly verdict: Verdict
  readonly since: Instant
  /** Why it is not up, in words; empty when it is. */
  readonly reason: string
  readonly drained: boolean
  readonly active: number
  readonly requests: number
  readonly errors: number
  readonly ejected: string | undefined
  /** Of a replica that Always On runs. */
  readonly process:
    | {
        readonly state: ProcessState['kind']
        readonly pid: number | undefined
        readonly revision: number
        readonly restarts: number
        readonly startedAt: Instant
      }
    | undefined
}

/** What `status` says of one service. */
export interface ServiceStatus {
  readonly name: string
  readonly kind: 'run' | 'servers'
  /** How many should answer. */
  readonly wanted: number
  readonly up: number
  /** The rule that decided last, and why; of a service that something else runs, its health. */
  readonly rule: string
  readonly why: string
  readonly deploying: boolean
  readonly rolledBack: { readonly revision: number; readonly why: string } | undefined
  readonly revision: number | undefined
  readonly servers: readonly ServerStatus[]
}

/** What `status` says of one door. */
export interface FrontendStatus {
  readonly name: string
  readonly mode: 'http' | 'tcp'
  readonly addresses: readonly string[]
  /** In the words of the file. */
  readonly balance: string
  readonly routes: readonly {
    readonly host: string | undefined
    readonly path: string | undefined
    readonly to: string
  }[]
  readonly traffic: FrontendTraffic
}

/** All of `alwayson status`. */
export interface Status {
  readonly name: string
  readonly file: string
  readonly agent: { readonly pid: number; readonly version: string; readonly since: Instant }
  readonly now: Instant
  readonly edges: readonly { readonly edge: number; readonly pid: number; readonly state: string }[]
  readonly services: readonly ServiceStatus[]
  readonly frontends: readonly FrontendStatus[]
}

/** The answer of `alwayson why`. */
export interface Explanation {
  readonly subject: string
  /** What holds now, one sentence each. */
  readonly now: readonly string[]
  /** The command that would resolve it, where there is one. */
  readonly remedies: readonly string[]
}

/** What `apply` would do, or did. */
export interface ApplyReport {
  readonly changed: boolean
  /** What differs from the file in force, one sentence each. */
  readonly differences: readonly string[]
  /** What is done about it, one sentence each. */
  readonly actions: readonly string[]
}
