// Makes a server stand still: it receives from nobody, takes no writes, and has applied all it has.

import { closeSync, fdatasyncSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../../../foundation/fault.ts'
import { ms } from '../../../foundation/time.ts'
import type { Position } from '../../model.ts'
import { segmentName } from './lsn.ts'
import { pauseFor, untilSo } from './patience.ts'
import type { Server } from './server.ts'
import type { Session } from './session.ts'
import { noAcks } from './settings.ts'
import { lookAtRunning } from './sight.ts'
import { isForNow } from './trouble.ts'

const pollEvery = ms(5)

/** Whether a server that runs is a primary. Rejects if it does not answer. */
export async function isPrimary(server: Server, signal: AbortSignal): Promise<boolean> {
  const session = await server.session(signal)
  const { standby } = await session.row('SELECT pg_is_in_recovery() AS standby', signal)
  return standby === false
}

/**
 * A running primary, and one that does not answer, is ended: it comes back as a standby. One that
 * is only starting is a standby: nothing is ever started as anything else.
 */
export async function endUnlessStandby(server: Server, signal: AbortSignal): Promise<void> {
  if (server.options.host.observe().kind !== 'running') return
  const brief = AbortSignal.any([signal, AbortSignal.timeout(answerWithin)])
  const stays = await isPrimary(server, brief).then(
    (primary) => !primary,
    (thrown: unknown) => isForNow(thrown),
  )
  if (!stays) await server.endAbruptly(signal)
}

/** A server that does not say within this what it is, is ended: it may be one that hangs. */
const answerWithin = 2000

/** Resolves when it stands still, with everything on disk. Rejects with a `Fault`. */
export async function freeze(server: Server, signal: AbortSignal): Promise<void> {
  await endUnlessStandby(server, signal)
  await server.startStandby(undefined, signal)
  const [session] = await Promise.all([
    server.observer(signal),
    server.apply({ upstream: undefined, acks: noAcks }, 'open', signal),
  ])
  await untilSo(() => isQuiet(session, signal), pollEvery, signal)
  await settle(server, await allApplied(server, session, signal))
}

/** Nothing receives; what would is told to end, since it may otherwise wait for what is applied. */
async function isQuiet(session: Session, signal: AbortSignal): Promise<boolean> {
  const { pid } = await session.row(
    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver'",
    signal,
  )
  if (typeof pid !== 'number') return true
  try {
    process.kill(pid, 'SIGTERM')
  } catch (thrown) {
    if (systemCode(thrown) !== 'ESRCH') throw thrown
  }
  return false
}

/** Resolves once all whole records on disk are applied; whoever paused that is overruled. */
async function allApplied(
  server: Server,
  session: Session,
  signal: AbortSignal,
): Promise<Position> {
  for (;;) {
    const { paused } = await session.row('SELECT pg_is_wal_replay_paused() AS paused', signal)
    if (paused === true) await session.query('SELECT pg_wal_replay_resume()', signal)
    const { received } = await lookAtRunning(server, session, signal)
    if (received !== undefined) return received
    await pauseFor(pollEvery, signal)
  }
}

/** What was received has been put on disk by who received it; that is made sure of here. */
async function settle(server: Server, received: Position): Promise<void> {
  const path = join(
    server.wal,
    segmentName(received.line, received.at, await server.segmentBytes()),
  )
  try {
    const file = openSync(path, 'r')
    try {
      fdatasyncSync(file)
    } finally {
      closeSync(file)
    }
  } catch (thrown) {
    // At the end of a segment the next one may not have been made yet.
    if (systemCode(thrown) !== 'ENOENT') throw thrown
  }
}
