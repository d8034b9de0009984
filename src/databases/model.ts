// The words of the databases room: members, positions, acknowledgement sets, proofs. Types only.

import type { Instant, Milliseconds } from '../foundation/time.ts'

/**
 * A point in a database's history. `line` tells histories apart that parted at a promotion
 * (PostgreSQL's timeline): it is that of the last record there is, not of the server that sends
 * them. `at` counts within them, and goes on counting over a promotion, which writes a record.
 */
export interface Position {
  readonly line: number
  readonly at: number
}

/**
 * Who has to acknowledge a write before its client hears of it: any `needed` of `members`
 * (PostgreSQL: `synchronous_standby_names = 'ANY k (…)'`). `needed` 0 is asynchronous.
 */
export interface AckSet {
  readonly members: readonly string[]
  readonly needed: number
}

/** `quorum`: an acknowledged write survives the loss of any machine. `async`: it may not. */
export type Durability = 'quorum' | 'async'

/** Whether a failover is made, proposed, or only told. */
export type FailoverMode = 'auto' | 'ask' | 'observe'

/**
 * How members on several machines reach each other. `plain`: their servers speak no TLS. `offered`:
 * servers do, and everybody comes in the clear. `spoken`: everybody comes under TLS. `required`:
 * servers let nobody in who comes in the clear.
 */
export type Encryption = 'plain' | 'offered' | 'spoken' | 'required'

/** What the file asks of one database. */
export interface DatabaseWish {
  readonly name: string
  /** By name, best first: of equals the first is promoted. */
  readonly members: readonly string[]
  readonly durability: Durability
  readonly failover: FailoverMode
  readonly bounds: FailoverBounds
  /** What its engine can: the most that may have to acknowledge (`EngineAbilities.ackMost`). */
  readonly ackMost?: number | undefined
  /** `hold`: a member with a tail of its own waits until an operator asks for `reinit`. */
  readonly onDivergence?: 'quarantine' | 'hold' | undefined
  /** Of members on several machines: what is wanted, and what a database begins with. */
  readonly encryption?: { readonly wanted: Encryption; readonly first: Encryption } | undefined
}

/** An address to listen on, or to be reached at. */
export interface Bind {
  readonly host: string
  readonly port: number
}

/** Which servers: PostgreSQL, or one of the two that began as MySQL. */
export type EngineName = 'postgresql' | 'mariadb' | 'mysql'

/** One member, as the file has it. */
export interface MemberPlan extends Bind {
  readonly name: string
  /** The machine it runs on; `undefined` where there is one machine only. */
  readonly machine: string | undefined
  /** Of an existing server that is taken over: as whom we come. */
  readonly adopt: { readonly user: string; readonly password: string } | undefined
}

/** When base backups are made, where they go and how long they are kept. */
export interface BackupPlan {
  /** An absolute folder. */
  readonly to: string
  readonly every: Milliseconds
  /** So many base backups are kept, and the log that leads on from the oldest of them. */
  readonly keep: number
  /** How often the latest is restored on trial; `undefined`: never. */
  readonly tryEvery: Milliseconds | undefined
}

/** One database as the file has it, with every default filled in. */
export interface DatabasePlan {
  readonly name: string
  readonly engine: EngineName
  readonly members: readonly MemberPlan[]
  readonly durability: Durability
  readonly failover: FailoverMode
  /** What clients wait at most when a machine is lost; the bounds follow from it. */
  readonly target: Milliseconds
  readonly onDivergence: 'quarantine' | 'hold'
  /** Doors: to the primary, and to replicas that are near enough. */
  readonly bind: { readonly write: Bind; readonly read: Bind | undefined }
  /** A replica that is further behind than this is no place to read. */
  readonly readLag: Milliseconds
  /** How long, and how many, connections wait while there is no primary. */
  readonly hold: { readonly wait: Milliseconds; readonly connections: number }
  /** The folder of the server's programs; `undefined`: found by itself. */
  readonly home: string | undefined
  /** The folder below which members keep their data; `undefined`: in the state folder. */
  readonly data: string | undefined
  readonly user: string | undefined
  readonly settings: Readonly<Record<string, string>>
  readonly app: { readonly user: string; readonly database: string }
  readonly backups: BackupPlan | undefined
  /** Whether members on several machines show each other certificates; `undefined`: as is usual. */
  readonly tls?: boolean | undefined
}

