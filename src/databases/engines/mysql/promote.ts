// How does a server begin to serve? It applies what it received, begins a history, opens the door.

import { setTimeout as pause } from 'node:timers/promises'
import { Fault } from '../../../foundation/fault.ts'
import type { DatabaseAccounts } from '../../engine.ts'
import type { AckSet } from '../../model.ts'
import { certifyAdmin } from '../mysql-kin/certified.ts'
import { readMark } from '../mysql-kin/data-folder.ts'
import { admit, ensureReceivers, kill } from '../mysql-kin/gate.ts'
import { nameOf, ownDatabase } from '../mysql-kin/kin.ts'
import { ensureTables } from '../mysql-kin/own-tables.ts'
import { identifier, type Session } from '../mysql-kin/session.ts'
import { mark } from './install.ts'
import { mysql } from './kin.ts'
import { applyReceived } from './replication.ts'
import type { MysqlServer } from './server.ts'
import { readStatus } from './status.ts'

/**
 * Makes a running replica the primary of an epoch. Everything before the last step is written while
 * only administrators can write and nothing waits for a replica. The acknowledgements are in force
 * before the first client's write.
 */
export async function becomePrimary(
  server: MysqlServer,
  { epoch, acks }: { readonly epoch: number; readonly acks: AckSet },
  signal: AbortSignal,
): Promise<void> {
  const session = await server.session(signal)
  const status = await readStatus(session, signal)
  if (status.epoch === epoch && !status.readOnly) return
  if (status.epoch !== epoch) {
    await applyReceived(session, signal)
    await session.query('RESET REPLICA ALL', signal)
    await expelOthers(session, signal)
    // Clients stay out by read_only; what we write ourselves needs the other one off.
    await session.query('SET GLOBAL read_only = ON', signal)
    await session.query('SET GLOBAL super_read_only = OFF', signal)
    await write(server, session, epoch, signal)
  }
  await enforce(server, session, acks, signal)
  await session.query('SET GLOBAL read_only = OFF', signal)
}

/** Ends every other connection but for the server's own threads: some may write all the same. */
async function expelOthers(session: Session, signal: AbortSignal): Promise<void> {
  for (;;) {
    const rows = await session.query(
      'SELECT ID AS id, USER AS user FROM information_schema.PROCESSLIST',
      signal,
    )
    const others = rows
      .filter(({ user }) => !['system user', 'event_scheduler'].includes(String(user)))
      .map(({ id }) => Number(id))
      .filter((id) => id < session.id)
    if (others.length === 0) return
    for (const id of others) await kill(mysql, session, id, signal)
    await pause(20, undefined, { signal })
  }
}

async function write(
  server: MysqlServer,
  session: Session,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  const { member, data, accounts, tls } = server.options
  await ensureTables(session, signal)
  const { id } = await session.one(`SELECT id FROM ${ownDatabase}.identity`, signal)
  if (readMark(data)?.identity !== String(id)) mark(server, data, String(id))
  await ensureAccounts(session, accounts, tls !== undefined, signal)
  // Last: whoever has this has all of the above.
  await session.query(
    `REPLACE INTO ${ownDatabase}.epoch (epoch, member, at) VALUES (?, ?, NOW())`,
    signal,
    [epoch, member],
  )
}

/** The application's database and account, and ours: logged, so that replicas have them. */
export async function ensureAccounts(
  session: Session,
  accounts: DatabaseAccounts,
  certified: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { admin, app } = accounts
  const known = await mysql.knownAccounts(session, signal)
  const all = ['ALL PRIVILEGES ON *.*']
  await mysql.ensureAccount(session, known, admin, all, signal)
  await session.query(`CREATE DATABASE IF NOT EXISTS ${identifier(app.database)}`, signal)
  const pattern = identifier(app.database.replaceAll(/[_%]/g, String.raw`\$&`))
  await mysql.ensureAccount(session, known, app, [`ALL PRIVILEGES ON ${pattern}.*`], signal)
  await certifyAdmin(mysql, session, known, accounts, certified, signal)
  // Cloning is a privilege of its own; whoever has everything has it, from 8.0.17 on.
  await session.query(`GRANT BACKUP_ADMIN, CLONE_ADMIN ON *.* TO ${nameOf(admin.user)}`, signal)
}

/** Acknowledges by exactly this set from when it resolves. */
export async function enforce(
  server: MysqlServer,
  session: Session,
  acks: AckSet,
  signal: AbortSignal,
): Promise<void> {
  const { accounts, peers, member, tls } = server.options
  const { words } = server.programs
  const others = peers.filter((each) => each.member !== member)
  await ensureReceivers(mysql, session, accounts, others, tls !== undefined, signal)
  if (acks.needed > 0) {
    await session.query(`SET GLOBAL ${words.waitCount} = ${acks.needed}`, signal)
    await session.query(`SET GLOBAL ${words.semiSource} = ON`, signal)
  }
  const counted = acks.needed > 0 ? acks : { members: [], needed: 0 }
  await admit(mysql, session, accounts, others, counted, signal)
  if (acks.needed === 0) {
    // Whoever waits is let go, and answered: by this set nobody has to wait.
    await session.query(`SET GLOBAL ${words.semiSource} = OFF`, signal)
    return
  }
  const [row] = await session.query(`SHOW GLOBAL STATUS LIKE '${words.isWaiting}'`, signal)
  if (row?.Value === 'ON') return
  throw new Fault('failed', `the server of ${member} does not wait for acknowledgements`, {
    remedy: `read ${server.options.run}/server.log`,
  })
}
