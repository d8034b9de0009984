// The words of the agent: what it remembers between two lives, and what it tells of itself.

import type { FrontendTraffic, ServerState } from '../balancing/model.ts'
import type { MemberMode } from '../coordination/ensemble/model.ts'
import type { DatabaseOverview } from '../databases/overview.ts'
import type { Instant, Milliseconds } from '../foundation/time.ts'
import type { Verdict } from '../health/model.ts'
import type { ProcessState, RunTemplate, ServiceState } from '../services/model.ts'

/**
 * How an agent came to its end: `down`, an operator had everything end, for good; `other`, the
 * process was told to end, or the agent alone was.
 */
export type Ending = 'down' | 'other'

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

/** What an operator said of a server beside the file. */
export interface ServerWord {
  readonly weight?: number | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** 0: no limit. */
  readonly maxConnections?: number | undefined
  /** It takes nothing new, however well it is. */
  readonly maintenance?: true | undefined
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
  /** Frontends and services that an operator closed or opened, as `closable` names them. */
  readonly maintenance?: Readonly<Record<string, boolean>>
  /** What operators said of servers beside the file, and of the bounds of frontends. */
  readonly said?: Readonly<Record<string, ServerWord>>
  readonly saidOfFrontends?: Readonly<Record<string, number>>
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
  /** What an operator said of it beside the file, in words. */
  readonly said?: string
  readonly active: number
  readonly requests: number
  readonly errors: number
  readonly ejected: string | undefined
  /** The machine that runs it, where there are several. */
  readonly machine: string | undefined
  /** Of a replica that Always On runs here. */
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

/** How a service answered in the last seconds, through all doors. */
export interface RecentAnswers {
  readonly perSecond: number
  /** Half of them took at most `half`, 99 of a hundred at most `most`. */
  readonly half: Milliseconds
  readonly most: Milliseconds
}

/** What `status` says of one service. */
export interface ServiceStatus {
  /** `undefined` while nobody asks for anything. */
  readonly recent?: RecentAnswers
  readonly name: string
  readonly kind: 'run' | 'servers'
  /** How many should answer. */
  readonly wanted: number
  /** How many take requests; backups count only while they do. */
  readonly up: number
  /** The rule that decided last, and why; of a service that something else runs, its health. */
  readonly rule: string
  readonly why: string
  readonly deploying: boolean
  /** Its requests are turned away, for maintenance. */
  readonly closed?: boolean
  /** What an operator said of that, where the file says otherwise. */
  readonly overruled?: 'open' | 'closed'
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
    /** `undefined` where it is answered by a rule. */
    readonly to: string | undefined
  }[]
  /** Where its access log goes: a path, a name among the logs of the state folder, or `stdout`. */
  readonly accessLog?: string
  /** Clients are told to come back later. */
  readonly closed?: boolean
  /** What an operator said of that, where the file says otherwise. */
  readonly overruled?: 'open' | 'closed'
  /** What it shows to clients, where it encrypts; the first one to names that none bears. */
  readonly certificates?: readonly CertificateStatus[]
  /** Where requests are sent instead of to a service: `https at port 443`. */
  readonly redirect?: string
  readonly traffic: FrontendTraffic
}

/** What `status` says of one certificate. */
export interface CertificateStatus {
  readonly names: readonly string[]
  readonly issuer: string
  readonly until: Instant
  /** The path, or the address of the authority, that it comes from. */
  readonly source: string
  readonly standing: 'valid' | 'expires-soon' | 'expired' | 'not-yet-valid'
  /** How its time stands, in words. */
  readonly why: string
  /** Why what is shown is not what should be; empty when all is well. */
  readonly problem: string
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
  /** Undefined where the file has none. */
  readonly databases?: readonly DatabaseOverview[]
  /** Undefined where this machine is alone. */
  readonly cluster?: ClusterStatus | undefined
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
  /** What the file asks for and is not deployed, because it was rolled back before. */
  readonly rolledBack?: readonly RolledBack[]
  /** What is not as the file says because an operator said otherwise, one sentence each. */
  readonly overruled?: readonly string[]
}

/** A release of a service that was rolled back, and is not tried again by itself. */
export interface RolledBack {
  readonly service: string
  readonly revision: number
  readonly why: string
  /** The revision that runs instead. */
  readonly stays: number
}

/** The file that is in force, as all machines share it. */
export interface FileInForce {
  /** Undefined where one machine is alone: there is no other version. */
  readonly version: number | undefined
  readonly by: string | undefined
  readonly at: Instant
  readonly text: string
}

/** What `status` says of one of several machines. */
export interface MachineStatus {
  readonly name: string
  readonly address: string
  readonly zone: string | undefined
  readonly state: 'here' | 'away' | 'expected' | 'drained' | 'drained, away'
  readonly version: string | undefined
  /** The version of the file that it acts on. */
  readonly applied: number | undefined
  /** How many replicas it last reported. */
  readonly replicas: number
  /** Milliseconds since this machine heard it directly; undefined: never. */
  readonly heard: number | undefined
  /** How far its clock is ahead of this one's, in milliseconds, give or take `doubt`. */
  readonly skew: number | undefined
  readonly doubt: number | undefined
  /** How its server of a managed ensemble is; undefined: it runs none, or was not asked yet. */
  readonly server: MemberMode | 'waits' | 'refused' | 'silent' | undefined
}

/** What `status` says of the cluster that this machine is part of. */
export interface ClusterStatus {
  readonly machine: string
  /** Whether the coordinator answers, since when, and if it does not: why. */
  readonly connected: boolean
  readonly since: Instant
  readonly trouble: string | undefined
  readonly leader: { readonly machine: string; readonly epoch: number } | undefined
  readonly applied: { readonly version: number; readonly by: string } | undefined
  /** How many replicas of each service each machine is to run. */
  readonly placement: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly machines: readonly MachineStatus[]
  /** Who hears whom directly, as each machine told it so many milliseconds ago. */
  readonly hears: Readonly<
    Record<string, { readonly age: number; readonly hears: readonly string[] }>
  >
}
