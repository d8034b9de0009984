// What an agent and the guard of a database server tell each other, and what a guard leaves behind.

import type { GuardHello, GuardRecordHead } from '../../control/guards.ts'
import type { ProcessIdentity } from '../../control/processes.ts'
import type { Milliseconds } from '../../foundation/time.ts'
import type { Lease, ServerLaunch, ServerProcess } from '../host.ts'

/** Raised when a message changes its meaning; unknown kinds are passed over. */
export const guardProtocol = 1

/** Raised when a record cannot be read any more by the rules of the one before. */
export const recordFormat = 1

/** `<folder>/<member>.json`: enough to find, and to end, what a dead guard has left behind. */
export interface GuardRecord extends GuardRecordHead {
  readonly member: string
  readonly server: ProcessIdentity | undefined
}

/** What an agent asks of a guard. Each request is answered by a `done` of its number. */
export type HostMessage =
  | { readonly kind: 'start'; readonly number: number; readonly launch: ServerLaunch }
  | { readonly kind: 'signal'; readonly number: number; readonly signal: NodeJS.Signals }
  | {
      readonly kind: 'end'
      readonly number: number
      readonly signal: NodeJS.Signals
      readonly within: Milliseconds
    }
  /** Holds a secret where somebody can vouch: it travels over a private socket only. */
  | { readonly kind: 'lease'; readonly lease: Lease | undefined }
  /** The guard ends; its server too, if one still runs. */
  | { readonly kind: 'quit' }

/** What a guard tells. */
export type GuardMessage =
  /** The first message on every link. */
  | (GuardHello & { readonly process: ServerProcess })
  | { readonly kind: 'process'; readonly process: ServerProcess }
  | { readonly kind: 'done'; readonly number: number; readonly failure: string | undefined }
  /** Something for the journal: `why` completes "because …". */
  | { readonly kind: 'event'; readonly rule: string; readonly why: string }
