// The port: what starts, watches and ends the process of a database server. Behind it stands a
// guard that outlives the agent, and ends a primary that nobody vouches for.

import type { Instant, Milliseconds } from '../foundation/time.ts'
import type { VouchPlan } from './engine.ts'
import type { AckSet } from './model.ts'

/** What is started. */
export interface ServerLaunch {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** As whom, if not as this process's own user. */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** What it writes to its standard output and error is kept here. */
  readonly log: string
}

/** The server's process, as last seen. */
export type ServerProcess =
  /** None was started, or it was told to end and has. */
  | { readonly kind: 'none' }
  | { readonly kind: 'running'; readonly pid: number; readonly since: Instant }
  /** It ended although nobody had told it to; or its guard's lease did. */
  | { readonly kind: 'ended'; readonly at: Instant; readonly why: string; readonly last: string }

/** How long a server may go on unless its agent says otherwise. */
export interface Lease {
  /** From now; after it the server is killed unless `vouch` says that it may go on. */
  readonly for: Milliseconds
  /** Who has to have what was written last, and how to ask; `undefined`: nobody can vouch. */
  readonly vouch: { readonly plan: VouchPlan; readonly acks: AckSet } | undefined
}

/** One member's process. Its methods reject with a Fault. */
export interface ServerHost {
  observe(): ServerProcess
  /** Starts it unless it runs. Never started again by itself: what it may be has to be decided. */
  start(launch: ServerLaunch): Promise<void>
  /** A signal to its first process. Does nothing where none runs. */
  signal(signal: NodeJS.Signals): Promise<void>
  /** Sends `signal` and, if it lives on after `within`, SIGKILL to all of it; then it is gone. */
  end(signal: NodeJS.Signals, within: Milliseconds): Promise<void>
  /**
   * From now on, or until told `undefined`, the process lives on a lease: of a primary only.
   * Counted by the guard's own monotonic clock from when this was called.
   */
  renew(lease: Lease | undefined): void
  /** Called with every new `observe()`, until disposed. */
  onChange(listener: () => void): Disposable
}
