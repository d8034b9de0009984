// What are backups of MariaDB and of MySQL alike in? The log comes as to a replica and is kept in
// pieces; how it reads and leads on, and how a copy is made and restored, is each kin's own.

import type { Instant } from '../../../foundation/time.ts'
import type {
  BackupEngine,
  BackupOptions,
  CopiedBase,
  KeepPart,
  LogNews,
  Restored,
  RestoreOrder,
} from '../../backups/engine.ts'
import type { Base } from '../../backups/model.ts'
import type { BackupStore } from '../../backups/store.ts'
import type { MemberAddress, Progress } from '../../engine.ts'
import { historyName } from './history-name.ts'
import { closeLeft } from './left-pieces.ts'
import { type ReadGroups, receivedUntil, removePieces } from './log-pieces.ts'
import { type ChainPart, KnownPieces, type Outline } from './outline.ts'
import { reached, Session } from './session.ts'

/** Opens a session with the primary; each is good for one request of its log. */
export type OpenSession = () => Promise<Session>

/** The log of one kin. */
export interface KinLog {
  readonly readGroups: ReadGroups
  /** The transactions that lead on from a position to the last piece; `undefined`: with a gap. */
  readonly chainFrom: (
    pieces: readonly Outline[],
    after: string,
  ) => readonly ChainPart[] | undefined
  /** Receives it into a store, by sessions that it opens; rejects when that cannot go on. */
  readonly receive: (
    open: OpenSession,
    store: BackupStore,
    now: () => Instant,
    told: (news: LogNews) => void,
    signal: AbortSignal,
  ) => Promise<never>
}

/** The backups of one database, but for copies. */
export abstract class KinBackups implements BackupEngine {
  protected readonly options: BackupOptions
  readonly #log: KinLog
  readonly #pieces: KnownPieces

  constructor(options: BackupOptions, log: KinLog) {
    this.options = options
    this.#log = log
    this.#pieces = new KnownPieces(log.readGroups)
  }

  protected open(member: MemberAddress, signal: AbortSignal): Promise<Session> {
    const { tls, accounts } = this.options
    return Session.open(reached(member, tls), accounts.admin, signal)
  }

  async origin(member: MemberAddress, signal: AbortSignal): Promise<string> {
    using session = await this.open(member, signal)
    return await historyName(session, signal)
  }

  async receive(
    primary: MemberAddress,
    store: BackupStore,
    told: (news: LogNews) => void,
    signal: AbortSignal,
  ): Promise<never> {
    await closeLeft(store, this.#log.readGroups, signal)
    const open = (): Promise<Session> => this.open(primary, signal)
    return await this.#log.receive(open, store, this.options.now, told, signal)
  }

  /** It keeps its log for so long by itself, whoever receives it. */
  release(): Promise<boolean> {
    return Promise.resolve(true)
  }

  async unbroken(bases: readonly Base[], store: BackupStore): Promise<readonly string[]> {
    const pieces = await this.#pieces.all(store)
    const leadsOn = ({ end }: Base): boolean => this.#log.chainFrom(pieces, end) !== undefined
    return bases.filter(leadsOn).map(({ id }) => id)
  }

  until(store: BackupStore): Promise<Instant | undefined> {
    return receivedUntil(store)
  }

  async prune({ start: from }: Base, store: BackupStore, signal: AbortSignal): Promise<void> {
    const needed = this.#log.chainFrom(await this.#pieces.all(store), from)?.[0]?.piece.name
    if (needed !== undefined) await removePieces(store, needed, signal)
  }

  abstract copy(
    member: MemberAddress,
    label: string,
    keep: KeepPart,
    progress: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<CopiedBase>

  abstract restore(order: RestoreOrder, signal: AbortSignal): Promise<Restored>
}
