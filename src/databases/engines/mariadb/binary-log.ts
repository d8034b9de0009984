// What does a binary log, or a relay log, hold? Reads event headers; pure: bytes in, groups out.
// The format: "Replication Protocol" of the MariaDB documentation, and MySQL's "Binary Log Event".

import { magic, type ReadLog } from '../mysql-kin/log-pieces.ts'
import type { Gtid } from './gtid.ts'

const headerBytes = 19

const types = {
  query: 2,
  stop: 3,
  rotate: 4,
  format: 15,
  xid: 16,
  xaPrepare: 38,
  checkpoint: 161,
  gtid: 162,
  gtidList: 163,
  startEncryption: 164,
  queryCompressed: 165,
} as const

/** LOG_EVENT_BINLOG_IN_USE_F of the first event: nobody has closed this log. */
const inUse = 0x1
/** FL_STANDALONE of a GTID event: one statement that needs no COMMIT. */
const standalone = 0x1

/** A transaction in a log: all events from its GTID on. */
export interface Group {
  readonly gtid: Gtid
  /** The offset of its first byte in the file, and of the first one behind it. */
  readonly from: number
  readonly to: number
}

/** What was found in one file. */
export interface LogContent {
  /** Complete transactions, in order. */
  readonly groups: readonly Group[]
  /** What the logs before this one ended with. */
  readonly before: readonly Gtid[]
  /** The oldest log that held something unfinished, by the last word of this one on it. */
  readonly checkpoint: string | undefined
  /** Nobody has closed it: the server goes on, or has crashed. */
  readonly open: boolean
  /** Behind the last complete event. */
  readonly end: number
}

interface Begun {
  readonly gtid: Gtid
  readonly from: number
  readonly alone: boolean
}

/** Reads a whole log; `undefined` where it is none. Throws on one that is encrypted. */
export function readLog(read: ReadLog): LogContent | undefined {
  if (!read(0, magic.length).equals(magic)) return undefined
  const groups: Group[] = []
  let before: readonly Gtid[] = []
  let checkpoint: string | undefined
  let open = false
  let at = magic.length
  let begun: Begun | undefined
  for (;;) {
    const header = read(at, at + headerBytes)
    if (header.length < headerBytes) break
    const type = header.readUInt8(4)
    const length = header.readUInt32LE(9)
    const body = (most: number): Buffer => read(at + headerBytes, at + Math.min(length, most))
    if (length < headerBytes || read(at + length - 1, at + length).length === 0) break
    const end = at + length
    if (type === types.startEncryption) throw new Error('it is encrypted')
    if (type === types.format && at === magic.length) {
      open = (header.readUInt16LE(17) & inUse) !== 0
    }
    if (type === types.gtidList) before = gtidList(body(length))
    if (type === types.checkpoint) checkpoint = checkpointOf(body(length))
    if (type === types.gtid) begun = beginning(header, body(headerBytes + 13), at)
    else if (begun !== undefined && ends(type, begun, body)) {
      groups.push({ gtid: begun.gtid, from: begun.from, to: end })
      begun = undefined
    }
    at = end
  }
  return { groups, before, checkpoint, open, end: at }
}

/** Gtid_log_event: sequence (8 bytes), domain (4), flags (1); the server is in the header. */
const beginning = (header: Buffer, body: Buffer, from: number): Begun => ({
  gtid: {
    domain: body.readUInt32LE(8),
    server: header.readUInt32LE(5),
    seq: Number(body.readBigUInt64LE(0)),
  },
  from,
  alone: (body.readUInt8(12) & standalone) !== 0,
})

function ends(type: number, begun: Begun, body: (most: number) => Buffer): boolean {
  if (type === types.xid || type === types.xaPrepare) return true
  if (type !== types.query && type !== types.queryCompressed) return false
  return begun.alone || /(^|\0)(COMMIT|ROLLBACK)/.test(queryOf(body(4096)))
}

/** Query_event: thread (4), time (4), database's length (1), error (2), variables' length (2). */
function queryOf(body: Buffer): string {
  if (body.length < 13) return ''
  const from = 13 + body.readUInt16LE(11) + body.readUInt8(8) + 1
  return body.subarray(from).toString('latin1')
}

/** Binlog_checkpoint_log_event: the length of a name (4 bytes), and the name. */
const checkpointOf = (body: Buffer): string =>
  body.subarray(4, 4 + body.readUInt32LE(0)).toString('latin1')

/** Gtid_list_log_event: a count (28 bits), then domain (4), server (4) and sequence (8) of each. */
function gtidList(body: Buffer): readonly Gtid[] {
  const count = body.readUInt32LE(0) & 0xfffffff
  return Array.from({ length: count }, (_, index) => ({
    domain: body.readUInt32LE(4 + index * 16),
    server: body.readUInt32LE(8 + index * 16),
    seq: Number(body.readBigUInt64LE(12 + index * 16)),
  }))
}
