// The backups of a PostgreSQL: copies and the log over the replication protocol, from any member.

import { Fault } from '../../../foundation/fault.ts'
import { ByteQueue, NotTaken } from '../../backups/byte-queue.ts'
import type {
  BackupEngine,
  BackupOptions,
  CopiedBase,
  KeepPart,
  LogNews,
  OpenBackups,
  RestoreOrder,
} from '../../backups/engine.ts'
import type { Base } from '../../backups/model.ts'
import type { BackupStore } from '../../backups/store.ts'
import type { MemberAddress, Progress } from '../../engine.ts'
import { streamBase } from './base-stream.ts'
import { archivePart, manifestPart, readPoint } from './kept-base.ts'
import { growingKey, heldIn, receivedUntil, receiveLog, segmentKey } from './log-archive.ts'
import { chainFrom, surplusOf } from './log-chain.ts'
import { ReplicationDoor } from './replication-door.ts'
import { restore } from './restore.ts'

/** A copy leaves the disk and the network to others: kilobytes a second. */
const rateOf = { replica: 131_072, primary: 49_152 }

class PostgresBackups implements BackupEngine {
  readonly #options: BackupOptions
  readonly #door: ReplicationDoor

  constructor(options: BackupOptions) {
    this.#options = options
    this.#door = new ReplicationDoor(options.accounts.replication, options.now, options.tls)
  }

  origin(member: MemberAddress, signal: AbortSignal): Promise<string> {
    return this.#failing(`${member.member} could not be asked`, async () => {
      using session = await this.#door.open(member, signal)
      const { systemid: id } = await session.row('IDENTIFY_SYSTEM', signal)
      using sql = await this.#door.openSql(member, signal)
      const { there } = await sql.row(
        "SELECT to_regclass('alwayson.restored') IS NOT NULL AS there",
        signal,
      )
      if (there !== true) return `${id}-0`
      // Two that undo each other are made of the same data, and have as many rows here.
      const { count, last } = await sql.row(
        `SELECT count(*)::int AS count, (1000 * extract(epoch FROM max(at)))::int8::text AS last
           FROM alwayson.restored`,
        signal,
      )
      return last === null ? `${id}-${count}` : `${id}-${count}-${last}`
    })
  }

  receive(
    primary: MemberAddress,
    store: BackupStore,
    told: (news: LogNews) => void,
    signal: AbortSignal,
  ): Promise<never> {
    return this.#failing(`the log of ${primary.member} could not be received`, () =>
      receiveLog(this.#door, primary, store, told, signal),
    )
  }

  release(primary: MemberAddress, signal: AbortSignal): Promise<boolean> {
    return this.#failing(`${primary.member} keeps its log for backups`, () =>
      this.#door.dropSlot(primary, signal),
    )
  }

  copy(
    member: MemberAddress,
    label: string,
    keep: KeepPart,
    progress: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<CopiedBase> {
    return this.#failing(`${member.member} could not be copied`, async () => {
      const { major, version, standby } = await this.#askSource(member, signal)
      using session = await this.#door.open(member, signal)
      const queue = new ByteQueue()
      const end = (): void => {
        session[Symbol.dispose]()
        queue.fail(signal.reason)
      }
      signal.addEventListener('abort', end, { once: true })
      let bytes = 0
      try {
        const rate = standby ? rateOf.replica : rateOf.primary
        const streaming = streamBase(session, { label, major, rate }, queue.push, (done, of) => {
          bytes = done
          progress({ step: 'copying', done, of: of === undefined ? undefined : Math.max(of, done) })
        }).then(
          (stream) => {
            queue.end()
            return stream
          },
          (thrown: unknown) => {
            queue.fail(thrown)
            throw thrown
          },
        )
        // Nothing is left half done when this rejects: both have come to their end.
        const [streamed, kept] = await Promise.allSettled([streaming, keep(archivePart, queue)])
        if (streamed.status === 'rejected' && !(streamed.reason instanceof NotTaken)) {
          throw streamed.reason
        }
        if (kept.status === 'rejected') throw kept.reason
        if (streamed.status === 'rejected') throw streamed.reason
        const stream = streamed.value
        if (stream.manifest.length > 0) await keep(manifestPart, once(stream.manifest))
        const { now } = await this.#door.facts(member, signal)
        const point = ({ line, lsn }: { line: number; lsn: string }): string => `${line}:${lsn}`
        const [start, stop] = [point(stream.start), point(stream.end)]
        return { version, ended: now, start, end: stop, bytes }
      } finally {
        signal.removeEventListener('abort', end)
        // Whoever keeps the bytes must not wait for more of them.
        queue.fail(new Error('the copy is over'))
      }
    })
  }

  async #askSource(member: MemberAddress, signal: AbortSignal) {
    const facts = await this.#door.facts(member, signal)
    using session = await this.#door.openSql(member, signal)
    const { standby } = await session.row('SELECT pg_is_in_recovery() AS standby', signal)
    return { ...facts, standby: standby === true }
  }

  async unbroken(bases: readonly Base[], store: BackupStore): Promise<readonly string[]> {
    const held = await heldIn(store)
    return bases.filter(({ end }) => chainFrom(held, readPoint(end)).isWhole).map(({ id }) => id)
  }

  until(store: BackupStore) {
    return receivedUntil(store)
  }

  async prune({ start }: Base, store: BackupStore, signal: AbortSignal): Promise<void> {
    const held = await heldIn(store)
    for (const name of surplusOf(held, readPoint(start))) {
      signal.throwIfAborted()
      await store.remove(held.segments.has(name) ? segmentKey(name) : growingKey(name))
    }
  }

  restore(order: RestoreOrder, signal: AbortSignal) {
    return this.#failing(`${order.base.id} could not be restored`, () =>
      restore(this.#options, order, signal),
    )
  }

  async #failing<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (thrown) {
      if (thrown instanceof Fault) throw thrown
      throw new Fault('failed', what, { cause: thrown, remedy: 'it is tried again' })
    }
  }
}

async function* once(bytes: Buffer): AsyncIterable<Buffer> {
  yield bytes
}

/** Opens the backups of one database of PostgreSQL. */
export const openPostgresBackups: OpenBackups = (options) => new PostgresBackups(options)