/** How long each step of a failover may take; computed from one target by `budget.ts`. */
export interface FailoverBounds {
  /** A keeper that was not heard for so long is lost, if nobody else hears its server either. */
  readonly silence: Milliseconds
  /** A server whose write probe fails for so long is hung. */
  readonly hung: Milliseconds
  /** How long a primary may go on after its keeper was last confirmed; then it fences itself. */
  readonly lease: Milliseconds
  /** A replica of the acknowledgement set that is missing for so long leaves it. */
  readonly ackPatience: Milliseconds
  /** Between two unplanned failovers of one database. */
  readonly coolDown: Milliseconds
  /** How long a planned move may take; then it is given up, and the old primary goes on. */
  readonly handOver: Milliseconds
}

/** Why a promotion was safe, or what it cost: kept, shown, and used to classify what returns. */
export interface Proof {
  readonly epoch: number
  readonly at: Instant
  readonly from: string | undefined
  readonly to: string
  readonly why: string
  /** The sets that had to be outvoted, and who had confirmed to receive nothing more, where. */
  readonly acks: readonly AckSet[]
  readonly confirmed: Readonly<Record<string, Position>>
  /** Where the winner's history began: what others have beyond it was never acknowledged. */
  readonly start: Position
  /** What whoever was promoted had to have, beside what the sets had acknowledged. */
  readonly floor?: Position | undefined
  /** An operator took responsibility for what a missing member may have had. */
  readonly acceptedLoss: boolean
  /** Where that one began, if it waits for nobody: more may have been written on it. */
  readonly givenUp?: Position | undefined
  /** It began with what was restored: the order's id. */
  readonly restored?: string | undefined
}

/** Data that were made of a backup lie beside those of a member; `id` tells them from others. */
export interface RestoreWish {
  readonly member: string
  readonly id: string
}

/** How far a database has come; the whole of it is one document that is compared and set. */
export type Phase =
  /** No member has ever been initialised. */
  | { readonly kind: 'new' }
  | {
      readonly kind: 'serving'
      readonly primary: string
      /** A planned move is due: reads on this member, which is to take over, go elsewhere first. */
      readonly next?: { readonly to: string; readonly since: Instant } | undefined
    }
  /** Nobody may serve: members stop receiving and say what they have. */
  | {
      readonly kind: 'electing'
      readonly from: string | undefined
      readonly since: Instant
      readonly why: string
      /** Of equals this one: a planned move has a target. */
      readonly prefer: string | undefined
      /** Was to be promoted, and did not come to it: another one, if there is one. */
      readonly avoid?: string | undefined
      /** Where that one began, if it waits for nobody: it may have written all the same. */
      readonly fork?: Position | undefined
      /** Promotions that were taken back, the latest first: one may have begun a history. */
      readonly tried?: readonly Proof[] | undefined
      /** Nobody is elected: this member begins anew, with what was restored for it. */
      readonly restore?: RestoreWish | undefined
    }
  /** `winner` has what was acknowledged, and becomes primary. */
  | {
      readonly kind: 'promoting'
      readonly winner: string
      readonly proof: Proof
      readonly tried?: readonly Proof[] | undefined
      /** As of the election: it matters again if this one is lost, too. */
      readonly fork?: Position | undefined
    }
  /**
   * A planned move: clients are held, `from` takes no writes, `to` catches up. One that has nobody
   * to hand over to is started anew, and hands over to itself.
   */
  | {
      readonly kind: 'handing-over'
      readonly from: string
      readonly to: string
      readonly since: Instant
    }

