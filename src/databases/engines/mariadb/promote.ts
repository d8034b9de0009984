// How does a server begin to serve? It applies what it received, begins a history, opens the door.

import { Fault } from '../../../foundation/fault.ts'
import type { Promotion } from '../../engine.ts'
import { refusesPlain } from '../../member-tls.ts'
import type { AckSet } from '../../model.ts'
import { markWaits } from '../mysql-kin/data-folder.ts'
import { ownDatabase } from '../mysql-kin/kin.ts'
import { letIn } from '../mysql-kin/quiesce.ts'
import { beginTables, enforceAcks, ensureAccounts, expelOlder } from '../mysql-kin/serving.ts'
import type { Session } from '../mysql-kin/session.ts'
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
  { epoch, acks, opens }: Promotion,
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
  } else if (!readOnly) return await opens?.()
  // A change of the global id does not reach connections that are there: they would go on to write
  // by the replica's, as if it were no history of this epoch.
  using writer = await server.connect(signal)
  await expelOlder(mariadb, writer, signal)
  // Where writes wait already, all of this is written; and there may be nobody to answer.
  if (current !== epoch || !semiSync) await write(server, writer, epoch, signal)
  await enforce(server, writer, acks, signal)
  await letIn(writer, server, signal)
  await opens?.()
  await writer.query('SET GLOBAL read_only = OFF', signal)
}

async function write(
  server: MariadbServer,
  session: Session,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  const { member, data, accounts } = server.options
  await beginTables(session, server, (id) => mark(server, data, id), signal)
  await session.query(
    `INSERT INTO ${ownDatabase}.epoch (epoch, member, at) VALUES (?, ?, NOW())
      ON DUPLICATE KEY UPDATE member = VALUES(member), at = VALUES(at)`,
    signal,
    [epoch, member],
  )
  const isSecured = refusesPlain(server.options)
  const certified = { admin: isSecured, app: isSecured }
  await ensureAccounts(mariadb, session, accounts, certified, signal)
}

const semiSync = {
  enabled: 'rpl_semi_sync_master_enabled',
  isWaiting: 'Rpl_semi_sync_master_status',
} as const

/** Acknowledges by exactly this set from when it resolves. */
export const enforce = (
  server: MariadbServer,
  session: Session,
  acks: AckSet,
  signal: AbortSignal,
): Promise<void> => {
  const waits = (isSo: boolean): void => markWaits(server.options.data, isSo)
  return enforceAcks(mariadb, server, session, acks, semiSync, waits, signal)
}
