// How does a member come to follow a primary: from where it is, cut back, or as a copy?

import { setTimeout as pause } from 'node:timers/promises'
import { Fault } from '../../../foundation/fault.ts'
import type { FollowOrder } from '../../engine.ts'
import { reaches } from '../../position.ts'
import { readMark } from '../mysql-kin/data-folder.ts'
import { putInPlace } from '../mysql-kin/drafts.ts'
import { letIn } from '../mysql-kin/quiesce.ts'
import { isLockedOut } from '../mysql-kin/receiving.ts'
import type { Session } from '../mysql-kin/session.ts'
import { approach } from '../mysql-kin/source.ts'
import { makeClone } from './clone.ts'
import { formatGtid, furthest, furthestGtid } from './gtid.ts'
import { mark } from './install.ts'
import { mariadb } from './kin.ts'
import type { Logs } from './logs.ts'
import { dropPending, pendingLogs } from './pending.ts'
import { applyReceived, changeRole, receiveFrom } from './replication.ts'
import type { MariadbServer } from './server.ts'
import { binaryLog, relayLog } from './settings.ts'
import { startAsReplica } from './start.ts'
import { readStatus } from './status.ts'
import { type History, historyOf, isPart, keepTail, type TailPart, tailOf } from './tail.ts'

/** Carries out an order to follow. Nothing is touched before the primary has answered. */
export async function rejoin(
  server: MariadbServer,
  logs: Logs,
  order: FollowOrder,
  signal: AbortSignal,
): Promise<void> {
  const { options } = server
  const { primary } = order
  const approached = await approach(mariadb, server, primary, signal)
  using source = approached.source
  const { state, identity, role } = approached
  const history = await historyOf(source, signal)
  const way = state.kind === 'absent' ? 'clone' : order.way
  const isNew = way === 'clone' || !(await keepsData(server, logs, history, order, signal))
  if (isNew) await clone(server, logs, { source, identity, history, order }, signal)
  const session = await server.session(signal)
  await letIn(session, server, signal)
  await receiveFrom(session, { primary, role }, options, signal)
  if (readMark(options.data)?.identity !== identity) mark(server, options.data, identity)
  if (isNew) await untilRepeated(server, logs, history, order, signal)
}

/** A copy is one when it has what the primary had when it was begun. */
async function untilRepeated(
  server: MariadbServer,
  logs: Logs,
  history: History,
  { primary, progress }: FollowOrder,
  signal: AbortSignal,
): Promise<void> {
  const session = await server.session(signal)
  const goal = furthest(history.map(formatGtid).join(','))
  for (;;) {
    const status = await readStatus(session, signal)
    const { applied, receiving } = status
    if (reaches(applied, goal)) return
    // Writes did not wait for it, since it was not there in time: it has left the set.
    if (isLockedOut(mariadb, status))
      await changeRole(session, logs, primary, server.options, signal)
    const error = [receiving?.ioError, receiving?.sqlError].find((each) => (each?.number ?? 0) > 0)
    if (error !== undefined && receiving?.io !== 'Connecting') {
      throw new Fault('failed', `the copy cannot repeat what the primary did: ${error.text}`, {
        remedy: 'read its server.log; it is tried again',
      })
    }
    progress({ step: 'repeats the primary', done: applied.at, of: goal.at })
    await pause(20, undefined, { signal })
  }
}

/**
 * Starts the server with what it has; `false` where that is no part of the primary's history, and
 * cannot be cut back to it. Whatever would be lost is kept first.
 */
async function keepsData(
  server: MariadbServer,
  logs: Logs,
  history: History,
  order: FollowOrder,
  signal: AbortSignal,
): Promise<boolean> {
  await stopPrimary(server, signal)
  await startAsReplica(server, logs, signal)
  const session = await server.session(signal)
  await applyReceived(session, logs, signal)
  const { binlogPosition } = await readStatus(session, signal)
  const last = furthestGtid(binlogPosition)
  if (order.way === 'rewind' && last !== undefined && !isPart(last, history)) return false
  await setAside(server, tailOf(pendingLogs(server), binaryLog, history), order, signal)
  dropPending(server)
  return true
}

/** A primary ends at once, so that what it did not get acknowledged can still be cut off. */
async function stopPrimary(server: MariadbServer, signal: AbortSignal): Promise<void> {
  if (!server.isRunning) return
  if (await server.isAnswering(signal)) {
    const status = await readStatus(await server.session(signal), signal)
    const isHere = status.folder === server.options.data
    if (isHere && status.epoch === 0 && status.readOnly) return
  }
  await server.kill()
}

async function setAside(
  server: MariadbServer,
  tail: readonly TailPart[],
  { label, primary }: FollowOrder,
  signal: AbortSignal,
): Promise<void> {
  if (tail.length === 0) return
  const folder = await keepTail(server, tail, { label, primary: primary.member }, signal)
  server.options.event('set-aside', `what ${primary.member} does not have is kept in ${folder}`)
}

async function clone(
  server: MariadbServer,
  logs: Logs,
  parts: {
    readonly source: Session
    readonly identity: string
    readonly history: History
    readonly order: FollowOrder
  },
  signal: AbortSignal,
): Promise<void> {
  const { source, identity, history, order } = parts
  if (server.isRunning) await server.kill()
  const all = [pendingLogs(server), logs].flatMap((each) => [
    ...tailOf(each, binaryLog, history),
    ...tailOf(each, relayLog, history),
  ])
  await setAside(server, all, order, signal)
  const { primary, progress } = order
  await makeClone({ server, primary, source, identity, progress }, signal)
  putInPlace(server.options.data)
  dropPending(server)
  await server.start('MASTER', signal)
}
