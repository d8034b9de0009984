// The words of a managed ensemble, as the machine that runs one of its servers sees it. Types only.

import type { Instant, Milliseconds } from '../../foundation/time.ts'
import type { ProcessState } from '../../services/model.ts'

/** What a server does in its ensemble, in its own words. */
export type MemberMode = 'leader' | 'follower' | 'observer' | 'standalone'

/** What came of asking a server. */
export type MemberAnswer =
  | { readonly kind: 'serves'; readonly mode: MemberMode }
  /** It lives and serves nobody: it looks for a leader. */
  | { readonly kind: 'waits' }
  /** Nobody listens there. */
  | { readonly kind: 'refused' }
  /** Nothing came within the deadline. */
  | { readonly kind: 'silent' }

/** The process of this machine's server. */
export interface MemberProcess {
  readonly state: ProcessState['kind']
  /** The settings it was started with. */
  readonly revision: number
  /** When this very process was, not the first of its guard. */
  readonly startedAt: Instant
  /** Stopped by a signal: it lives, and does nothing (`T` in /proc/PID/stat). */
  readonly isFrozen: boolean
}

/** All that is looked at before anything is done about this machine's server. */
export interface EnsembleObservation {
  readonly now: Instant
  /** The settings it should run with; undefined: it should not run here. */
  readonly wanted: number | undefined
  readonly member: MemberProcess | undefined
  /** Its last answer, since it was started. */
  readonly answer: MemberAnswer | undefined
  /** When the first question was not answered in time, after others were, and none since. */
  readonly silentSince: Instant | undefined
  /** How long it may be silent: longer after each time it was ended for that. */
  readonly patience: Milliseconds
  /** How many other members there are, and how many of them serve. */
  readonly others: number
  readonly othersServe: number
  /** Since when neither it nor a quorum of the others has served. */
  readonly unservedSince: Instant | undefined
  /** Whether it is this machine's turn to restart its server. */
  readonly hasTurn: boolean
  /** What is free where its data are: bytes. */
  readonly room: number
}

/** What may be done about it. */
export type EnsembleAction =
  | { readonly kind: 'start' }
  /** Ends it in order. */
  | { readonly kind: 'stop' }
  /** Ends it at once. */
  | { readonly kind: 'kill' }
  /** Asks the others for the turn to restart; gives it back. */
  | { readonly kind: 'ask-turn' }
  | { readonly kind: 'yield-turn' }
