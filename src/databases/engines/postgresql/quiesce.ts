// Ends a server as planned: nobody new is let in, what is under way ends, and replicas get it all.

import { type Milliseconds, ms } from '../../../foundation/time.ts'
import { acksOf } from './acks.ts'
import { pauseFor } from './patience.ts'
import type { Server } from './server.ts'
import type { Session } from './session.ts'
import { noAcks } from './settings.ts'

const pollEvery = ms(10)
/** Replicas get what is left while the server stops; one that hangs is given up after this. */
const stopWithin = ms(10_000)

/** Resolves when it has stopped. Rejects with a `Fault`. */
export async function quiesce(
  server: Server,
  patience: Milliseconds,
  signal: AbortSignal,
): Promise<void> {
  if (server.options.host.observe().kind === 'running') {
    const session = await server.session(signal)
    const { standby } = await session.row('SELECT pg_is_in_recovery() AS standby', signal)
    if (standby === true) {
      const { upstream } = server.course
      await server.apply({ upstream, acks: noAcks }, 'closed', signal)
      await dismiss(server, session, patience, signal)
    } else {
      const acks = await acksOf(session, signal)
      await server.apply({ upstream: undefined, acks }, 'closed', signal)
      // The less there is to write, the shorter is the stop.
      using writer = await server.connect(signal)
      const written = writer.query('CHECKPOINT', signal)
      await Promise.all([written, dismiss(server, session, patience, signal)])
    }
  }
  await server.endCleanly(stopWithin, signal)
}

const clients = `backend_type = 'client backend' AND pid <> pg_backend_pid() AND usename <> $1`

/** Ends sessions between two transactions, and at last also those in the middle of one. */
async function dismiss(
  server: Server,
  session: Session,
  patience: Milliseconds,
  signal: AbortSignal,
): Promise<void> {
  const { now, accounts } = server.options
  const us = [accounts.admin.user]
  const deadline = now() + patience
  for (;;) {
    const rows = await session.query(
      `SELECT state <> 'idle' AS busy,
         CASE WHEN state = 'idle' THEN pg_terminate_backend(pid) END AS ended
        FROM pg_stat_activity WHERE ${clients}`,
      signal,
      us,
    )
    if (rows.length === 0) return
    if (now() >= deadline) break
    await pauseFor(pollEvery, signal)
  }
  await session.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${clients}`,
    signal,
    us,
  )
}
