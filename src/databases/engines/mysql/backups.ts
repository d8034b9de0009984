// The backups of a MySQL: a copy by the clone plugin, from any member, and the primary's log.
// Written to the manuals of 8.0 and 8.4 ("The Clone Plugin", "Point-in-Time Recovery").

import { rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ms } from '../../../foundation/time.ts'
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
import { ScratchHost } from '../../backups/scratch-host.ts'
import type { BackupStore } from '../../backups/store.ts'
import type { MemberAddress, Progress } from '../../engine.ts'
import { draftOf } from '../mysql-kin/drafts.ts'
import { historyName } from '../mysql-kin/history-name.ts'
import { KnownPieces, receivedUntil, removePieces } from '../mysql-kin/log-pieces.ts'
import { reached, Session } from '../mysql-kin/session.ts'
import { identityOf } from '../mysql-kin/source.ts'
import { readGroups } from './binary-log.ts'
import { makeClone } from './clone.ts'
import { packFolder } from './folder-stream.ts'
import { formatGtidSet, parseGtidSet } from './gtid-set.ts'
import { chainFrom } from './log-chain.ts'
import { receiveLog } from './log-receiver.ts'
import { dataPart, restore } from './restore.ts'
import { endWithin, openScratch } from './scratch-server.ts'

class MysqlBackups implements BackupEngine {
  readonly #options: BackupOptions
  readonly #pieces = new KnownPieces(readGroups)

  constructor(options: BackupOptions) {
    this.#options = options
  }

  #open(member: MemberAddress, signal: AbortSignal): Promise<Session> {
    const { tls, accounts } = this.#options
    return Session.open(reached(member, tls), accounts.admin, signal)
  }

  async origin(member: MemberAddress, signal: AbortSignal): Promise<string> {
    using session = await this.#open(member, signal)
    return await historyName(session, signal)
  }

  async receive(
    primary: MemberAddress,
    store: BackupStore,
    told: (news: LogNews) => void,
    signal: AbortSignal,
  ): Promise<never> {
    using session = await this.#open(primary, signal)
    return await receiveLog(session, store, this.#options.now, told, signal)
  }

  /** It keeps its log for so long by itself, whoever receives it. */
  release(): Promise<boolean> {
    return Promise.resolve(true)
  }

  async copy(
    member: MemberAddress,
    _label: string,
    keep: KeepPart,
    progress: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<CopiedBase> {
    const { scratch: data, now } = this.#options
    const run = join(this.#options.run, 'copy')
    for (const place of [data, run]) {
      await mkdir(dirname(place), { recursive: true, mode: 0o711 })
    }
    await using host = new ScratchHost(now)
    using server = await openScratch(this.#options, { purpose: 'copy', data, run }, host)
    const draft = draftOf(data)
    try {
      using session = await this.#open(member, signal)
      const identity = await identityOf(session, member, signal)
      await makeClone(server, { primary: member, progress }, identity, signal)
      const at = await this.#settled(server, draft, signal)
      let bytes = 0
      await packFolder(draft, (packed) => keep(dataPart, counted(packed)), signal)
      return { version: server.product.version, start: at, end: at, bytes, ended: now() }

      async function* counted(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
        for await (const chunk of packed) {
          bytes += chunk.length
          progress({ step: 'keeping', done: bytes, of: undefined })
          yield chunk
        }
      }
    } finally {
      await server.kill()
      for (const place of [draft, `${data}.copy`, run]) {
        rmSync(place, { recursive: true, force: true })
      }
    }
  }

  /** What a copy has: it has to be started once for that, and ends in order. */
  async #settled(
    server: Awaited<ReturnType<typeof openScratch>>,
    draft: string,
    signal: AbortSignal,
  ): Promise<string> {
    await server.startAlone(draft, signal)
    const { at } = await server.one('SELECT @@global.gtid_executed AS at', signal)
    await server.end(ms(endWithin))
    return formatGtidSet(parseGtidSet(String(at)))
  }

  async unbroken(bases: readonly Base[], store: BackupStore): Promise<readonly string[]> {
    const pieces = await this.#pieces.all(store)
    return bases.filter(({ end }) => chainFrom(pieces, end) !== undefined).map(({ id }) => id)
  }

  until(store: BackupStore) {
    return receivedUntil(store)
  }

  async prune({ start: from }: Base, store: BackupStore, signal: AbortSignal): Promise<void> {
    const needed = chainFrom(await this.#pieces.all(store), from)?.[0]?.piece.name
    if (needed !== undefined) await removePieces(store, needed, signal)
  }

  restore(order: RestoreOrder, signal: AbortSignal) {
    return restore(this.#options, order, signal)
  }
}

/** Opens the backups of one database of MySQL. */
export const openMysqlBackups: OpenBackups = (options) => new MysqlBackups(options)
