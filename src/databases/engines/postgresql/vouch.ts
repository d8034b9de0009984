// Who has what this primary writes just now? Asked by a guard whose agent is silent.

import { setTimeout as pause } from 'node:timers/promises'
import type { FindVouchers } from '../../engine.ts'
import { Session } from './session.ts'

const pollEvery = 20

/** Writes a message that nobody reads into the log, and waits for who confirms to have it. */
export const findPostgresVouchers: FindVouchers = async (where, members, signal) => {
  const { socket, port, account } = where
  const folder = socket.replace(/\/\.s\.PGSQL\.\d+$/, '')
  using session = await Session.open({ host: folder, port, account, database: 'postgres' }, signal)
  // It has to be on this disk before it can be on another; it is not to wait for those it asks for.
  await session.query('SET synchronous_commit = local', signal)
  const { at } = await session.row(
    "SELECT pg_logical_emit_message(true, 'alwayson', 'still here')::text AS at",
    signal,
  )
  let found: readonly string[] = []
  try {
    while (found.length < members.length) {
      const rows = await session.query(
        `SELECT DISTINCT application_name AS name FROM pg_stat_replication
          WHERE flush_lsn >= $1::pg_lsn AND application_name = ANY ($2)`,
        signal,
        [at, members],
      )
      found = rows.map(({ name }) => String(name))
      if (found.length < members.length) await pause(pollEvery, undefined, { signal })
    }
  } catch (thrown) {
    // Time is over: those that have confirmed by then are the answer.
    if (!signal.aborted) throw thrown
  }
  return found
}
