// Who has what this primary writes just now? Asked by a guard whose agent is silent.

import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { FindVouchers, VouchPlan } from '../../engine.ts'
import { readTlsFiles } from '../../member-tls.ts'
import type { Bind, Position } from '../../model.ts'
import { comparePositions, reaches } from '../../position.ts'
import { type Kin, ownDatabase } from './kin.ts'
import { socketName } from './server.ts'
import { reached, Session } from './session.ts'

const pollEvery = 20

/**
 * Writes a row that nobody reads, and asks the replicas themselves who has it: the server does not
 * say. Who cannot be asked does not vouch.
 */
export const vouchersBy =
  (kin: Kin): FindVouchers =>
  (where, members, signal) =>
    findVouchers(kin, where, members, signal)

async function findVouchers(
  kin: Kin,
  where: VouchPlan,
  members: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const target = { socket: join(where.socket, socketName) }
  using session = await Session.open(target, where.account, signal)
  // Its own acknowledgement is not waited for: in the log it is on its way.
  using writer = await Session.open(target, where.account, signal)
  const before = await kin.logged(session, signal)
  const written = writer.query(`INSERT INTO ${ownDatabase}.probe (at) VALUES (NOW())`, signal)
  // It ends with the connection, unless it fails before that: then nobody is asked.
  const failed = written.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  const mark = await Promise.race([position(kin, session, before, signal), failed.then(rethrow)])
  if (mark === undefined) return []
  const places = await placesOf(kin, session, members, signal)
  const asked = [...places].map(([member, at]) => hasReached(kin, member, at, mark, where, signal))
  return (await Promise.all(asked)).filter((member) => member !== undefined)
}

const rethrow = async (thrown: unknown): Promise<undefined> => {
  if (thrown !== undefined) throw thrown
  // Written and acknowledged: its position is known in a moment.
  return await new Promise(() => {})
}

/** Where the log is once it has gone on from `before`; none if it does not in time. */
async function position(
  kin: Kin,
  session: Session,
  before: Position,
  signal: AbortSignal,
): Promise<Position | undefined> {
  try {
    for (;;) {
      const now = await kin.logged(session, signal)
      if (comparePositions(now, before) > 0) return now
      await pause(pollEvery, undefined, { signal })
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown
    return undefined
  }
}

/** Where the members are that receive: each says its name and its address when it comes. */
async function placesOf(
  kin: Kin,
  session: Session,
  members: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Bind>> {
  const rows = await session.query(kin.showReplicas, signal)
  return new Map(
    rows
      .filter(({ User: user }) => members.includes(String(user)))
      .map(({ User: user, Host: host, Port: port }) => [
        String(user),
        { host: String(host), port: Number(port) },
      ]),
  )
}

/** The member, once it receives and has everything up to `mark`; none if not in time. */
async function hasReached(
  kin: Kin,
  member: string,
  at: Bind,
  mark: Position,
  { account, tlsIn }: VouchPlan,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const tls = tlsIn === undefined ? undefined : () => readTlsFiles(tlsIn)
    using session = await Session.open(reached(at, tls), account, signal)
    for (;;) {
      const status = await kin.readStatus(session, signal)
      if (status.receiving?.io === 'Yes' && reaches(kin.receivedOf(status), mark)) return member
      await pause(pollEvery, undefined, { signal })
    }
  } catch {
    // It cannot be asked, or not in time: it does not vouch.
    return undefined
  }
}
