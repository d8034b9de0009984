// What do the guards of replicas and of database servers have in common? How they say who they are,
// and what they leave behind to be found by. Types only.

import type { ProcessIdentity } from './processes.ts'

/** Of the record of any guard: enough to find it, and to know whether it can be alive. */
export interface GuardRecordHead {
  /** Raised when a record cannot be read any more by the rules of the one before. */
  readonly format: number
  /** The boot it belongs to: after another one, no process of it can be alive. */
  readonly boot: string
  readonly version: string
  readonly guard: ProcessIdentity
}

/** The first message of any guard on every link. */
export interface GuardHello {
  readonly kind: 'hello'
  /** Raised when a message changes its meaning; unknown kinds are passed over. */
  readonly protocol: number
  readonly version: string
  readonly guard: ProcessIdentity
}
