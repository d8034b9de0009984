// In what do MariaDB and MySQL differ, where both are handled alike? Words, and how a status is
// read.

import type { Position } from '../../model.ts'
import { literal, type Session } from './session.ts'

/** How a replica stands to whom it receives from, as both say it. */
export interface KinReceiving {
  readonly host: string
  readonly port: number
  readonly user: string
  /** `Yes` (a stream is open), `Connecting`, `Preparing` or `No`. */
  readonly io: string
  readonly isApplying: boolean
  readonly ioError: { readonly number: number; readonly text: string }
  readonly sqlError: { readonly number: number; readonly text: string }
  /** Changes with whatever comes over the stream, a heartbeat too. */
  readonly pulse: string
}

/** What a server says of itself, as far as both are handled alike by it. */
export interface KinStatus {
  /** The epoch it is primary at; 0 for a replica. */
  readonly epoch: number
  readonly readOnly: boolean
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
  /** The words of a statement that give an account its password. */
  identified(password: string): string
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
