// The words of backups: bases, the log between them, what is kept, what is due. Types only.

import type { Instant } from '../../foundation/time.ts'
import type { EngineName } from '../model.ts'

/** Something of a base backup that lies in the store, with the sum of its bytes there. */
export interface BasePart {
  readonly key: string
  readonly bytes: number
  readonly sha256: string
}

/**
 * A base backup, as its manifest has it. The manifest is written last: without one there is no
 * backup, whatever lies there.
 */
export interface Base {
  /** Rises with time: the time it was begun, in letters that a file may have. */
  readonly id: string
  readonly database: string
  readonly engine: EngineName
  /** Of the server: `18.4`. */
  readonly version: string
  /**
   * Names one history of a database. A restore in place begins another: the log of one is never
   * applied to a base of the other.
   */
  readonly origin: string
  /** The member that it was copied from. */
  readonly source: string
  readonly began: Instant
  /**
   * By the clock of its server: whatever was committed until then is in it or in the log before
   * `end`, so that it can be brought to any moment from here on.
   */
  readonly ended: Instant
  /** Positions as the engine writes them: the log is needed from `start`, and without a gap. */
  readonly start: string
  readonly end: string
  /** Of the data. */
  readonly bytes: number
  readonly parts: readonly BasePart[]
}

/** How a trial restore of one base ended. */
export interface Trial {
  readonly base: string
  readonly at: Instant
  readonly well: boolean
  readonly line: string
}

/** What is kept of one history of a database, as it was last read from the store. */
export interface KeptHistory {
  readonly origin: string
  /** When it became this database's: by a restore in place, or by being made. */
  readonly since: Instant
  /** Whole ones, the oldest first. */
  readonly bases: readonly Base[]
  /** Bases from which the log leads on without a gap to the last that was received. */
  readonly unbroken: readonly string[]
  /** All that was committed before, by the primary's clock, has been received. */
  readonly until: Instant | undefined
}

/** All that is kept of one database: its histories, the oldest first. */
export type Kept = readonly KeptHistory[]

/** What a decision about backups depends on. */
export interface BackupObservation {
  readonly now: Instant
  readonly every: number
  readonly keep: number
  readonly tryEvery: number | undefined
  /** Of the history that the database is on; undefined: nothing was ever kept of it. */
  readonly history: KeptHistory | undefined
  /** Histories before it. */
  readonly former: Kept
  /** Where a base could be copied from. */
  readonly source: string | undefined
  /** The log is being received at this moment. */
  readonly receiving: boolean
  readonly trials: readonly Trial[]
  /** When the last try failed to make a base, or to try one; and how many failed in a row. */
  readonly failed: { readonly at: Instant; readonly times: number } | undefined
}

/** What is to be done. */
export type BackupAction =
  | { readonly kind: 'make' }
  | { readonly kind: 'remove'; readonly origin: string; readonly base: string }
  /** All of a history that the database is not on any more. */
  | { readonly kind: 'forget'; readonly origin: string }
  | { readonly kind: 'try'; readonly base: string }

/** Which base leads to a moment, or why none does. */
export type RestorePoint =
  | {
      readonly kind: 'found'
      readonly history: KeptHistory
      /** The first is the best; the others are older, and take more of the log. */
      readonly bases: readonly Base[]
    }
  | { readonly kind: 'outside'; readonly why: string }
