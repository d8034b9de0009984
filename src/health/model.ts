// The words of the health room: is it alive, who says so, and since when?

import type { Instant, Milliseconds } from '../foundation/time.ts'

/** How often to ask, how long to wait, and how many answers in a row make a verdict. */
export interface CheckTiming {
  /** Between the starts of two probes while nothing is in doubt. */
  readonly every: Milliseconds
  /** The same while the verdict is in doubt: a first failure, a first pass, a signal of traffic. */
  readonly fast: Milliseconds
  readonly timeout: Milliseconds
  /** Passes in a row before a server that was down is up. */
  readonly rise: number
  /** Failures in a row before a server that was up is down. */
  readonly fall: number
  /** The port that is asked; `undefined` is where the traffic goes. */
  readonly port?: number | undefined
  /** Beside the check, a program on the server's machine tells how much it should take. */
  readonly agent?: AgentCheck | undefined
}

/** HAProxy's agent-check: a connection on which a line comes back, such as `up 75%`. */
export interface AgentCheck {
  /** `undefined` is the server's own. */
  readonly host: string | undefined
  readonly port: number
  readonly every: Milliseconds
  readonly timeout: Milliseconds
  /** Sent as soon as the connection is open; `''` sends nothing. */
  readonly send: string
}

/** What must hold of the first `bodyBytesMost` bytes of an answer's body. */
export interface BodyCheck {
  readonly contains: string | undefined
  readonly lacks: string | undefined
  /** A regular expression in JavaScript's notation. */
  readonly matches: string | undefined
}

/** What a probe asks. `none` means that somebody else answers for the server: it counts as up. */
export type Check =
  | (CheckTiming & {
      readonly kind: 'http'
      readonly method: 'GET' | 'HEAD' | 'OPTIONS'
      readonly path: string
      /** The Host header; `undefined` sends the address. */
      readonly host: string | undefined
      /** The statuses that pass, both ends included. */
      readonly expect: readonly (readonly [least: number, most: number])[]
      /** Further fields of the request, by name. May be secret. */
      readonly headers?: Readonly<Record<string, string>> | undefined
      readonly body?: BodyCheck | undefined
    })
  | (CheckTiming & { readonly kind: 'tcp' })
  /** `grpc.health.v1.Health/Check` in HTTP/2 by prior knowledge; `''` is the server as a whole. */
  | (CheckTiming & { readonly kind: 'grpc'; readonly service: string })
  | { readonly kind: 'none' }

/** How the connections to a server are encrypted. */
export interface ServerTls {
  /** Whether its certificate has to bear its name, and come from an authority that is trusted. */
  readonly verify: boolean
  /** The authorities that are trusted, in PEM; `undefined` are those that the runtime knows. */
  readonly trust: string | undefined
  /** The name that it is asked for, and has to bear; `undefined` is its host. */
  readonly serverName: string | undefined
}

/** One server to be asked. */
export interface Target {
  /** `web-2`, `legacy-1`: unique in the file. */
  readonly id: string
  /** The service it belongs to: its siblings are what it is compared with. */
  readonly service: string
  readonly host: string
  readonly port: number
  /** Changes when another process answers at the address: what was known of the last is void. */
  readonly incarnation: string
  /** It has just been started: nobody expects it to answer at once. */
  readonly starting?: boolean
  readonly check: Check
  /** It expects a PROXY header of this version before anything else. */
  readonly sendProxy?: 'v1' | 'v2'
  /** It is asked under TLS. */
  readonly tls?: ServerTls
  /** What it speaks: HTTP/1.1 unless it says otherwise. */
  readonly protocol?: 'http2'
}

/** What one probe found. `reason` completes "failed because …", with the limit it hit. */
export type Sighting =
  | { readonly kind: 'passed'; readonly at: Instant; readonly took: Milliseconds }
  | {
      readonly kind: 'failed'
      readonly at: Instant
      readonly took: Milliseconds
      readonly reason: string
    }
  /** We could not even ask (no free port, no file left): this says nothing about the server. */
  | {
      readonly kind: 'unasked'
      readonly at: Instant
      readonly took: Milliseconds
      readonly reason: string
    }

/** What the traffic itself says about a server: reason enough to ask at once, never a verdict. */
export interface TrafficSignal {
  readonly server: string
  readonly at: Instant
  readonly kind: 'refused' | 'reset' | 'silent' | 'late' | 'server-error'
}

/** One line of an agent: only what it names changes. */
export interface AgentReport {
  readonly says?: 'up' | 'down'
  readonly takes?: 'ready' | 'drain' | 'maint'
  /** The share of its weight that the server should have, in percent. */
  readonly weight?: number
  readonly maxConnections?: number
  /** What it said, as a person should see it. */
  readonly line: string
}

/** What a server's agent has said so far. */
export interface AgentWord {
  readonly says: 'up' | 'down'
  readonly takes: 'ready' | 'drain' | 'maint'
  readonly weight: number
  /** `undefined` leaves the file's own limit. */
  readonly maxConnections: number | undefined
  /** Its last line. */
  readonly line: string
}

/** `unknown` until the first probe has answered: no traffic goes there. */
export type Verdict = 'unknown' | 'up' | 'down'

/** All that is remembered of one server between two probes. */
export interface Health {
  readonly verdict: Verdict
  readonly since: Instant
  /** Passes in a row, or failures in a row; one of the two is zero. */
  readonly passes: number
  readonly failures: number
  readonly last: Sighting | undefined
  /** When traffic cast doubt on it, if no probe that began later has answered yet. */
  readonly suspectedAt: Instant | undefined
  /** What its agent has said; `undefined` while none has said anything. */
  readonly agent?: AgentWord | undefined
}

/** What is new about one server. */
export type News =
  | { readonly kind: 'sighting'; readonly sighting: Sighting }
  | { readonly kind: 'signal'; readonly signal: TrafficSignal }
  | { readonly kind: 'agent'; readonly report: AgentReport }
  /** It is watched for the first time, or another process answers at its address. */
  | { readonly kind: 'restarted' }
  | { readonly kind: 'check-changed' }

/** All that the judgement of one server may look at. */
export interface HealthObservation {
  readonly now: Instant
  readonly server: string
  readonly health: Health
  readonly check: Check
  /** How many other servers of the same service are up. */
  readonly siblingsUp: number
  readonly news: News
}

/** What may follow from news. */
export type HealthAction =
  | { readonly kind: 'become'; readonly verdict: Verdict }
  | { readonly kind: 'suspect' }

/** A change of verdict, as a decision: for the journal, the balancer and `why`. */
export interface VerdictChange {
  readonly server: string
  readonly from: Verdict
  readonly to: Verdict
  readonly rule: string
  readonly why: string
}
