// Which waiting commits does a member of the set have already, though its acknowledgement was lost?
//
// A replica acknowledges what is sent to it. When its connection breaks after it has a transaction
// and before that is heard, or when it joins the set with the transaction in its log, it is not
// sent again, and is never acknowledged: the commit would wait for ever, and all others behind it.
// So who keeps the primary asks the members of the set, and tells the server what they have, as
// they would themselves: a replica that declares itself able to acknowledge and starts at a place
// in the log acknowledges everything before it.

import { basename } from 'node:path'
import { Fault } from '../../../foundation/fault.ts'
import type { Account } from '../../engine.ts'
import type { Position } from '../../model.ts'
import { comparePositions } from '../../position.ts'
import { Session, type Target } from '../mysql-kin/session.ts'
import { positionOf } from './gtid.ts'
import type { Logs } from './logs.ts'
import { binaryLog } from './settings.ts'

/** By this id the server knows the connection: no member's, and no primary's. */
const serverId = 4_294_967_290

const comBinlogDump = 0x12

/** Where the transaction at a position ends in the primary's log. */
export interface LogPlace {
  readonly file: string
  readonly offset: number
}

/**
 * Where the last transaction ends that somebody at `position` has; none if not in these logs. What
 * waits may have filled its log: then the newest one is behind it.
 */
export function placeOf(logs: Pick<Logs, 'unfinished'>, position: Position): LogPlace | undefined {
  for (const { path, groups } of logs.unfinished(binaryLog).toReversed()) {
    const group = groups.findLast(({ gtid }) => {
      const own = positionOf(gtid)
      return own.line === position.line && comparePositions(own, position) <= 0
    })
    if (group !== undefined) return { file: basename(path), offset: group.to }
  }
  return undefined
}

/** Tells the server, by this member's own account, that the member has all before this place. */
export async function acknowledge(
  target: Target,
  account: Account,
  { file, offset }: LogPlace,
  signal: AbortSignal,
): Promise<void> {
  using session = await Session.open(target, account, signal)
  await session.query(
    "SET @rpl_semi_sync_slave = 1, @mariadb_slave_capability = 4, @master_binlog_checksum = 'NONE'",
    signal,
  )
  const answer = await session.exchange(dumpPacket(file, offset), signal)
  // The fifth byte tells an event (0) from an error (0xff).
  if (answer[4] === 0xff) {
    throw new Fault(
      'failed',
      `the server takes no acknowledgement: ${answer.toString('latin1', 7)}`,
    )
  }
}

/** COM_BINLOG_DUMP: offset (4 bytes), flags (2), server id (4), and the log's name. */
function dumpPacket(file: string, offset: number): Buffer {
  const name = Buffer.from(file, 'latin1')
  const packet = Buffer.alloc(4 + 11 + name.length)
  packet.writeUIntLE(11 + name.length, 0, 3)
  packet.writeUInt8(comBinlogDump, 4)
  packet.writeUInt32LE(offset, 5)
  packet.writeUInt16LE(0, 9)
  packet.writeUInt32LE(serverId, 11)
  name.copy(packet, 15)
  return packet
}