/** What is written down about one database, and what every decision of its epoch is checked by. */
export interface DatabaseRecord {
  /** Rises with every change of primary. */
  readonly epoch: number
  readonly phase: Phase
  /** Rises with every change of this record; a keeper follows no order older than one it has. */
  readonly version: number
  /**
   * The sets by which writes of this epoch, or while electing of the one before, may have been
   * acknowledged: one, and while it is being changed the others as well.
   */
  readonly acks: readonly AckSet[]
  /** Whoever is promoted has to have this: before it the sets above were not in force. */
  readonly floor: Position
  /** Of every promotion after the epoch `proofsSince`, the latest first. */
  readonly proofs: readonly Proof[]
  readonly proofsSince: number
  /** When the last unplanned failover ended; `undefined` if none, or an operator has seen it. */
  readonly lastFailover: Instant | undefined
  /** How many unplanned failovers followed one another, none of which an operator has seen. */
  readonly failovers?: number | undefined
  /** How members reach each other; `undefined`: as a database of this file begins. */
  readonly encryption?: Encryption | undefined
}

/** What a member's server is at. */
export type ServerState = 'absent' | 'stopped' | 'starting' | 'primary' | 'replica' | 'broken'

/** One member, as its keeper (the agent of its machine) last told, and as others see it. */
export interface MemberSighting {
  readonly member: string
  /** When its keeper last said something. */
  readonly heard: Instant
  readonly server: ServerState
  /** The epoch it serves or follows at; what it does of an older one it has to stop. */
  readonly epoch: number
  /** Written to disk: it neither receives nor acknowledges for an epoch below. */
  readonly promised: number
  /** It takes writes from clients. */
  readonly writable: boolean
  /** All it has on disk, applied or not. */
  readonly received: Position | undefined
  readonly applied: Position | undefined
  /** Whom it receives from at this moment. */
  readonly upstream: string | undefined
  /** When something last came from there: an empty message counts. */
  readonly receivedAt: Instant | undefined
  /** Of a primary: by which set it acknowledges, since the order of which version. */
  readonly acks: AckSet | undefined
  readonly acksVersion: number
  /** Of a primary: where it was when that set came into force. */
  readonly acksSince: Position | undefined
  /** Its history is not a part of the one it was told to follow. */
  readonly diverged: boolean
  /**
   * It may have acknowledged more than it has: what it had received and not applied was lost when
   * its server ended. Until it has all that its primary had when it came back.
   */
  readonly forgot?: boolean | undefined
  /** Why it should not become primary while another can: its disk is full. */
  readonly unfit?: string | undefined
  /** The `reinit` that its data was last copied for, or the restore that they come from. */
  readonly copiedFor?: string | undefined
  /** The epoch at which what was restored took its data's place: it took part in nothing since. */
  readonly restoredAt?: number | undefined
  /** Why its server should be started anew: its programs or settings are others by now. */
  readonly outdated?: string | undefined
  /** Whether it is outdated is being asked: its file or its programs may have changed. */
  readonly inReview?: boolean | undefined
  /** The `restart` since which its server has been started anew. */
  readonly restartedFor?: string | undefined
  /** The step towards TLS, or back, that it has taken, with all that its server needs for it. */
  readonly encryption?: Encryption | undefined
  /** Of a primary: since when writing through its own socket fails, though enough receive. */
  readonly failingSince: Instant | undefined
  /** Of a primary that answers: since when too few of its set receive from it; writes wait. */
  readonly waitingSince?: Instant | undefined
  /** For people, and for readers: how old what it applied last is. */
  readonly lag?: Milliseconds | undefined
  /** For people: why it is broken, or what its keeper could not do. */
  readonly trouble?: string | undefined
  /** What a person can do about that. */
  readonly remedy?: string | undefined
  /** For people: what its keeper is busy with, and how far that is, in bytes. */
  readonly busy?: { readonly step: string; readonly done: number; readonly of?: number | undefined }
  /** Sessions of clients on it. */
  readonly clients?: number | undefined
}

