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

/** An event that is there whole. */
interface LogEvent {
  readonly type: number
  readonly header: Buffer
  /** What follows the header, up to so many bytes of the whole. */
  readonly body: (most: number) => Buffer
  readonly at: number
  readonly end: number
}

/** Reads a whole log; `undefined` where it is none. Throws on one that is encrypted. */
export function readLog(read: ReadLog): LogContent | undefined {
  if (!read(0, magic.length).equals(magic)) return undefined
  const groups: Group[] = []
  const groupOf = grouping()
  let before: readonly Gtid[] = []
  let checkpoint: string | undefined
  let open = false
  let end = magic.length
  for (const event of eventsFrom(read, magic.length)) {
    const { type, header, body, at } = event
    if (type === types.format && at === magic.length) {
      open = (header.readUInt16LE(17) & inUse) !== 0
    }
    if (type === types.gtidList) before = gtidList(body(Number.POSITIVE_INFINITY))
    if (type === types.checkpoint) checkpoint = checkpointOf(body(Number.POSITIVE_INFINITY))
    const group = groupOf(event)
    if (group !== undefined) groups.push(group)
    end = event.end
  }
  return { groups, before, checkpoint, open, end }
}

/**
 * The complete transactions from an offset on, which is 0 or behind one of them, as they are
 * reached; none of what is no log. Throws on one that is encrypted.
 */
export function* groupsFrom(read: ReadLog, from: number): Generator<Group> {
  if (from === 0 && !read(0, magic.length).equals(magic)) return
  const groupOf = grouping()
  for (const event of eventsFrom(read, Math.max(from, magic.length))) {
    const group = groupOf(event)
    if (group !== undefined) yield group
  }
}

function* eventsFrom(read: ReadLog, from: number): Generator<LogEvent> {
  for (let at = from; ; ) {
    const header = read(at, at + headerBytes)
    if (header.length < headerBytes) return
    const type = header.readUInt8(4)
    const length = header.readUInt32LE(9)
    if (length < headerBytes || read(at + length - 1, at + length).length === 0) return
    if (type === types.startEncryption) throw new Error('it is encrypted')
    const begin = at
    const body = (most: number): Buffer => read(begin + headerBytes, begin + Math.min(length, most))
    at += length
    yield { type, header, body, at: begin, end: at }
  }
}

/** Takes event by event, and gives a transaction with the one that ends it. */
function grouping(): (event: LogEvent) => Group | undefined {
  let begun: Begun | undefined
  return ({ type, header, body, at, end }) => {
    if (type === types.gtid) {
      begun = beginning(header, body(headerBytes + 13), at)
      return undefined
    }
    if (begun === undefined || !ends(type, begun, body)) return undefined
    const { gtid, from } = begun
    begun = undefined
    return { gtid, from, to: end }
  }
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
