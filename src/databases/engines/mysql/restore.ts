// Makes data of a base of MySQL and the log after it, up to a moment: a server that nobody else
// reaches is started on the copy, and repeats what was committed until then with its own numbers.

import { mkdirSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Fault } from '../../../foundation/fault.ts'
import { instant, ms } from '../../../foundation/time.ts'
import type { BackupOptions, Restored, RestoreOrder } from '../../backups/engine.ts'
import { openPart } from '../../backups/parts.ts'
import { ScratchHost } from '../../backups/scratch-host.ts'
import type { DatabaseAccounts } from '../../engine.ts'
import { partsIn } from '../mysql-kin/chain-cut.ts'
import { readMark, writeMark } from '../mysql-kin/data-folder.ts'
import { draftOf, putInPlace } from '../mysql-kin/drafts.ts'
import { ownDatabase } from '../mysql-kin/kin.ts'
import { optionFile } from '../mysql-kin/option-file-of.ts'
import { KnownPieces } from '../mysql-kin/outline.ts'
import { chainUntil, examine, rename, repeat } from '../mysql-kin/restoring.ts'
import type { Session } from '../mysql-kin/session.ts'
import { readGroups } from './binary-log.ts'
import { unpackFolder } from './folder-stream.ts'
import { hasGtids, parseGtidSet } from './gtid-set.ts'
import { mysql } from './kin.ts'
import { chainFrom } from './log-chain.ts'
import { findClient } from './programs.ts'
import { ensureAccounts } from './promote.ts'
import { endWithin, openScratch } from './scratch-server.ts'
import type { MysqlServer } from './server.ts'

/** The whole folder of a member's data, as it was when the copy had been started once. */
export const dataPart = 'data.tar.zst'

/** Nobody waits for what is repeated, and all of it is on disk once it has ended in order. */
const inHaste = ['--skip-networking', '--sync-binlog=0', '--innodb-flush-log-at-trx-commit=2']

/** Resolves when `order.data` is that of a server that was stopped cleanly. */
export async function restore(
  options: BackupOptions,
  order: RestoreOrder,
  signal: AbortSignal,
): Promise<Restored> {
  const { database, accounts } = options
  for (const place of [order.data, order.run]) {
    mkdirSync(dirname(place), { recursive: true, mode: 0o711 })
  }
  await using host = new ScratchHost(options.now)
  using server = await openScratch(options, order, host)
  const client = findClient(options.home)
  const draft = draftOf(order.data)
  await rm(order.data, { recursive: true, force: true })
  rmSync(draft, { recursive: true, force: true })
  try {
    const pieces = await new KnownPieces(readGroups).all(order.store)
    const read = partsIn(order.store, readGroups)
    const chain = await chainUntil(chainFrom(pieces, order.base.end), order, read)
    const bytes = await unpack(server, draft, order, signal)
    await server.start(signal, { data: draft, extra: inHaste })
    await mustBegin(server, order, signal)
    await server.query('SET GLOBAL super_read_only = OFF', signal)
    const into = join(order.run, 'restore-into.cnf')
    optionFile(into, accounts.admin, [`socket = "${server.socket}"`])
    const programs = { binlog: server.programs.binlog, client }
    const last = await repeat(programs, into, chain, read, order, signal)
    const found = order.purpose === 'trial' ? await examine(server, order, signal) : undefined
    if (order.purpose === 'restore') {
      const ensure = (session: Session, known: DatabaseAccounts) =>
        ensureAccounts(session, known, false, signal)
      await rename(mysql, server, database, order, ensure, signal)
    }
    const { id } = await server.one(`SELECT id FROM ${ownDatabase}.identity`, signal)
    await server.end(ms(endWithin))
    const known = readMark(draft)
    if (known !== undefined) {
      writeMark(draft, { ...known, database: order.database ?? database, identity: String(id) })
    }
    putInPlace(order.data)
    return { last: last === undefined ? undefined : instant(last.second * 1000), bytes, found }
  } catch (thrown) {
    await server.kill()
    await rm(order.data, { recursive: true, force: true })
    throw thrown
  } finally {
    rmSync(draft, { recursive: true, force: true })
    rmSync(order.run, { recursive: true, force: true })
  }
}

async function unpack(
  server: MysqlServer,
  draft: string,
  { store, base, progress }: RestoreOrder,
  signal: AbortSignal,
): Promise<number> {
  let done = 0
  await unpackFolder(counted(), draft, server.owner, signal)
  // No two servers may write by one name: it makes itself another (the manual, `server_uuid`).
  rmSync(join(draft, 'auto.cnf'), { force: true })
  return done

  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of openPart(store, base, dataPart, signal)) {
      done += chunk.length
      progress({ step: 'unpacking the copy', done, of: base.bytes })
      yield chunk
    }
  }
}

/** The log leads on from what the base says that it has: nothing else may be there. */
async function mustBegin(
  server: MysqlServer,
  { base }: RestoreOrder,
  signal: AbortSignal,
): Promise<void> {
  const { at } = await server.one('SELECT @@global.gtid_executed AS at', signal)
  const [has, said] = [parseGtidSet(String(at)), parseGtidSet(base.end)]
  if (hasGtids(has, said) && hasGtids(said, has)) return
  throw new Fault('corrupt', `${base.id} has other transactions than it says`, {
    remedy: 'choose a moment that another backup leads to',
  })
}
