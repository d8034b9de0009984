// The port: one member's server, as its keeper handles it. An engine knows its own database and the
// disk of its member; it knows nothing of records, elections or other members' keepers.

import type { Instant, Milliseconds } from '../foundation/time.ts'
import type { Inherited } from './adoption/model.ts'
import type { ServerHost } from './host.ts'
import type { MemberSecurity } from './member-tls.ts'
import type { AckSet, Bind, Position, RejoinWay, ServerState } from './model.ts'

/** Where a member's server is reached. */
export interface MemberAddress extends Bind {
  readonly member: string
}

/** Somebody that a server knows. Passwords never reach a log, an argument list or a status. */
export interface Account {
  readonly user: string
  readonly password: string
}

/** Whom every member of one database knows; the same on all of them. */
export interface DatabaseAccounts {
  /** Always On itself: may do everything. */
  readonly admin: Account
  /** What replicas receive by. */
  readonly replication: Account
  /** The application's. It owns `database`, and may do nothing else. */
  readonly app: Account & { readonly database: string }
}

/** What an engine is opened with, for one member on this machine. */
export interface MemberOptions extends MemberSecurity {
  readonly database: string
  readonly member: string
  /** Where its server listens, and where others reach it. */
  readonly address: MemberAddress
  /** All members in the order of the file, this one among them. */
  readonly peers: readonly MemberAddress[]
  /** The folder of its data: made when it is initialised or cloned, absent before. */
  readonly data: string
  /** A private folder (0700) for sockets and files of its own; short, as socket paths are. */
  readonly run: string
  /** Where a tail that is set aside is kept. */
  readonly aside: string
  /** The folder with the server's programs; `undefined`: where they are found by themselves. */
  readonly home: string | undefined
  /** The user that the server runs as if this process is root; its engine's own otherwise. */
  readonly user: string | undefined
  /** Settings of the file; those that durability rests on have been refused before. */
  readonly settings: Readonly<Record<string, string>>
  readonly accounts: DatabaseAccounts
  readonly durability: 'quorum' | 'async'
  /** Of a server that somebody else set up: who is let in, and where its clients find it. */
  readonly adopted?: Pick<Inherited, 'access' | 'sockets'> | undefined
  readonly host: ServerHost
  readonly now: () => Instant
  /** Something for the journal: `why` completes "because …". */
  readonly event: (rule: string, why: string, seen?: Readonly<Record<string, unknown>>) => void
}

/** What an engine can do beyond the least; data, so that rules can ask. */
export interface EngineAbilities {
  /** A member with a tail of its own can be brought back without copying all of it. */
  readonly rewind: boolean
  /** The most members that can have to acknowledge a write: MariaDB's semi-sync knows one. */
  readonly ackMost: number
  /** What a replica has received and not applied can be lost with its process: that is watched. */
  readonly forgets?: boolean
}

/** What is seen of a member's server at one moment. */
export interface ServerSight {
  readonly server: ServerState
  /** Of one that is broken, or does not do as it was told: why, for people. */
  readonly why: string | undefined
  /** What a person can do about that. */
  readonly remedy?: string | undefined
  /** Which database its data are of: all copies of it have the same; `undefined`: not known. */
  readonly origin?: string | undefined
  /** Clients' writes are taken. */
  readonly writable: boolean
  /** All it has safely on disk, applied or not; `undefined` where only a start could tell. */
  readonly received: Position | undefined
  readonly applied: Position | undefined
  /**
   * The epoch at which the last was written of what it has, where its data say that: whoever has it
   * has taken part in that epoch. Absent where they do not.
   */
  readonly writtenAt?: number
  /** Whom it receives from at this moment: a stream that is open, not one that is wanted. */
  readonly upstream: string | undefined
  /**
   * When something last came over that stream, a keep-alive too, by this process's clock: also of
   * one that has broken off since, if that is known.
   */
  readonly receivedAt: Instant | undefined
  /** How long ago what it applied last was written, as far as it can tell. */
  readonly lag: Milliseconds | undefined
  /** Of a primary: by what it acknowledges now, as its server has it in force. */
  readonly acks: AckSet | undefined
  /** What it has is not a part of the history of whom it was told to follow. */
  readonly diverged: boolean
  /** Of a primary: who receives from it, up to where they confirm to have it on disk. */
  readonly receivers: Readonly<Record<string, Position>>
  /** Sessions of clients, ours and replicas' apart; `undefined` where it cannot be asked. */
  readonly clients: number | undefined
}

/** How far something long is. */
export interface Progress {
  readonly step: string
  readonly done: number
  /** `undefined` where nobody knows. In the same unit as `done`: bytes. */
  readonly of: number | undefined
}

