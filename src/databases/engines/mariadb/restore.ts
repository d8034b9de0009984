// Makes data of a base and the log after it, up to a moment: an empty server that nobody else
// reaches takes the tables, and then repeats what was committed until then.

import { mkdirSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Fault } from '../../../foundation/fault.ts'
import { instant, ms } from '../../../foundation/time.ts'
import type { BackupOptions, Restored, RestoreOrder } from '../../backups/engine.ts'
import { openPart } from '../../backups/parts.ts'
import { ScratchHost } from '../../backups/scratch-host.ts'
import type { DatabaseAccounts } from '../../engine.ts'
import { partsIn } from '../mysql-kin/chain-cut.ts'
import { readMark, writeMark } from '../mysql-kin/data-folder.ts'
import { putInPlace } from '../mysql-kin/drafts.ts'
import { ownDatabase } from '../mysql-kin/kin.ts'
import { optionFile } from '../mysql-kin/option-file-of.ts'
import { KnownPieces } from '../mysql-kin/outline.ts'
import { ended, ownerOf, start } from '../mysql-kin/processes.ts'
import { chainUntil, clientWords, examine, rename, repeat } from '../mysql-kin/restoring.ts'
import { ensureAccounts } from '../mysql-kin/serving.ts'
import type { Session } from '../mysql-kin/session.ts'
import { beginLog, install } from './install.ts'
import { dumpPart } from './kept-base.ts'
import { mariadb } from './kin.ts'
import { chainFrom, readGroups } from './log-chain.ts'
import { findPrograms } from './programs.ts'
import { MariadbServer } from './server.ts'

/** A server that loads a copy has to end cleanly: nothing of it is in a log. */
const endWithin = ms(120_000)

/** Resolves when `order.data` is that of a server that was stopped cleanly. */
export async function restore(
  options: BackupOptions,
  order: RestoreOrder,
  signal: AbortSignal,
): Promise<Restored> {
  const { database, accounts, home, user, settings, now, event } = options
  const member = `${database}-${order.purpose}`
  const address = { member, host: '127.0.0.1', port: 3306 }
  await using host = new ScratchHost(now)
  using server = new MariadbServer(
    {
      ...{ database, member, address, peers: [address], accounts, home, user, settings, host },
      ...{ data: order.data, run: order.run, aside: `${order.data}.aside`, now, event },
      durability: 'async',
    },
    await findPrograms(home),
    ownerOf(user),
  )
  await rm(order.data, { recursive: true, force: true })
  // The server's user has to pass through these, and may not look around in them.
  for (const place of [order.data, order.run]) {
    mkdirSync(dirname(place), { recursive: true, mode: 0o711 })
  }
  try {
    const pieces = await new KnownPieces(readGroups).all(order.store)
    const read = partsIn(order.store, readGroups)
    const chain = await chainUntil(chainFrom(pieces, order.base.end), order, read)
    const draft = await install(server, signal)
    const extra = ['--skip-log-bin', '--skip-networking', '--innodb-flush-log-at-trx-commit=2']
    await server.start('MASTER', signal, { data: draft, extra })
    const into = join(order.run, 'restore-into.cnf')
    optionFile(into, accounts.admin, [`socket = "${server.socket}"`])
    const bytes = await load(server, into, order, signal)
    const last = await repeat(server.programs, into, chain, read, order, signal)
    const found = order.purpose === 'trial' ? await examine(server, order, signal) : undefined
    if (order.purpose === 'restore') {
      const nobody = { admin: false, app: false }
      const ensure = (session: Session, known: DatabaseAccounts) =>
        ensureAccounts(mariadb, session, known, nobody, signal)
      await rename(mariadb, server, database, order, ensure, signal)
    }
    const { id } = await server.one(`SELECT id FROM ${ownDatabase}.identity`, signal)
    await server.end(endWithin)
    const known = readMark(draft)
    if (known !== undefined) {
      const owner = order.database ?? database
      const begins = last?.gtid ?? order.base.end
      writeMark(draft, { ...known, database: owner, identity: String(id), begins })
      beginLog(server, draft, begins)
    }
    putInPlace(order.data)
    return { last: last === undefined ? undefined : instant(last.second * 1000), bytes, found }
  } catch (thrown) {
    await server.kill()
    await rm(order.data, { recursive: true, force: true })
    throw thrown
  } finally {
    rmSync(`${order.data}.new`, { recursive: true, force: true })
    rmSync(order.run, { recursive: true, force: true })
  }
}

async function load(
  { programs }: MariadbServer,
  into: string,
  { store, base, progress }: RestoreOrder,
  signal: AbortSignal,
): Promise<number> {
  const client = start(programs.client, clientWords(into), {}, signal)
  if (client.stdin === null) throw new Fault('failed', 'no pipe was made')
  let done = 0
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of openPart(store, base, dumpPart, signal)) {
      done += chunk.length
      progress({ step: 'loading the tables', done, of: base.bytes })
      yield chunk
    }
  }
  const [piped, over] = await Promise.allSettled([
    pipeline(counted, client.stdin),
    ended(client, 'mariadb'),
  ])
  if (piped.status === 'rejected' && piped.reason instanceof Fault) throw piped.reason
  if (over.status === 'rejected') throw over.reason
  if (piped.status === 'rejected') throw piped.reason
  return done
}
