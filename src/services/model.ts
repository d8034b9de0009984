// The words of the services room: what should run, what does run, and what is to be done about it.

import type { BackoffPolicy } from '../control/backoff.ts'
import type { Instant, Milliseconds } from '../foundation/time.ts'
import type { Verdict } from '../health/model.ts'

/** How one replica is run: everything its guard needs, and nothing a second start would change. */
export interface RunTemplate {
  /** The program and its arguments; a line that needs a shell is `['/bin/sh', '-c', line]`. */
  readonly argv: readonly string[]
  readonly cwd: string
  /** Added to the environment of the agent; may hold secrets, so it is never shown. */
  readonly env: Readonly<Record<string, string>>
  /** The values that must not appear in a log line. */
  readonly secrets: readonly string[]
  readonly stopSignal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP'
  /** From the stop signal to SIGKILL. */
  readonly stopWithin: Milliseconds
  readonly restart: RestartPolicy
  readonly logs: LogPolicy
}

/** A log file is rotated at `size` bytes; `keep` older ones stay. */
export interface LogPolicy {
  readonly size: number
  readonly keep: number
}

/** What a guard does when its process ends by itself. */
export interface RestartPolicy {
  readonly backoff: BackoffPolicy
  /** A process that ran this long was well: its earlier exits are forgotten. */
  readonly wellAfter: Milliseconds
  /** This many exits in a row, none of them well, are a crash loop. */
  readonly loopAfter: number
}

/** A process ended: by exit code, by signal, or it could not be started at all. */
export type Exit =
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'unstartable'; readonly reason: string }

/** What a guard says about its process. Exits in a row are counted by `services/restart.ts`. */
export type ProcessState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly pid: number; readonly since: Instant }
  | { readonly kind: 'waiting'; readonly exit: Exit; readonly until: Instant }
  | { readonly kind: 'crash-looping'; readonly exit: Exit; readonly until: Instant }
  | { readonly kind: 'stopping'; readonly since: Instant }
  | { readonly kind: 'stopped' }
  /** Its guard is gone. The process may live on: another takes its place, then it is ended. */
  | { readonly kind: 'lost' }

/** One replica's process, as its host last saw it. */
export interface ReplicaProcess {
  /** `web-2`: the service and the lowest number that was free; of several machines `web-2.a`. */
  readonly id: string
  readonly service: string
  readonly revision: number
  readonly host: string
  readonly port: number
  readonly startedAt: Instant
  /** Exits in a row, none of them well. */
  readonly failures: number
  readonly restarts: number
  readonly state: ProcessState
}

/** One replica as the decision sees it: its process, what health and the balancer say of it. */
export interface ReplicaSighting {
  readonly id: string
  readonly revision: number
  readonly state: ProcessState['kind']
  readonly failures: number
  readonly startedAt: Instant
  /** How its process ended last, in words, while it does not run. */
  readonly exit?: string | undefined
  readonly verdict: Verdict
  /** Since when the verdict is what it is; `undefined` while nobody asks. */
  readonly verdictSince: Instant | undefined
  /**
   * Requests on it, as all edges count them after having heard of its present state; `undefined`
   * while one of them has not.
   */
  readonly inFlight: number | undefined
}

/**
 * What is wanted of one service and how far it has come. Plain data: it is written down, and the
 * next agent goes on where this one stopped.
 */
export interface ServiceState {
  readonly service: string
  /** Zero when the service is no longer in the file. */
  readonly replicas: number
  /** The revision to run. */
  readonly revision: number
  /** The highest revision ever given out: a number is never used for two templates. */
  readonly latest: number
  /** The last revision that was wholly up, to go back to; `undefined` before the first. */
  readonly stable: number | undefined
  readonly deploy: { readonly since: Instant } | undefined
  /** Why the last deploy was rolled back, until the next one. */
  readonly rolledBack:
    | { readonly revision: number; readonly at: Instant; readonly why: string }
    | undefined
  /** Replicas that take nothing new, and since when. */
  readonly draining: Readonly<Record<string, Instant>>
  /** Replicas to be exchanged for fresh ones of the same revision. */
  readonly replace: readonly string[]
}

/** The deadlines of one service. */
export interface ServicePolicy {
  /** From a replica's start to its first pass; later, a deploy has failed. */
  readonly readyWithin: Milliseconds
  /** From the beginning of a drain to the end of patience with what is still in flight. */
  readonly drainWithin: Milliseconds
}

/** All that `decide` may look at. */
export interface ServiceObservation {
  readonly now: Instant
  readonly state: ServiceState
  readonly policy: ServicePolicy
  readonly replicas: readonly ReplicaSighting[]
  /** Where there are several machines: this one, which is part of its replicas' names. */
  readonly machine?: string | undefined
}

/** What may be done about a service. */
export type ServiceAction =
  | { readonly kind: 'start'; readonly replica: string; readonly revision: number }
  | { readonly kind: 'drain'; readonly replica: string }
  | { readonly kind: 'stop'; readonly replica: string }
  | { readonly kind: 'roll-back'; readonly to: number; readonly why: string }
  | { readonly kind: 'settle'; readonly revision: number }
