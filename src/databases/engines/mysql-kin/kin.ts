// In what do MariaDB and MySQL differ, where both are handled alike? Words, and how a status is
// read.

import type { Account } from '../../engine.ts'
import type { Position } from '../../model.ts'
import { literal, type Session } from './session.ts'

/** How a replica stands to whom it receives from. */
export interface KinReceiving {
  readonly host: string
  readonly port: number
  /** `Yes` (a stream is open), `Connecting`, `Preparing` or `No`. */
  readonly io: string
  readonly isApplying: boolean
}

/** What a server says of itself, as far as both are handled alike by it. */
export interface KinStatus {
  /** The epoch it is primary at; 0 for a replica. */
  readonly epoch: number
  readonly applied: Position
  /** Whom it receives from. */
  readonly receiving: KinReceiving | undefined
}

/** An account that a server knows. */
export interface KnownAccount {
  readonly locked: boolean
  /** Whoever comes as it has to show a certificate. */
  readonly certified: boolean
}

/** One of the two. */
export interface Kin<
  Status extends KinStatus = KinStatus,
  Known extends KnownAccount = KnownAccount,
> {
  /** Ends a connection whatever it does. */
  kill(id: number): string
  /** The number of the error that a locked account meets. */
  readonly accountLocked: number
  /** How long a connection has done what it does, in milliseconds, in PROCESSLIST. */
  readonly timeColumn: string
  /** Has a server read its certificate anew. */
  readonly reloadTls: string
  /** Which replicas receive, with the names that they say (`User`), and where they listen. */
  readonly showReplicas: string
  /** What stands in its log, for comparing. */
  logged(session: Session, signal: AbortSignal): Promise<Position>
  readStatus(session: Session, signal: AbortSignal): Promise<Status>
  /** All it has, applied or not, by its own account. */
  receivedOf(status: Status): Position
  /** The accounts that may come from anywhere, and ours of the socket, by `keyOf`. */
  knownAccounts(session: Session, signal: AbortSignal): Promise<ReadonlyMap<string, Known>>
  /** Whether an account has this password. */
  isOf(known: Known, password: string): boolean
  /** Makes an account, or gives it its password, unless it has it. */
  ensureAccount(
    session: Session,
    known: ReadonlyMap<string, Known>,
    account: Account,
    grants: readonly string[],
    signal: AbortSignal,
    from?: Origin,
  ): Promise<void>
}

/** The database that is ours on every member. */
export const ownDatabase = 'alwayson'

/** From where somebody comes: from anywhere, or through the socket. */
export type Origin = '%' | 'localhost'

/** An account by its user and from where that comes. */
export const nameOf = (user: string, from: Origin = '%'): string => `${literal(user)}@'${from}'`

/** The same, as a key. */
export const keyOf = (user: string, from: unknown): string =>
  from === '%' ? user : `${user}@${from}`
