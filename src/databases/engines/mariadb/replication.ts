// A replica's two threads: what it still has to apply, whom it receives from, and how that ends.

import { basename } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { MemberAddress, MemberOptions } from '../../engine.ts'
import { tlsFilesIn } from '../../member-tls.ts'
import type { Position } from '../../model.ts'
import { comparePositions, reaches } from '../../position.ts'
import { kill, receiverName } from '../mysql-kin/gate.ts'
import { cannotApply, type Source } from '../mysql-kin/receiving.ts'
import { roleAt } from '../mysql-kin/roles.ts'
import { literal, type Session } from '../mysql-kin/session.ts'
import { secureWords } from '../mysql-kin/tls.ts'
import { furthest, positionOf } from './gtid.ts'
import { mariadb } from './kin.ts'
import type { Logs } from './logs.ts'
import { relayLog } from './settings.ts'
import { readStatus, receivedOf, type ServerStatus } from './status.ts'

const pauseBetween = 20

const further = (a: Position, b: Position): Position => (comparePositions(a, b) >= 0 ? a : b)

/**
 * All that a server has, applied or not. While neither thread runs it does not say itself what lies
 * in its relay logs: those are read.
 */
export function receivedWith(status: ServerStatus, logs: Logs): Position {
  const said = receivedOf(status)
  const { receiving } = status
  if (receiving === undefined || receiving.io !== 'No') return said
  return further(said, logs.lastPosition(relayLog))
}

/**
 * It takes in nothing from now on; what it has it goes on to apply.
 *
 * A receiver that acknowledges calls its primary when it is told to stop, to have its sender ended
 * there (`rpl_semi_sync_slave_kill_conn_timeout`): with a silent primary that takes seconds. One
 * whose connection has been cut does not.
 */
export async function stopReceiving(session: Session, signal: AbortSignal): Promise<void> {
  const { receiving } = await readStatus(session, signal)
  if (receiving === undefined || receiving.io === 'No') return
  const receivers = await session.query(
    `SELECT ID AS id FROM information_schema.PROCESSLIST WHERE COMMAND = 'Slave_IO'`,
    signal,
  )
  for (const { id } of receivers) await kill(mariadb, session, Number(id), signal)
  await session.query('STOP SLAVE IO_THREAD', signal)
}

/**
 * Applies everything that was received, and ends with both threads stopped.
 *
 * With GTIDs a start of the threads throws away the relay logs when neither runs, and with them
 * what was acknowledged and not applied (MDEV-4698). So whatever is left there after a restart is
 * applied by file and offset first, from the first transaction that is missing.
 */
export async function applyReceived(
  session: Session,
  logs: Logs,
  signal: AbortSignal,
): Promise<void> {
  await stopReceiving(session, signal)
  for (;;) {
    const status = await readStatus(session, signal)
    const { receiving, applied } = status
    if (receiving === undefined) return
    if (reaches(applied, receivedWith(status, logs))) {
      await session.query('STOP SLAVE', signal)
      return
    }
    if (!receiving.isApplying) {
      if (receiving.sqlError.number !== 0) throw cannotApply(receiving.sqlError.text)
      await applyFromFiles(session, logs, applied, signal)
    }
    await pause(pauseBetween, undefined, { signal })
  }
}

/** Starts the applier at the first transaction of the relay logs that is not applied yet. */
async function applyFromFiles(
  session: Session,
  logs: Logs,
  applied: Position,
  signal: AbortSignal,
): Promise<void> {
  for (const { path, groups } of logs.series(relayLog)) {
    const next = groups.find(({ gtid }) => comparePositions(positionOf(gtid), applied) > 0)
    if (next === undefined) continue
    await session.query(
      `CHANGE MASTER TO RELAY_LOG_FILE = ${literal(basename(path))},
        RELAY_LOG_POS = ${next.from}, MASTER_USE_GTID = no`,
      signal,
    )
    await session.query('START SLAVE SQL_THREAD', signal)
    return
  }
}

/** Points both threads at a primary, from what this member has applied, and starts them. */
export async function receiveFrom(
  session: Session,
  { primary, role }: Source,
  { accounts, member, tls, run }: MemberOptions,
  signal: AbortSignal,
): Promise<void> {
  const status = await readStatus(session, signal)
  await session.query('STOP SLAVE', signal)
  // What it wrote itself as a primary counts as well: it must not be asked for again.
  if (!reaches(furthest(status.slavePosition), status.applied)) {
    await session.query('SET GLOBAL gtid_slave_pos = @@global.gtid_binlog_pos', signal)
  }
  const acknowledges = role === 'acknowledging' ? 'ON' : 'OFF'
  await session.query(`SET GLOBAL rpl_semi_sync_slave_enabled = ${acknowledges}`, signal)
  await session.query(
    `CHANGE MASTER TO MASTER_HOST = ${literal(primary.host)}, MASTER_PORT = ${primary.port},
      MASTER_USER = ${literal(receiverName(accounts, member, role))},
      MASTER_PASSWORD = ${literal(accounts.replication.password)},
      MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1, MASTER_HEARTBEAT_PERIOD = 0.5,
      ${secureWords('MASTER', tls === undefined ? undefined : tlsFilesIn(run))}`,
    signal,
  )
  await session.query('START SLAVE', signal)
}

/** A replica whose account was locked comes in by its other one. */
export async function changeRole(
  session: Session,
  logs: Logs,
  primary: MemberAddress,
  options: MemberOptions,
  signal: AbortSignal,
): Promise<void> {
  const role = await roleAt(mariadb, primary, options, signal)
  await applyReceived(session, logs, signal)
  await receiveFrom(session, { primary, role }, options, signal)
}
