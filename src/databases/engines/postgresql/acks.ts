// Puts in force by whom a primary's writes are acknowledged, and knows when that is so.

import { ms } from '../../../foundation/time.ts'
import type { AckSet } from '../../model.ts'
import { untilSo } from './patience.ts'
import type { Server } from './server.ts'
import type { Session } from './session.ts'
import { acksIn, namesOf, noAcks } from './settings.ts'
import { areTaken } from './sight.ts'

const pollEvery = ms(20)

/**
 * Resolves when no commit is acknowledged by any other set any more. The server takes a new set in
 * three places at different moments: who waits, who wakes those that wait (one process for each
 * receiver, by its own copy of the set), and the switch that says whether anybody has to wait. What
 * a session shows says nothing of the other two: a try that was broken off may have come so far.
 */
export async function putAcks(server: Server, acks: AckSet, signal: AbortSignal): Promise<void> {
  const before = server.takeSettledAcks()
  await server.apply({ upstream: undefined, acks }, server.doors, signal)
  using fresh = await server.connect(signal)
  await untilSo(
    async () => (await namesInForce(fresh, signal)) === namesOf(acks),
    pollEvery,
    signal,
  )
  await untilSo(() => isTaken(fresh, acks, signal), pollEvery, signal)
  if (acks.needed > 0 && before?.needed !== acks.needed) {
    // A sender shows whether it counts, and not how many it asks for: one that begins anew asks as
    // the files say.
    if (before?.needed !== 0) await restartSenders(fresh, signal)
    // That switch is the checkpointer's: once it has done something else, it has read the files.
    if (before === undefined || before.needed === 0) await fresh.query('CHECKPOINT', signal)
  }
  // Another try may have begun beside one that was broken off.
  if (!signal.aborted) server.settledAcks = acks
}

/** The set in force now; nobody's where it is none of ours. */
export const acksOf = async (session: Session, signal: AbortSignal): Promise<AckSet> =>
  acksIn(await namesInForce(session, signal)) ?? noAcks

async function namesInForce(session: Session, signal: AbortSignal): Promise<string> {
  const { names } = await session.row(
    "SELECT current_setting('synchronous_standby_names') AS names",
    signal,
  )
  return String(names)
}

const senders = `SELECT application_name AS name, sync_priority AS priority
  FROM pg_stat_replication WHERE state IN ('streaming', 'catchup')`

/** A set that needs nobody may name members all the same: they only may take over. */
async function isTaken(
  session: Session,
  { members, needed }: AckSet,
  signal: AbortSignal,
): Promise<boolean> {
  const rows = await session.query(senders, signal)
  return areTaken(
    rows.map(({ name, priority }) => ({
      name: String(name),
      at: null,
      priority: Number(priority),
    })),
    needed === 0 ? [] : members,
  )
}

async function restartSenders(session: Session, signal: AbortSignal): Promise<void> {
  await session.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_replication
      WHERE state IN ('streaming', 'catchup')`,
    signal,
  )
}
