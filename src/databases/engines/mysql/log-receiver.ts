// Asks a MySQL for its log as a replica does: COM_BINLOG_DUMP_GTID (MySQL Internals), which sends
// everything but a set of transactions.

import type { Instant } from '../../../foundation/time.ts'
import { packetOf } from '../../../wire/mysql/packets.ts'
import type { LogNews } from '../../backups/engine.ts'
import type { BackupStore } from '../../backups/store.ts'
import type { OpenSession } from '../mysql-kin/backups.ts'
import { pieceNames } from '../mysql-kin/log-pieces.ts'
import { heartbeat, keepLog, type LogDialect, receiverId } from '../mysql-kin/log-receiver.ts'
import { readOutline } from '../mysql-kin/outline.ts'
import { mustBePlain, readGroups, readGtidEvent, types } from './binary-log.ts'
import { type GtidSet, parseGtidSet } from './gtid-set.ts'
import { afterThose, resumeFrom } from './log-chain.ts'

const comBinlogDumpGtid = 0x1e

const dialect: LogDialect = {
  heartbeats: [types.heartbeat, types.longHeartbeat],
  passedOver: [types.rotate, types.stop, types.previousGtids],
  gtidOf(event) {
    const type = event.readUInt8(4)
    mustBePlain(type)
    return type === types.gtid ? readGtidEvent(event).gtid : undefined
  },
  after: afterThose,
}

/** Receives until the signal ends it, or the connection does; then rejects. */
export async function receiveLog(
  open: OpenSession,
  store: BackupStore,
  now: () => Instant,
  told: (news: LogNews) => void,
  signal: AbortSignal,
): Promise<never> {
  using session = await open()
  const { executed, purged } = await session.one(
    'SELECT @@global.gtid_executed AS executed, @@global.gtid_purged AS purged',
    signal,
  )
  const name = (await pieceNames(store)).at(-1)
  const newest = name === undefined ? undefined : await readOutline(store, name, readGroups)
  const after = resumeFrom(newest, String(executed), String(purged)) ?? String(executed)
  // By both names: which of them a server reads depends on its version (8.0.26).
  for (const role of ['master', 'source']) {
    await session.query(`SET @${role}_binlog_checksum = @@global.binlog_checksum`, signal)
    await session.query(`SET @${role}_heartbeat_period = ${heartbeat}`, signal)
  }
  const wanted = { request: dumpPacket(parseGtidSet(after)), after }
  return await keepLog(session, wanted, dialect, store, now, told, signal)
}

/**
 * Flags (2 bytes), server id (4), length of a name (4) and none, position (8), length of the set
 * (4), and the set.
 */
export function dumpPacket(after: GtidSet): Buffer {
  const set = encoded(after)
  const head = Buffer.alloc(1 + 2 + 4 + 4 + 8 + 4)
  head.writeUInt8(comBinlogDumpGtid, 0)
  head.writeUInt32LE(receiverId, 3)
  head.writeBigUInt64LE(4n, 11)
  head.writeUInt32LE(set.length, 19)
  return packetOf(0, Buffer.concat([head, set]))
}

/** How many sources; of each its UUID, how many intervals, and those: the end is not in them. */
function encoded(set: GtidSet): Buffer {
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(BigInt(value))
    return bytes
  }
  const sources = [...set].map(([source, intervals]) =>
    Buffer.concat([
      Buffer.from(source.replaceAll('-', ''), 'hex'),
      number(intervals.length),
      ...intervals.flatMap(([first, last]) => [number(first), number(last + 1)]),
    ]),
  )
  return Buffer.concat([number(set.size), ...sources])
}
