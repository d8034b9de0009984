// What is seen of a server at one moment? Asks one that runs, else reads its disk.

import type { Instant } from '../../../foundation/time.ts'
import { instant, ms } from '../../../foundation/time.ts'
import { blank } from '../../blank-sight.ts'
import type { MemberAddress, ServerSight } from '../../engine.ts'
import type { Position } from '../../model.ts'
import { comparePositions } from '../../position.ts'
import { troubleOf } from '../../trouble.ts'
import { sqlText } from './accounts.ts'
import { readControlFile } from './control-file.ts'
import { lineAt, parseLsn } from './lsn.ts'
import type { Server } from './server.ts'
import type { Row, Session } from './session.ts'
import { acksIn } from './settings.ts'
import { endOfLog, historyIn, isEndOfLog, WalReader } from './wal.ts'

const asText = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined
const asNumber = (value: unknown): number | undefined =>
  typeof value === 'number' ? value : undefined

/** All at once, so that it is of one moment as nearly as can be. */
const question = (admin: string): string => `
  SELECT s.standby,
    CASE WHEN s.standby THEN pg_last_wal_receive_lsn()::text END AS received,
    CASE WHEN s.standby THEN pg_last_wal_replay_lsn()::text END AS applied,
    CASE WHEN NOT s.standby THEN pg_current_wal_flush_lsn()::text END AS flushed,
    current_setting('synchronous_standby_names') AS names,
    r.status, r.received_tli AS line, r.sender_host AS host, r.sender_port AS port,
    (1000 * extract(epoch FROM clock_timestamp() - r.last_msg_receipt_time))::float8 AS heard,
    (1000 * extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()))::float8 AS old,
    (SELECT count(*)::int FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND usename <> ${sqlText(admin)}) AS clients,
    (SELECT coalesce(json_agg(json_build_object(
        'name', application_name, 'at', flush_lsn::text, 'priority', sync_priority)), '[]')
      FROM pg_stat_replication WHERE state IN ('streaming', 'catchup')) AS receivers
  FROM (SELECT pg_is_in_recovery() AS standby) s LEFT JOIN pg_stat_wal_receiver r ON true`

interface Receiver {
  readonly name: string
  readonly at: string | null
  readonly priority: number
}

/** Asks one that runs, on a session of its own that knows commands of replication. */
export async function lookAtRunning(
  server: Server,
  session: Session,
  signal: AbortSignal,
): Promise<ServerSight> {
  for (;;) {
    const before = await selfOf(session, signal)
    const row = await session.row(question(server.options.accounts.admin.user), signal)
    const { line, origin } = await selfOf(session, signal)
    // Between the two it went over to another history, or was promoted: what was seen is mixed.
    if (line !== before.line) continue
    const isReplica = row.standby === true
    const sight = isReplica ? replicaSight(server, row, line) : primarySight(server, row, line)
    return { ...(await sight), origin }
  }
}

/**
 * The timeline of the last record that it wrote, or applied, and which database it is of (protocol
 * docs, IDENTIFY_SYSTEM).
 */
async function selfOf(
  session: Session,
  signal: AbortSignal,
): Promise<{ readonly line: number; readonly origin: string }> {
  const { timeline, systemid } = await session.row('IDENTIFY_SYSTEM', signal)
  return { line: Number(timeline), origin: String(systemid) }
}

function primarySight(server: Server, row: Row, line: number): ServerSight {
  const at = parseLsn(asText(row.flushed)) ?? 0
  const history = historyIn(server.wal, line)
  const receivers = (row.receivers as readonly Receiver[]).flatMap(
    ({ name, at: text }): [string, Position][] => {
      const flushed = parseLsn(text)
      return flushed === undefined ? [] : [[name, { line: lineAt(history, flushed), at: flushed }]]
    },
  )
  const known = new Set(server.options.peers.map(({ member }) => member))
  const named = acksIn(asText(row.names) ?? '')
  const inForce =
    named !== undefined && areTaken(row.receivers as readonly Receiver[], named.members)
  return {
    ...blank,
    server: 'primary',
    writable: server.doors === 'open',
    received: { line, at },
    applied: { line, at },
    acks: inForce ? named : undefined,
    receivers: Object.fromEntries(receivers.filter(([name]) => known.has(name))),
    clients: asNumber(row.clients),
  }
}

/** Whether whoever sends to a member knows by now whether that one has to acknowledge. */
export const areTaken = (receivers: readonly Receiver[], members: readonly string[]): boolean =>
  receivers.every(({ name, priority }) => members.includes(name) === priority > 0)

async function replicaSight(server: Server, row: Row, line: number): Promise<ServerSight> {
  const applied = { line, at: parseLsn(asText(row.applied)) ?? 0 }
  const isStreaming = row.status === 'streaming'
  const now = server.options.now()
  const heard = asNumber(row.heard)
  // Without a stream there is what was applied, unless more lies on disk and waits for that.
  const isAll = isStreaming || (await hasAppliedAll(server, applied))
  const received = isStreaming ? streamed(server, row, applied) : isAll ? applied : undefined
  const isCurrent = received !== undefined && comparePositions(received, applied) <= 0
  const old = asNumber(row.old)
  return {
    ...blank,
    server: 'replica',
    received,
    applied,
    upstream: isStreaming ? upstreamOf(server.options.peers, row) : undefined,
    receivedAt: heard === undefined ? undefined : before(now, heard),
    lag: isStreaming && isCurrent ? ms(0) : old === undefined ? undefined : ms(Math.max(0, old)),
    clients: asNumber(row.clients),
  }
}

const before = (now: Instant, ago: number): Instant => instant(now - Math.max(0, ago))

const upstreamOf = (peers: readonly MemberAddress[], row: Row): string | undefined =>
  peers.find(({ host, port }) => host === row.host && port === row.port)?.member

/** What a stream has put on disk: on connecting it counts from the beginning of a segment. */
function streamed(server: Server, row: Row, applied: Position): Position {
  const at = parseLsn(asText(row.received)) ?? 0
  const line = asNumber(row.line) ?? applied.line
  const position = { line: lineAt(historyIn(server.wal, line), at), at }
  return comparePositions(position, applied) > 0 ? position : applied
}

/** Whether no whole record is on disk beyond this one's end. */
export async function hasAppliedAll(server: Server, applied: Position): Promise<boolean> {
  return isEndOfLog(server.wal, await server.segmentBytes(), applied)
}

/** Reads the disk of one that does not run. */
export async function lookAtStopped(server: Server): Promise<ServerSight> {
  switch (server.holding) {
    case 'nothing':
      return blank
    case 'half':
      return { ...blank, why: 'its data is half rewound: it has to be copied anew' }
    case 'other':
      return { ...blank, server: 'broken', ...troubleOf(server.notOurs) }
    case 'data': {
      const position = await stoppedPosition(server)
      const origin = (await readControlFile(server.data))?.systemId
      return { ...blank, server: 'stopped', received: position, applied: position, origin }
    }
  }
}

/** All that a server which was stopped cleanly has; of another only a start can tell. */
export async function stoppedPosition(server: Server): Promise<Position | undefined> {
  const control = await readControlFile(server.data)
  if (control === undefined || control.state === 'not-shut-down') return undefined
  const { checkpoint, minRecovery, segmentBytes } = control
  if (control.state === 'shut-down') {
    using reader = new WalReader(server.wal, segmentBytes)
    const record = reader.recordAt(checkpoint.line, checkpoint.at)
    return record === undefined ? undefined : { line: checkpoint.line, at: record.end }
  }
  return minRecovery === undefined ? undefined : endOfLog(server.wal, segmentBytes, minRecovery)
}
