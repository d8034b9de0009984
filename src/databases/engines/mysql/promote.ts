// How does a server begin to serve? It applies what it received, begins a history, opens the door.

import type { DatabaseAccounts, Promotion } from '../../engine.ts'
import { refusesPlain } from '../../member-tls.ts'
import type { AckSet } from '../../model.ts'
import { nameOf, ownDatabase } from '../mysql-kin/kin.ts'
import { letIn } from '../mysql-kin/quiesce.ts'
import {
  beginTables,
  enforceAcks,
  ensureAccounts as ensureKinAccounts,
  expelOlder,
} from '../mysql-kin/serving.ts'
import type { Session } from '../mysql-kin/session.ts'
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
  { epoch, acks, opens }: Promotion,
  signal: AbortSignal,
): Promise<void> {
  const session = await server.session(signal)
  const status = await readStatus(session, signal)
  if (status.epoch === epoch && !status.readOnly) return await opens?.()
  if (status.epoch !== epoch) {
    await applyReceived(session, signal)
    await session.query('RESET REPLICA ALL', signal)
    await expelOlder(mysql, session, signal)
    // Clients stay out by read_only; what we write ourselves needs the other one off.
    await session.query('SET GLOBAL read_only = ON', signal)
    await session.query('SET GLOBAL super_read_only = OFF', signal)
    await write(server, session, epoch, signal)
  }
  await enforce(server, session, acks, signal)
  await letIn(session, server, signal)
  await opens?.()
  await session.query('SET GLOBAL read_only = OFF', signal)
}

async function write(
  server: MysqlServer,
  session: Session,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  const { member, data, accounts } = server.options
  await beginTables(session, server, (id) => mark(server, data, id), signal)
  await ensureAccounts(session, accounts, refusesPlain(server.options), signal)
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
  await ensureKinAccounts(mysql, session, accounts, { admin: certified, app: false }, signal)
  // Cloning is a privilege of its own; whoever has everything has it, from 8.0.17 on.
  const name = nameOf(accounts.admin.user)
  await session.query(`GRANT BACKUP_ADMIN, CLONE_ADMIN ON *.* TO ${name}`, signal)
}

/** Acknowledges by exactly this set from when it resolves. */
export const enforce = (
  server: MysqlServer,
  session: Session,
  acks: AckSet,
  signal: AbortSignal,
): Promise<void> => {
  const { semiSource: enabled, waitCount: count, isWaiting } = server.programs.words
  const words = { enabled, count, isWaiting }
  return enforceAcks(mysql, server, session, acks, words, () => undefined, signal)
}
