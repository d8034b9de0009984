// What an agent and a guard tell each other over a link, and what a guard leaves on disk.

import type { GuardHello, GuardRecordHead } from '../../control/guards.ts'
import type { ProcessIdentity } from '../../control/processes.ts'
import type { Instant, Milliseconds } from '../../foundation/time.ts'
import type { ReplicaProcess, RunTemplate } from '../model.ts'

/**
 * Raised when a message changes its meaning. Whatever the number, the fields of `GuardRecord` and
 * of `hello` stay: by them every later version shows a replica that it cannot talk to, and ends
 * it by signals. Unknown kinds of message are passed over.
 */
export const guardProtocol = 1

/** Raised when a record cannot be read any more by the rules of the one before. */
export const recordFormat = 1

/** All that a guard is told, as one line of JSON on its standard input. Holds secrets. */
export interface GuardOrder {
  readonly version: string
  readonly id: string
  readonly service: string
  readonly revision: number
  readonly host: string
  readonly port: number
  readonly startedAt: Instant
  readonly template: RunTemplate
  /** The environment that the template's is added to. */
  readonly environment: Readonly<Record<string, string>>
}

/** How a guard's replica is at this moment. */
export interface GuardStatus extends ReplicaProcess {
  /** The replica's process, which is also the leader of its group; `undefined` between two runs. */
  readonly child: ProcessIdentity | undefined
}

/** `<state>/guards/<id>.json`: enough to find, show and end a replica whose guard is silent. */
export interface GuardRecord extends GuardRecordHead {
  readonly stopSignal: RunTemplate['stopSignal']
  readonly status: GuardStatus
}

/** What an agent asks of a guard. Of several open links each may ask, and all are told. */
export type HostMessage =
  /** Answer with a `status` now. */
  | { readonly kind: 'report' }
  /** This event, and all before it, have been noted: they need not be told again. */
  | { readonly kind: 'heard'; readonly serial: number }
  /** End the replica, with SIGKILL after `within`; then remove the record and exit. */
  | { readonly kind: 'stop'; readonly within: Milliseconds }

/** What a guard tells. */
export type GuardMessage =
  /** The first message on every link. */
  | (GuardHello & { readonly status: GuardStatus })
  /** Something changed, or it was asked. After the state `stopped` the guard exits. */
  | { readonly kind: 'status'; readonly status: GuardStatus }
  /** Something for the journal. It is told on every new link until one has said `heard`. */
  | GuardEvent

/** Something a person should read: `why` completes "because …". */
export interface GuardEvent {
  readonly kind: 'event'
  /** Counts from 1. */
  readonly serial: number
  readonly at: Instant
  readonly rule: string
  readonly why: string
  readonly seen: Readonly<Record<string, unknown>>
}
