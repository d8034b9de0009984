// The port: what backups ask of a kind of database. An adapter knows its server's log and copies;
// it knows nothing of schedules, of what is kept, or of who decides.

import type { Instant } from '../../foundation/time.ts'
import type { DatabaseAccounts, MemberAddress, Progress } from '../engine.ts'
import type { DialTls } from '../member-tls.ts'
import type { Base } from './model.ts'
import type { BackupStore } from './store.ts'

/** What an adapter is opened with, for one database. */
export interface BackupOptions {
  readonly database: string
  readonly accounts: DatabaseAccounts
  /** Where members are on several machines: what they are reached by. */
  readonly tls?: DialTls | undefined
  readonly home: string | undefined
  /** A private folder for files that a program is told a password by. */
  readonly run: string
  /** For a copy that is thrown away: beside the data of members, since there is room for it. */
  readonly scratch: string
  readonly user: string | undefined
  readonly settings: Readonly<Record<string, string>>
  readonly now: () => Instant
  /** Something for the journal: `why` completes "because …". */
  readonly event: (rule: string, why: string, seen?: Readonly<Record<string, unknown>>) => void
}

/** What a receiver of the log says of itself, whenever that changes. */
export interface LogNews {
  readonly receiving: boolean
  /** All that was committed before, by the primary's clock, is in the store. */
  readonly until: Instant | undefined
}

/** A base that is being made: facts of its manifest that only the engine knows. */
export type CopiedBase = Pick<Base, 'version' | 'ended' | 'start' | 'end' | 'bytes'>

/** One thing to keep of a base: its name below the base's folder. */
export type KeepPart = (name: string, bytes: AsyncIterable<Buffer>) => Promise<void>

/** What a restore begins from, and where it goes. */
export interface RestoreOrder {
  /** The history of `base`. */
  readonly store: BackupStore
  readonly base: Base
  /** Everything committed until then; `undefined`: all there is. */
  readonly to: Instant | undefined
  /** When the log was received last: nothing that was committed before is missing in it. */
  readonly until: Instant | undefined
  /** The folder of the data: absent before, whole and of a stopped server afterwards. */
  readonly data: string
  /** A private folder for sockets, short. */
  readonly run: string
  /** Whom the restored database knows, if not whom this one does: it becomes another one. */
  readonly accounts: DatabaseAccounts | undefined
  /** Its name then. */
  readonly database?: string | undefined
  /** What it is for, in one word. */
  readonly purpose: 'restore' | 'trial'
  readonly progress: (progress: Progress) => void
}

/** What was restored. */
export interface Restored {
  /** The last transaction in it, by the clock of whoever wrote it; `undefined`: none was seen. */
  readonly last: Instant | undefined
  readonly bytes: number
  /** Of a trial: what was found in it, for people. */
  readonly found: string | undefined
}

/** The backups of one database of one kind. All reject with a `Fault`. */
export interface BackupEngine {
  /**
   * Names the history that a member is on: the same for every member, and another one after a
   * restore in place.
   */
  origin(member: MemberAddress, signal: AbortSignal): Promise<string>
  /** Receives the log of a primary until the signal ends it or it cannot go on; then rejects. */
  receive(
    primary: MemberAddress,
    store: BackupStore,
    told: (news: LogNews) => void,
    signal: AbortSignal,
  ): Promise<never>
  /**
   * Has a primary keep no log for backups any more. Resolves to false where somebody receives it at
   * this moment.
   */
  release(primary: MemberAddress, signal: AbortSignal): Promise<boolean>
  /** Copies a member while it runs. */
  copy(
    member: MemberAddress,
    label: string,
    keep: KeepPart,
    progress: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<CopiedBase>
  /** Bases of one history from which its log leads on without a gap. */
  unbroken(bases: readonly Base[], store: BackupStore): Promise<readonly string[]>
  /** Until when the log was received, as the store says. */
  until(store: BackupStore): Promise<Instant | undefined>
  /** Removes the log that nobody needs who begins at `base`. */
  prune(base: Base, store: BackupStore, signal: AbortSignal): Promise<void>
  /** Makes data of a base and its log, by a server that nobody else can reach. */
  restore(order: RestoreOrder, signal: AbortSignal): Promise<Restored>
}

/** Opens the backups of one database. */
export type OpenBackups = (options: BackupOptions) => BackupEngine
