// The port: what the keepers of one database, whoever decides about it, and its operators share.

import type { Instant } from '../foundation/time.ts'
import type { DatabaseAction, DatabaseRecord, MemberSighting, Request } from './model.ts'

/** An order to a keeper: what is to be done, and the record that it follows from. */
export interface Order {
  readonly action: Exclude<DatabaseAction, { readonly kind: 'record' }>
  readonly epoch: number
  readonly version: number
}

/** What operators ask of one database. */
export interface OperatorWish {
  readonly paused: boolean
  readonly request: Request | undefined
}

/** What is known at one moment. */
export interface BoardView {
  readonly record: DatabaseRecord | undefined
  /** `heard`, and every instant in them, by this process's clock. */
  readonly members: readonly MemberSighting[]
  readonly orders: ReadonlyMap<string, Order>
  readonly wish: OperatorWish
  /** Whether all of this is kept in view at this moment. */
  readonly connected: boolean
  /** Of a board that knows nobody at first: when that was. */
  readonly listeningSince?: Instant
}

/** What everybody may do. */
export interface DatabaseBoard {
  view(): BoardView
  /** Called after every change of `view()`, until disposed. */
  onChange(listener: () => void): Disposable
  /**
   * Tells what is seen of one member. Resolves to whether the epoch of the record was still
   * `epoch` when it was taken, which was after this was called. Rejects if it was not taken.
   */
  tell(sighting: MemberSighting, epoch: number, signal: AbortSignal): Promise<boolean>
  /** The record as it stands at a moment after this was called. */
  fresh(signal: AbortSignal): Promise<DatabaseRecord | undefined>
  /** Changes what operators ask for. */
  ask(change: (before: OperatorWish) => OperatorWish, signal: AbortSignal): Promise<void>
}

/** What only the one who decides may do, and is refused once somebody else does. */
export interface DecidingBoard extends DatabaseBoard {
  /**
   * Writes a record over the one of the version before it, with the orders that follow from it,
   * unless these stay as they are; both or neither. False if another record is there by now.
   */
  write(
    record: DatabaseRecord,
    orders: ReadonlyMap<string, Order> | undefined,
    signal: AbortSignal,
  ): Promise<boolean>
  /** What each member's keeper is to do; members that are not in it have nothing to do. */
  order(orders: ReadonlyMap<string, Order>, signal: AbortSignal): Promise<void>
}

/** What operators have asked for at first. */
export const nothingAsked: OperatorWish = { paused: false, request: undefined }

/** A database that nobody has decided about yet. */
export const firstRecord: DatabaseRecord = {
  ...{ epoch: 0, version: 0, phase: { kind: 'new' }, acks: [{ members: [], needed: 0 }] },
  ...{ floor: { line: 0, at: 0 }, proofs: [], proofsSince: 0, lastFailover: undefined },
}
