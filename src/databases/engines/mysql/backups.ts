// The backups of a MySQL: a copy by the clone plugin, from any member, and the primary's log.
// Written to the manuals of 8.0 and 8.4 ("The Clone Plugin", "Point-in-Time Recovery").

import { rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ms } from '../../../foundation/time.ts'
import type { CopiedBase, KeepPart, OpenBackups, RestoreOrder } from '../../backups/engine.ts'
import { ScratchHost } from '../../backups/scratch-host.ts'
import type { MemberAddress, Progress } from '../../engine.ts'
import { KinBackups, type KinLog } from '../mysql-kin/backups.ts'
import { draftOf } from '../mysql-kin/drafts.ts'
import { identityOf } from '../mysql-kin/source.ts'
import { readGroups } from './binary-log.ts'
import { makeClone } from './clone.ts'
import { packFolder } from './folder-stream.ts'
import { formatGtidSet, parseGtidSet } from './gtid-set.ts'
import { chainFrom } from './log-chain.ts'
import { receiveLog } from './log-receiver.ts'
import { dataPart, restore } from './restore.ts'
import { endWithin, openScratch } from './scratch-server.ts'

const log: KinLog = { readGroups, chainFrom, receive: receiveLog }

class MysqlBackups extends KinBackups {
  async copy(
    member: MemberAddress,
    _label: string,
    keep: KeepPart,
    progress: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<CopiedBase> {
    const { scratch: data, now } = this.options
    const run = join(this.options.run, 'copy')
    for (const place of [data, run]) {
      await mkdir(dirname(place), { recursive: true, mode: 0o711 })
    }
    await using host = new ScratchHost(now)
    using server = await openScratch(this.options, { purpose: 'copy', data, run }, host)
    const draft = draftOf(data)
    try {
      using session = await this.open(member, signal)
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

  restore(order: RestoreOrder, signal: AbortSignal) {
    return restore(this.options, order, signal)
  }
}

/** Opens the backups of one database of MySQL. */
export const openMysqlBackups: OpenBackups = (options) => new MysqlBackups(options, log)
