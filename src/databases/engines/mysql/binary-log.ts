// What does a binary log of MySQL hold? Reads headers and GTID events; pure: bytes in, groups out.
// The format: MySQL Internals, "Binary Log Event"; of the GTID event the source's reference,
// `mysql::binlog::event::Gtid_event`.

import { Fault } from '../../../foundation/fault.ts'
import { afterNumber, numberAt } from '../../../wire/mysql/packets.ts'
import { type LoggedGroup, magic, type ReadGroups } from '../mysql-kin/log-pieces.ts'

const headerBytes = 19

/** Types of events. */
export const types = {
  ...{ stop: 3, rotate: 4, heartbeat: 27, gtid: 33, anonymous: 34, previousGtids: 35 },
  ...{ longHeartbeat: 41, taggedGtid: 42 },
} as const

/** More than a GTID event ever has before the length of its transaction. */
const gtidHeadMost = 128

/** A GTID event: who, and how long the whole transaction is, this event as well. */
interface GtidEvent {
  readonly gtid: string
  readonly length: number
  /** By the clock of who committed it here, in whole seconds. */
  readonly second: number
}

/**
 * Flags (1), UUID (16), number (8), kind of clock (1), last committed (8), sequence number (8);
 * then the time of the commit in microseconds (7; its highest bit says that the original's
 * follows), and the length of the transaction as a number of 1 to 9 bytes, written since 8.0.2.
 */
export function readGtidEvent(event: Buffer): GtidEvent {
  const body = event.subarray(headerBytes)
  const hex = body.toString('hex', 1, 17)
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)]
  const gtid = `${uuid.join('-')}-${hex.slice(20)}:${body.readBigUInt64LE(17)}`
  const micros = body.readUIntLE(42, 4) + (body.readUIntLE(46, 3) & 0x7fffff) * 2 ** 32
  const at = (body.readUInt8(48) & 0x80) === 0 ? 49 : 56
  const length = numberAt(body, at, body.length)
  if (length === undefined || afterNumber(body, at) > body.length) {
    throw new Fault('corrupt', 'a transaction of the log does not say how long it is')
  }
  return { gtid, length, second: Math.floor(micros / 1_000_000) }
}

/** Throws where a transaction could not be told from others by its source and number alone. */
export function mustBePlain(type: number): void {
  if (type === types.anonymous) {
    throw new Fault('unsupported', 'the log has a transaction without a GTID', {
      remedy: 'find out who changed `gtid_mode`, and make a new database of a dump',
    })
  }
  if (type !== types.taggedGtid) return
  throw new Fault('unsupported', 'the log has GTIDs with tags, which backups do not know', {
    remedy: 'let nobody set `gtid_next` to AUTOMATIC:<tag>, and begin again with a new base',
  })
}

/** The complete transactions of a log, in order; none of what is no log. */
export const readGroups: ReadGroups = function* (read, from): Generator<LoggedGroup> {
  if (from === 0 && !read(0, magic.length).equals(magic)) return
  let at: number = Math.max(from, magic.length)
  for (;;) {
    const header = read(at, at + headerBytes)
    if (header.length < headerBytes) return
    const [type, length] = [header.readUInt8(4), header.readUInt32LE(9)]
    mustBePlain(type)
    let next = at + Math.max(length, headerBytes)
    if (type === types.gtid) {
      const event = read(at, Math.min(next, at + gtidHeadMost))
      if (event.length < Math.min(length, gtidHeadMost)) return
      const { gtid, length: all, second } = readGtidEvent(event)
      next = at + all
      if (read(next - 1, next).length === 0) return
      yield { gtid, from: at, to: next, second }
    }
    at = next
  }
}
