// What does a server say of itself? The few questions that everything else is decided by.

import type { Position } from '../../model.ts'
import { type KinReceiving, ownDatabase } from '../mysql-kin/kin.ts'
import { receivingOf as receivingAs, text } from '../mysql-kin/receiving.ts'
import { errnoOf, errors, type Row, type Session } from '../mysql-kin/session.ts'
import { countGtids, type GtidSet, parseGtidSet, unionGtids } from './gtid-set.ts'

/** How a replica stands to whom it receives from (`SHOW REPLICA STATUS`). */
export interface Receiving extends KinReceiving {
  /** What has come into its relay logs since those began. */
  readonly retrieved: GtidSet
}

export interface ServerStatus {
  /** Nobody may write, not even who administers it: a replica, or no primary yet. */
  readonly isShut: boolean
  readonly readOnly: boolean
  /** The last epoch in what it has applied. */
  readonly line: number
  /** The epoch it is primary at; 0 for a replica. */
  readonly epoch: number
  readonly executed: GtidSet
  readonly applied: Position
  readonly folder: string
  readonly receiving: Receiving | undefined
  /** How old what it applied last is, in milliseconds; `undefined` where it cannot tell. */
  readonly lag: number | undefined
}

/** Asks one server. */
export async function readStatus(session: Session, signal: AbortSignal): Promise<ServerStatus> {
  const own = await session.one(
    `SELECT @@global.super_read_only AS shut, @@global.read_only AS readOnly,
      @@global.gtid_executed AS executed, @@global.datadir AS folder`,
    signal,
  )
  const line = await lineOf(session, signal)
  const [link] = await session.query('SHOW REPLICA STATUS', signal)
  const isShut = Number(own.shut) !== 0
  const executed = parseGtidSet(text(own.executed))
  const isReplica = link !== undefined && text(link.Source_Host) !== ''
  return {
    ...{ isShut, readOnly: Number(own.readOnly) !== 0, line, epoch: isShut ? 0 : line },
    ...{ executed, applied: { line, at: countGtids(executed) } },
    folder: text(own.folder).replace(/\/+$/, ''),
    receiving: isReplica ? receivingOf(link, await pulseOf(session, signal)) : undefined,
    lag: isReplica ? await lagOf(session, signal) : undefined,
  }
}

async function lineOf(session: Session, signal: AbortSignal): Promise<number> {
  try {
    const { line } = await session.one(
      `SELECT MAX(epoch) AS line FROM ${ownDatabase}.epoch`,
      signal,
    )
    return Number(line ?? 0)
  } catch (thrown) {
    const number = errnoOf(thrown)
    if (number === errors.noSuchTable || number === errors.noSuchDatabase) return 0
    throw thrown
  }
}

async function pulseOf(session: Session, signal: AbortSignal): Promise<string> {
  const [row] = await session.query(
    `SELECT COUNT_RECEIVED_HEARTBEATS AS beats, LAST_QUEUED_TRANSACTION AS last
      FROM performance_schema.replication_connection_status WHERE CHANNEL_NAME = ''`,
    signal,
  )
  return [row?.beats, row?.last].join(' ')
}

/** Of the worker that is furthest behind; of none that is busy, nothing. */
async function lagOf(session: Session, signal: AbortSignal): Promise<number | undefined> {
  const [row] = await session.query(
    `SELECT MAX(TIMESTAMPDIFF(MICROSECOND,
        APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP, NOW(6))) AS old
      FROM performance_schema.replication_applier_status_by_worker
      WHERE APPLYING_TRANSACTION <> '' AND CHANNEL_NAME = ''`,
    signal,
  )
  return row?.old == null ? undefined : Math.max(0, Number(row.old) / 1000)
}

const receivingOf = (row: Row, beats: string): Receiving => ({
  ...receivingAs(row, 'Source', 'Replica', beats),
  retrieved: parseGtidSet(text(row.Retrieved_Gtid_Set)),
})

/** All it has, applied or not. The last epoch counts once it is applied. */
export const receivedOf = ({ line, executed, receiving }: ServerStatus): Position => ({
  line,
  at: countGtids(receiving === undefined ? executed : unionGtids(executed, receiving.retrieved)),
})
