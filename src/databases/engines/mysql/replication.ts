// A replica's two threads: what it still has to apply, whom it receives from, and how that ends.

import { setTimeout as pause } from 'node:timers/promises'
import type { MemberOptions } from '../../engine.ts'
import { tlsFilesIn } from '../../member-tls.ts'
import { receiverName } from '../mysql-kin/gate.ts'
import { cannotApply, type Source } from '../mysql-kin/receiving.ts'
import { literal, type Session } from '../mysql-kin/session.ts'
import { secureWords } from '../mysql-kin/tls.ts'
import { hasGtids } from './gtid-set.ts'
import { readStatus } from './status.ts'
import type { Words } from './words.ts'

const pauseBetween = 20

/** It takes in nothing from now on; what it has it goes on to apply. */
export async function stopReceiving(session: Session, signal: AbortSignal): Promise<void> {
  const { receiving } = await readStatus(session, signal)
  if (receiving !== undefined && receiving.io !== 'No') {
    await session.query('STOP REPLICA IO_THREAD', signal)
  }
}

/** Applies everything that was received, and ends with both threads stopped. */
export async function applyReceived(session: Session, signal: AbortSignal): Promise<void> {
  await stopReceiving(session, signal)
  for (;;) {
    const { receiving, executed } = await readStatus(session, signal)
    if (receiving === undefined) return
    if (hasGtids(executed, receiving.retrieved)) {
      await session.query('STOP REPLICA', signal)
      return
    }
    if (!receiving.isApplying) {
      if (receiving.sqlError.number !== 0) throw cannotApply(receiving.sqlError.text)
      await session.query('START REPLICA SQL_THREAD', signal)
    }
    await pause(pauseBetween, undefined, { signal })
  }
}

/** Points both threads at a primary, from what this member has, and starts them. */
export async function receiveFrom(
  session: Session,
  { primary, role }: Source,
  { accounts, member, tls, run }: MemberOptions,
  words: Words,
  signal: AbortSignal,
): Promise<void> {
  await session.query('STOP REPLICA', signal)
  const acknowledges = role === 'acknowledging' ? 'ON' : 'OFF'
  await session.query(`SET GLOBAL ${words.semiReplica} = ${acknowledges}`, signal)
  await session.query(
    `CHANGE REPLICATION SOURCE TO SOURCE_HOST = ${literal(primary.host)},
      SOURCE_PORT = ${primary.port},
      SOURCE_USER = ${literal(receiverName(accounts, member, role))},
      SOURCE_PASSWORD = ${literal(accounts.replication.password)},
      SOURCE_AUTO_POSITION = 1, SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 0,
      SOURCE_HEARTBEAT_PERIOD = 0.5, GET_SOURCE_PUBLIC_KEY = 1,
      ${secureWords('SOURCE', tls === undefined ? undefined : tlsFilesIn(run))}`,
    signal,
  )
  await session.query('START REPLICA', signal)
}
