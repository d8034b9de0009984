// What does a server say of itself? The few questions that everything else is decided by.

import type { Position } from '../../model.ts'
import { comparePositions } from '../../position.ts'
import type { KinReceiving } from '../mysql-kin/kin.ts'
import { receivingOf as receivingAs, text } from '../mysql-kin/receiving.ts'
import type { Row, Session } from '../mysql-kin/session.ts'
import { epochOf, furthest } from './gtid.ts'

/** How a replica stands to whom it receives from (`SHOW ALL SLAVES STATUS`). */
export interface Receiving extends KinReceiving {
  /** It comes under TLS. */
  readonly tls: boolean
  /** What it has in its relay log, by its own account; nothing after a start. */
  readonly ioPosition: string
  readonly usesGtid: boolean
  readonly secondsBehind: number | undefined
}

export interface ServerStatus {
  readonly readOnly: boolean
  readonly serverId: number
  /** The epoch it is primary at; 0 for a replica. */
  readonly epoch: number
  readonly binlogPosition: string
  readonly slavePosition: string
  readonly applied: Position
  readonly semiSync: boolean
  readonly folder: string
  readonly receiving: Receiving | undefined
}

/** Asks one server. The trap: with an aggregate over a table `@@read_only` is always 0. */
export async function readStatus(session: Session, signal: AbortSignal): Promise<ServerStatus> {
  const own = await session.one(
    `SELECT @@global.read_only AS readOnly, @@global.server_id AS serverId,
      @@global.gtid_binlog_pos AS logged, @@global.gtid_slave_pos AS slave,
      @@global.rpl_semi_sync_master_enabled AS semiSync, @@global.datadir AS folder`,
    signal,
  )
  const [link] = await session.query('SHOW ALL SLAVES STATUS', signal)
  const serverId = Number(own.serverId)
  return {
    readOnly: Number(own.readOnly) !== 0,
    serverId,
    epoch: epochOf(serverId),
    binlogPosition: text(own.logged),
    slavePosition: text(own.slave),
    applied: furthest(text(own.logged), text(own.slave)),
    semiSync: Number(own.semiSync) !== 0,
    folder: text(own.folder).replace(/\/+$/, ''),
    receiving: link === undefined || text(link.Master_Host) === '' ? undefined : receivingOf(link),
  }
}

const receivingOf = (row: Row): Receiving => ({
  ...receivingAs(row, 'Master', 'Slave', row.Slave_received_heartbeats),
  tls: text(row.Master_SSL_Allowed) === 'Yes',
  ioPosition: text(row.Gtid_IO_Pos),
  usesGtid: text(row.Using_Gtid) !== 'No',
  secondsBehind: row.Seconds_Behind_Master == null ? undefined : Number(row.Seconds_Behind_Master),
})

/** What it has applied or has in its relay log, as far as the server itself says. */
export function receivedOf({ applied, receiving }: ServerStatus): Position {
  const said = furthest(receiving?.ioPosition ?? '')
  return comparePositions(said, applied) > 0 ? said : applied
}

/** The error numbers by which a replica finds that its history is not the primary's. */
const divergences: ReadonlySet<number> = new Set([
  1032, // a row that was changed there is not here
  1062, // a row that was added there is here already
  1236, // the primary does not have what this replica starts from
  1590, // the primary tells of events that it cannot send
  1944, // a position that is not in the primary's log, by sequence
  1945, // a position that is not in the primary's log
  1950, // a sequence number that is out of order
  1955, // a position that the primary's log does not have any more
])

/** What it has is not a part of the history of whom it was told to follow. */
export const isDiverged = ({ receiving }: ServerStatus): boolean =>
  receiving !== undefined &&
  (divergences.has(receiving.ioError.number) || divergences.has(receiving.sqlError.number))
