// Asks a MariaDB for its log as a replica does: COM_BINLOG_DUMP, from a GTID on.

import type { Instant } from '../../../foundation/time.ts'
import type { LogNews } from '../../backups/engine.ts'
import type { BackupStore } from '../../backups/store.ts'
import type { OpenSession } from '../mysql-kin/backups.ts'
import { pieceNames } from '../mysql-kin/log-pieces.ts'
import {
  heartbeat,
  keepLog,
  type LogDialect,
  NothingSent,
  receiverId,
} from '../mysql-kin/log-receiver.ts'
import { readOutline } from '../mysql-kin/outline.ts'
import { errors, literal } from '../mysql-kin/session.ts'
import { parseGtids } from './gtid.ts'
import { readGroups } from './log-chain.ts'

const comBinlogDump = 0x12

/** Types of events ("Replication Protocol" of the MariaDB documentation). */
const types = { stop: 3, rotate: 4, heartbeat: 27, gtid: 162, gtidList: 163 }

const dialect: LogDialect = {
  heartbeats: [types.heartbeat],
  passedOver: [types.rotate, types.stop, types.gtidList],
  gtidOf: (event) =>
    event.readUInt8(4) === types.gtid
      ? `${event.readUInt32LE(27)}-${event.readUInt32LE(5)}-${event.readBigUInt64LE(19)}`
      : undefined,
  after(before, runs) {
    const newest = runs.at(-1)
    return newest === undefined ? before : `${newest.source}${newest.last}`
  },
}

/** The last transaction that is kept and that this server has, too: it goes on from there. */
async function resumeAt(store: BackupStore, state: string): Promise<string | undefined> {
  const has = new Map(parseGtids(state).map(({ server, seq }) => [server, seq]))
  for (const name of (await pieceNames(store)).toReversed()) {
    const { runs, after } = await readOutline(store, name, readGroups)
    for (const { source, first, last } of runs.toReversed()) {
      const [own] = parseGtids(`${source}${first}`)
      const seq = own === undefined ? 0 : (has.get(own.server) ?? 0)
      if (seq >= first) return `${source}${Math.min(seq, last)}`
    }
    const [own] = parseGtids(after)
    if (own !== undefined && (has.get(own.server) ?? 0) >= own.seq) return after
  }
  return undefined
}

/**
 * Receives until the signal ends it, or the connection does; then rejects. Where the server has no
 * more of what would come next, it goes on from where the server is: that is a gap, from whose
 * other side it is asked for again, since that is the newest piece.
 */
export async function receiveLog(
  open: OpenSession,
  store: BackupStore,
  now: () => Instant,
  told: (news: LogNews) => void,
  signal: AbortSignal,
): Promise<never> {
  const keep = async (from: 'what is kept' | 'now'): Promise<never> => {
    using session = await open()
    const { state, at } = await session.one(
      'SELECT @@global.gtid_binlog_state AS state, @@global.gtid_binlog_pos AS at',
      signal,
    )
    const kept = from === 'now' ? undefined : await resumeAt(store, String(state))
    const after = kept ?? String(at)
    for (const statement of [
      'SET @mariadb_slave_capability = 4',
      'SET @master_binlog_checksum = @@global.binlog_checksum',
      `SET @master_heartbeat_period = ${heartbeat}`,
      `SET @slave_connect_state = ${literal(after)}`,
      'SET @slave_gtid_strict_mode = 1',
    ]) {
      await session.query(statement, signal)
    }
    const wanted = { request: dumpPacket(), after }
    return await keepLog(session, wanted, dialect, store, now, told, signal)
  }
  try {
    return await keep('what is kept')
  } catch (thrown) {
    if (!(thrown instanceof NothingSent) || thrown.errno !== errors.masterFatal) throw thrown
    return await keep('now')
  }
}

/** COM_BINLOG_DUMP: offset (4 bytes), flags (2), server id (4), and no name: by GTID. */
function dumpPacket(): Buffer {
  const packet = Buffer.alloc(4 + 11)
  packet.writeUIntLE(11, 0, 3)
  packet.writeUInt8(comBinlogDump, 4)
  packet.writeUInt32LE(4, 5)
  packet.writeUInt32LE(receiverId, 11)
  return packet
}
