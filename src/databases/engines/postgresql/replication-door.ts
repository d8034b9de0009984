// How do backups come to a member? Over the network, as the account that replicas receive by.

import { Fault } from '../../../foundation/fault.ts'
import type { Instant } from '../../../foundation/time.ts'
import type { Account, MemberAddress } from '../../engine.ts'
import type { DialTls } from '../../member-tls.ts'
import type { Position } from '../../model.ts'
import { parseHistory, parseLsn, type TimelineHistory } from './lsn.ts'
import { type Door, type Row, Session } from './session.ts'
import { archiveSlot } from './settings.ts'
import { ensureSlot } from './slots.ts'

/** What a server says of its history. */
export interface ServerHistory {
  readonly systemId: string
  readonly position: Position
  readonly history: TimelineHistory
  /** The file of its timeline, as it is; the first one has none. */
  readonly historyText: string | undefined
}

export interface ServerFacts {
  readonly major: number
  readonly version: string
  readonly segmentBytes: number
  readonly now: Instant
}

/** Bytes of `16MB`, `1GB`: settings in units (config docs, 20.1.1). */
function bytesOf(setting: string): number {
  const match = /^(\d+)(kB|MB|GB)?$/.exec(setting)
  const unit = { kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }[match?.[2] ?? ''] ?? 1
  return Number(match?.[1]) * unit
}

export class ReplicationDoor {
  readonly #account: Account
  readonly #tls: DialTls | undefined
  readonly now: () => Instant
  readonly slot = archiveSlot

  constructor(account: Account, now: () => Instant, tls: DialTls | undefined) {
    this.#account = account
    this.#tls = tls
    this.now = now
  }

  /** For commands of replication alone. */
  open(member: MemberAddress, signal: AbortSignal): Promise<Session> {
    return Session.open({ ...this.#doorOf(member, 'postgres'), replication: 'true' }, signal)
  }

  /** For questions. */
  openSql(member: MemberAddress, signal: AbortSignal, database = 'postgres') {
    return Session.open(this.#doorOf(member, database), signal)
  }

  #doorOf({ host, port }: MemberAddress, database: string): Door {
    return { host, port, account: this.#account, database, tls: this.#tls?.() }
  }

  async ask(session: Session, signal: AbortSignal): Promise<ServerHistory> {
    const self = await session.row('IDENTIFY_SYSTEM', signal)
    const line = Number(self.timeline)
    const position = { line, at: parseLsn(String(self.xlogpos)) ?? 0 }
    const systemId = String(self.systemid)
    if (line === 1) {
      return { systemId, position, history: { line, ancestors: [] }, historyText: undefined }
    }
    const { content } = await session.row(`TIMELINE_HISTORY ${line}`, signal)
    const text = textOf(content)
    return { systemId, position, history: parseHistory(line, text), historyText: text }
  }

  async facts(member: MemberAddress, signal: AbortSignal): Promise<ServerFacts> {
    using session = await this.openSql(member, signal)
    return await factsOf(session, signal)
  }

  /** Has the primary keep what is not received yet; returns the size of its segments. */
  async ensureSlot(primary: MemberAddress, signal: AbortSignal): Promise<number> {
    using session = await this.openSql(primary, signal)
    const { active } = await session.row(
      'SELECT active FROM pg_replication_slots WHERE slot_name = $1',
      signal,
      [this.slot],
    )
    if (active === true) {
      throw new Fault('in-use', `somebody else receives the log of ${primary.member}`, {
        remedy: 'let only one machine make backups of a database',
      })
    }
    await ensureSlot(session, this.slot, signal)
    return (await factsOf(session, signal)).segmentBytes
  }

  /** What nobody receives any more would fill the disk; false while somebody does. */
  async dropSlot(primary: MemberAddress, signal: AbortSignal): Promise<boolean> {
    using session = await this.openSql(primary, signal)
    await session.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
        WHERE slot_name = $1 AND NOT active`,
      signal,
      [this.slot],
    )
    const left = await session.query(
      'SELECT FROM pg_replication_slots WHERE slot_name = $1',
      signal,
      [this.slot],
    )
    return left.length === 0
  }
}

async function factsOf(session: Session, signal: AbortSignal): Promise<ServerFacts> {
  const row: Row = await session.row(
    `SELECT current_setting('server_version_num')::int AS number,
            current_setting('server_version') AS version,
            current_setting('wal_segment_size') AS segment,
            (1000 * extract(epoch FROM clock_timestamp()))::float8 AS now`,
    signal,
  )
  return {
    major: Math.floor(Number(row.number) / 10_000),
    version: String(row.version),
    segmentBytes: bytesOf(String(row.segment)),
    now: Number(row.now) as Instant,
  }
}

function textOf(content: unknown): string {
  const text = Buffer.isBuffer(content) ? content.toString('utf8') : String(content)
  return text.startsWith('\\x') ? Buffer.from(text.slice(2), 'hex').toString('utf8') : text
}