/** What became of the settings and programs that a running server should have. */
export interface Refreshed {
  /** Why it has to be started anew to have them; `undefined`: it has them. */
  readonly outdated: string | undefined
  /** Settings that it would not start with, in its own words; nothing of the rest is lost. */
  readonly refused: string | undefined
}

/** An order to follow. */
export interface FollowOrder {
  readonly primary: MemberAddress
  readonly way: RejoinWay
  /** What is lost by rewinding or copying is first kept in the folder `aside`, named by this. */
  readonly label: string
  readonly progress: (progress: Progress) => void
}

/** What a member is promoted with. */
export interface Promotion {
  readonly epoch: number
  readonly acks: AckSet
  /**
   * Awaited when nothing is left but to let clients in, also where some are in already. Where it
   * rejects none are let in, and the promotion rejects.
   */
  readonly opens?: (() => Promise<void>) | undefined
}

/**
 * One member's server. Whatever is asked is asked again until it is seen to be so: every method may
 * be called in any state, finds its own work done or half done, and completes it. All reject with a
 * Fault that names the remedy. No server of an engine ever starts so that clients could write: only
 * `promote` makes one writable.
 */
export interface MemberEngine extends AsyncDisposable {
  readonly can: EngineAbilities
  /** What is seen now. Never starts, stops or changes anything. Resolves also for a broken one. */
  look(signal: AbortSignal): Promise<ServerSight>
  /**
   * Writes to a place of its own over the server's socket, as a client's commit would, and waits
   * for the acknowledgement: of a primary. Rejects if that fails or the signal ends it.
   */
  tryWrite(signal: AbortSignal): Promise<void>
  /** Makes the first data: an empty database, stopped. Refuses a folder that holds anything. */
  initialise(signal: AbortSignal): Promise<void>
  /**
   * Receives from nobody and takes no writes from now on, with the server running so that it can
   * say all that it has; starts it that way if it is stopped. A running primary is stopped first.
   */
  freeze(signal: AbortSignal): Promise<void>
  /**
   * Becomes primary with `acks` in force before the first write: applies all that was received,
   * begins a history of its own with a record that says so, makes sure of the accounts and of what
   * replicas need, and only then takes writes. Does nothing where it is primary at this epoch.
   */
  promote(order: Promotion, signal: AbortSignal): Promise<void>
  /** Receives from another; starts the server if need be. */
  follow(order: FollowOrder, signal: AbortSignal): Promise<void>
  /** Of a primary: acknowledges by `acks` from the moment that this resolves. */
  setAcks(acks: AckSet, signal: AbortSignal): Promise<void>
  /**
   * Gives a running server, which another agent may have started, those settings of now that it
   * can take as it runs, and resolves to what it cannot. Starts and stops nothing.
   */
  refresh(signal: AbortSignal): Promise<Refreshed>
  /**
   * For a planned move, or restart: takes no new transactions, waits up to `within` for those under
   * way, hands all it has to the replicas that receive, and stops the server cleanly.
   */
  quiesce(within: Milliseconds, signal: AbortSignal): Promise<void>
  /**
   * Ends the server and puts the data that were restored beside its own (`data` and `.restored`) in
   * their place; what was there is kept below `aside`. Does nothing where that has been done for
   * this id.
   */
  takeRestored(id: string, signal: AbortSignal): Promise<void>
  /** Ends the server: cleanly if it can be had within this time, and then by SIGKILL. */
  stop(within: Milliseconds, signal: AbortSignal): Promise<void>
}

/** Opens the engine of one member. */
export type OpenMember = (options: MemberOptions) => Promise<MemberEngine>

/**
 * Whether a member could be started by what `home` names, or by what is found without it, on what
 * lies in the folder `data`. Rejects with a Fault that names the remedy; touches nothing.
 */
export type CheckPrograms = (place: {
  readonly home: string | undefined
  readonly data: string
}) => Promise<void>

/**
 * Asked by a guard whose agent is silent, in the guard's own process: which of these members have
 * on disk what the primary at `where` wrote *just now*, to see who receives. Nothing may be changed
 * that a client could notice.
 */
export type FindVouchers = (
  where: VouchPlan,
  members: readonly string[],
  signal: AbortSignal,
) => Promise<readonly string[]>

/** How a guard reaches its own server; JSON, with a secret in it. */
export interface VouchPlan {
  readonly engine: string
  /** A Unix socket, or what the engine's driver takes for one. */
  readonly socket: string
  readonly port: number
  readonly account: Account
  /** The private folder with the certificate by which the others are asked. */
  readonly tlsIn?: string | undefined
}
