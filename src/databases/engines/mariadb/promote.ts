// How does a server begin to serve? It applies what it received, begins a history, opens the door.

import { setTimeout as pause } from 'node:timers/promises'
import { Fault } from '../../../foundation/fault.ts'
import type { AckSet } from '../../model.ts'
import { markWaits, readMark } from '../mysql-kin/data-folder.ts'
import { admit, ensureReceivers, kill } from '../mysql-kin/gate.ts'
import { ownDatabase } from '../mysql-kin/kin.ts'
import { ensureTables } from '../mysql-kin/own-tables.ts'
import type { Session } from '../mysql-kin/session.ts'
import { ensureAccounts } from './accounts.ts'
import { epochMost, primaryServerId } from './gtid.ts'
import { mark } from './install.ts'
import { mariadb } from './kin.ts'
import type { Logs } from './logs.ts'
import { repeatPending } from './pending.ts'
import { applyReceived } from './replication.ts'
import type { MariadbServer } from './server.ts'
import { readStatus } from './status.ts'

/**
 * Makes a running replica the primary of an epoch. Everything before the last step is written while
 * no client can write and nothing waits for a replica: there may be none that could answer. The
 * acknowledgements are in force before the first client's write.
 */
export async function becomePrimary(
  server: MariadbServer,
  logs: Logs,
  { epoch, acks }: { readonly epoch: number; readonly acks: AckSet },
  signal: AbortSignal,
): Promise<void> {
  if (epoch > epochMost) throw new Fault('unsupported', `MariaDB cannot count to epoch ${epoch}`)
  const session = await server.session(signal)
  const { epoch: current, readOnly, semiSync } = await readStatus(session, signal)
  if (current !== epoch) {
    await applyReceived(session, logs, signal)
    await repeatPending(server, signal)
    await session.query('RESET SLAVE ALL', signal)
    await session.query(`SET GLOBAL server_id = ${primaryServerId(epoch, server.index)}`, signal)
  } else if (!readOnly) return
  // A change of the global id does not reach connections that are there: they would go on to write
  // by the replica's, as if it were no history of this epoch.
  using writer = await server.connect(signal)
  await expelBefore(writer, signal)
  // Where writes wait already, all of this is written; and there may be nobody to answer.
  if (current !== epoch || !semiSync) await write(server, writer, epoch, signal)
  await enforce(server, writer, acks, signal)
  await writer.query('SET GLOBAL read_only = OFF', signal)
}

/** Ends every connection that was there before this one, but for the server's own threads. */
async function expelBefore(session: Session, signal: AbortSignal): Promise<void> {
  for (;;) {
    const rows = await session.query(
      'SELECT ID AS id, USER AS user FROM information_schema.PROCESSLIST',
      signal,
    )
    const older = rows
      .filter(({ id, user }) => Number(id) < session.id && String(user) !== 'system user')
      .map(({ id }) => Number(id))
    if (older.length === 0) return
    for (const id of older) await kill(mariadb, session, id, signal)
    await pause(20, undefined, { signal })
  }
}

async function write(
  server: MariadbServer,
  session: Session,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  const { member, data, accounts, tls } = server.options
  await ensureTables(session, signal)
  await session.query(
    `INSERT INTO ${ownDatabase}.epoch (epoch, member, at) VALUES (?, ?, NOW())
      ON DUPLICATE KEY UPDATE member = VALUES(member), at = VALUES(at)`,
    signal,
    [epoch, member],
  )
  const { id } = await session.one(`SELECT id FROM ${ownDatabase}.identity`, signal)
  if (readMark(data)?.identity !== String(id)) mark(server, data, String(id))
  await ensureAccounts(session, accounts, tls !== undefined, signal)
}

/** Acknowledges by exactly this set from when it resolves. */
export async function enforce(
  server: MariadbServer,
  session: Session,
  acks: AckSet,
  signal: AbortSignal,
): Promise<void> {
  const { accounts, peers, member, tls } = server.options
  const others = peers.filter((each) => each.member !== member)
  await ensureReceivers(mariadb, session, accounts, others, tls !== undefined, signal)
  if (acks.needed > 0) {
    await session.query('SET GLOBAL rpl_semi_sync_master_enabled = ON', signal)
    markWaits(server.options.data, true)
  }
  await admit(
    mariadb,
    session,
    accounts,
    others,
    acks.needed > 0 ? acks : { members: [], needed: 0 },
    signal,
  )
  if (acks.needed === 0) {
    markWaits(server.options.data, false)
    // Whoever waits is let go, and answered: by this set nobody has to wait.
    await session.query('SET GLOBAL rpl_semi_sync_master_enabled = OFF', signal)
    return
  }
  const { Value: state } = await session.one(
    "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master_status'",
    signal,
  )
  if (state !== 'ON') {
    throw new Fault('failed', `the server of ${member} does not wait for acknowledgements`, {
      remedy: `read ${server.options.run}/server.log`,
    })
  }
}