/** What one machine knows of a database at one moment; routing and status go by it. */
export interface DatabaseView {
  readonly plan: DatabasePlan
  /** `undefined` while none has been read. */
  readonly record: DatabaseRecord | undefined
  readonly members: readonly MemberSighting[]
  readonly paused: boolean
  readonly request: Request | undefined
  /** Whether the record and the members are heard of at this moment. */
  readonly connected: boolean
}

/** What an operator asked for and has not got yet. */
export type Request =
  /** `epoch` is that of the record when it was asked for. */
  | { readonly kind: 'switchover'; readonly to: string; readonly epoch?: number }
  | { readonly kind: 'accept-data-loss'; readonly epoch: number }
  | { readonly kind: 'approve-failover'; readonly epoch: number }
  /** Copy all of a member anew, whatever it has; `id` tells one such wish from the next. */
  | { readonly kind: 'reinit'; readonly member: string; readonly id: string }
  /** Put what was restored for this member in place of all that there is. */
  | ({ readonly kind: 'restore' } & RestoreWish)
  /** Start the servers of these anew, one after another; `id` tells one such wish from the next. */
  | { readonly kind: 'restart'; readonly members: readonly string[]; readonly id: string }
  /** The failovers so far have been looked at: the next one need not wait. */
  | { readonly kind: 'acknowledge' }
  /** Take over the servers that run already; whoever takes writes now is to do so again. */
  | { readonly kind: 'adopt'; readonly primary: string }

/** Everything that a decision about one database may depend on. */
export interface DatabaseObservation {
  readonly now: Instant
  readonly wish: DatabaseWish
  readonly record: DatabaseRecord
  readonly members: readonly MemberSighting[]
  readonly paused: boolean
  readonly request: Request | undefined
  /** Whoever decides began to listen then, where nobody could be heard before. */
  readonly listeningSince?: Instant | undefined
}

/** How a member that was away comes back. */
export type RejoinWay = 'follow' | 'rewind' | 'clone'

/**
 * What is to be done. All but `record` are orders to one member's keeper. An order has the epoch
 * and the version of the record that it follows from; a keeper refuses one whose epoch is below
 * what it has promised, or whose version is below that of an order it has carried out.
 */
export type DatabaseAction =
  | { readonly kind: 'record'; readonly record: DatabaseRecord }
  | { readonly kind: 'initialise'; readonly member: string }
  /** Stop receiving and serving, promise the epoch on disk, and say what was received. */
  | { readonly kind: 'freeze'; readonly member: string }
  /** End its server, whatever that does: it serves, or may, at an epoch that is over. */
  | { readonly kind: 'fence'; readonly member: string }
  /** Refused by one that has not (any more) what lies before `start`: it would be lost. */
  | {
      readonly kind: 'promote'
      readonly member: string
      readonly acks: AckSet
      readonly start: Position
    }
  /** Let what is under way end, hand everything to the replicas, and stop. */
  | { readonly kind: 'quiesce'; readonly member: string }
  | {
      readonly kind: 'follow'
      readonly member: string
      readonly primary: string
      readonly way: RejoinWay
      /** The `reinit` that is carried out; the keeper writes it down once the copy is whole. */
      readonly copyFor?: string | undefined
    }
  /** Of a replica: lets reads under way end, and starts its server anew. */
  | { readonly kind: 'restart'; readonly member: string; readonly primary: string }
  | { readonly kind: 'set-acks'; readonly member: string; readonly acks: AckSet }
  /** Put what was restored in the place of its data, which are set aside. */
  | ({ readonly kind: 'restore' } & RestoreWish)
