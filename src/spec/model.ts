// What is wanted, once the file has been read: every default filled in, every reference resolved.

import type { ConcurrencyLimit, Limit } from '../balancing/limits/model.ts'
import type {
  HashRule,
  HedgeRule,
  PaceRule,
  PolicyName,
  TableLog,
  TableTelling,
} from '../balancing/model.ts'
import type { Maintenance, RouteRules, Sticky } from '../balancing/routing/model.ts'
import type { AcmeWish, CertificateFiles, OldestTls } from '../certificates/model.ts'
import type { CoordinationPlan, Machine } from '../coordination/model.ts'
import type { DatabasePlan } from '../databases/model.ts'
import type { Milliseconds } from '../foundation/time.ts'
import type { Check, ServerTls } from '../health/model.ts'
import type { LogPolicy, RestartPolicy } from '../services/model.ts'

/** The whole file. */
export interface Spec {
  readonly name: string
  /** The machines of the cluster by name, in the order of the file; none: this one alone. */
  readonly machines: Readonly<Record<string, Machine>>
  readonly coordination: CoordinationPlan
  readonly services: Readonly<Record<string, Service>>
  readonly frontends: Readonly<Record<string, Frontend>>
  readonly databases: Readonly<Record<string, DatabasePlan>>
  /** How many processes carry the data path. */
  readonly edges: number
  /** Where metrics and statistics are answered over HTTP. */
  readonly metrics?: { readonly host: string; readonly port: number }
  /** Where HAProxy's runtime words are answered. */
  readonly statsSocket?: StatsSocket
  /**
   * What the file writes where it takes a value from the environment, by path: shown to people
   * instead of the value.
   */
  readonly written: Readonly<Record<string, string>>
}

/** A Unix socket, by its absolute path, and who may open it. */
export interface StatsSocket {
  readonly path: string
  readonly mode: number
}

/** How a server is picked. */
export interface Balance {
  readonly policy: PolicyName
  /** With the policy `hash`. */
  readonly hash?: HashRule
}

/** Something that answers requests. */
export type Service = RunService | ServersService

interface ServiceCommon {
  readonly name: string
  readonly check: Check
  /** `undefined` leaves the choice to each frontend. */
  readonly balance: Balance | undefined
  readonly hold: {
    readonly wait: Milliseconds
    readonly requests: number
    readonly bytes: number
  }
  readonly connectTimeout: Milliseconds
  readonly responseTimeout: Milliseconds
  /** Without it a server that comes up takes its full share at once. */
  readonly slowStart?: Milliseconds
  /** Request bodies kept so that they can be sent again: of each so much, and of all of them. */
  readonly keptBodies: { readonly each: number; readonly bytes: number }
  /** `undefined`: nothing is sent twice. */
  readonly hedge: HedgeRule | undefined
  /** What its servers speak: HTTP/1.1 unless it says otherwise. */
  readonly protocol?: 'http2'
  readonly maintenance?: Maintenance & { readonly on: boolean }
  readonly sticky?: Sticky & {
    /** Whether a server that an operator drains keeps its clients. */
    readonly keepWhileDraining: boolean
  }
  /** Its servers expect a PROXY header of this version. */
  readonly sendProxy?: 'v1' | 'v2'
  readonly tls?: ServerTls
  readonly maxConnections: number | undefined
}

/** Replicas that Always On runs. */
export interface RunService extends ServiceCommon {
  readonly kind: 'run'
  /** `${port}` and `${replica}` are left in place: they differ from replica to replica. */
  readonly argv: readonly string[]
  readonly cwd: string
  readonly replicas: number
  /** Of several machines: those that may run it; all, unless the file says. */
  readonly on?: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Values that came from the environment of the agent: never shown, never logged. */
  readonly secrets: readonly string[]
  readonly stopSignal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP'
  readonly stopWithin: Milliseconds
  readonly readyWithin: Milliseconds
  readonly drainWithin: Milliseconds
  readonly restart: RestartPolicy
  readonly logs: LogPolicy
}

/** Servers that something else runs. */
export interface ServersService extends ServiceCommon {
  readonly kind: 'servers'
  readonly servers: readonly Server[]
}

/** One address of a service that something else runs. */
export interface Server {
  /** `legacy-1` by its place in the list, or the name the file gives it. */
  readonly id: string
  readonly host: string
  readonly port: number
  readonly weight: number
  readonly backup: boolean
  readonly maxConnections: number | undefined
  /** The service's, unless the file says otherwise for this server. */
  readonly check: Check
}

/** What takes some of the requests of a frontend. */
export interface Route {
  readonly host: string | undefined
  readonly path: string | undefined
  /** `undefined` where its rules answer by themselves. */
  readonly to: string | undefined
  readonly rules?: RouteRules
}

/** One door. */
export interface Frontend {
  readonly name: string
  readonly mode: 'http' | 'tcp'
  readonly binds: readonly { readonly host: string; readonly port: number }[]
  readonly balance: Balance
  /** In the order in which they are asked; what none matches goes to `to`. */
  readonly routes: readonly Route[]
  readonly limits?: readonly Limit[]
  readonly concurrency?: readonly ConcurrencyLimit[]
  /** What holds for all of its routes. */
  readonly rules?: RouteRules
  readonly maintenance?: Maintenance & { readonly on: boolean }
  /** `undefined`: what no route matches is answered 404. */
  readonly to: string | undefined
  readonly idleTimeout: Milliseconds
  readonly headTimeout: Milliseconds
  readonly tunnelTimeout: Milliseconds
  /** A client that ends its side while it waits is taken to be gone after so long. */
  readonly halfClosedTimeout: Milliseconds
  readonly pace?: PaceRule
  /** Networks of proxies whose connections begin with a PROXY header. */
  readonly acceptProxy?: readonly string[]
  readonly maxConnections: number
  /** Bodies of our own answers, by status. */
  readonly errorPages: Readonly<Record<string, string>>
  /** `undefined`: nothing is encrypted. */
  readonly tls: FrontendTls | undefined
  /** Every request is sent to https; there are no routes then. */
  readonly redirect: { readonly status: 301 | 308; readonly port: number } | undefined
  readonly accessLog?: AccessLog
  readonly telling?: TableTelling
}

/** How the connections of a frontend are encrypted. */
export interface FrontendTls {
  /** The first one is shown to whoever asks for a name that none of them bears. */
  readonly certificates: readonly CertificateFiles[]
  /** Shown after the files. */
  readonly acme: AcmeWish | undefined
  readonly oldest: OldestTls
  /** What clients may choose to speak (ALPN), the most wanted first. */
  readonly protocols: readonly string[]
}

/** How a frontend logs its requests. */
export interface AccessLog extends TableLog {
  /** The agent prints the lines too. */
  readonly toStdout: boolean
}

/** A place in the file: lines and columns count from one. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One thing that is wrong with the file. */
export interface Problem {
  readonly place: Place
  /** `services.web.replicas` */
  readonly path: string
  /** What was found and what was expected. */
  readonly message: string
  /** What to do about it; with the nearest valid word where there is one. */
  readonly remedy: string | undefined
}

/** The file as read: what it asks for, or everything that is wrong with it. */
export type Parsed =
  | { readonly kind: 'spec'; readonly spec: Spec }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }

/** One difference between two specs, with the sentence that a dry run shows. */
export interface Difference {
  readonly path: string
  readonly kind: 'added' | 'removed' | 'changed'
  readonly sentence: string
}
