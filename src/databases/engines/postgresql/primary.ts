// What does the server that is to be followed say of itself? Asked by the replication protocol, as
// the account that replicas receive by.

import { Fault } from '../../../foundation/fault.ts'
import { ms } from '../../../foundation/time.ts'
import type { MemberAddress, MemberOptions } from '../../engine.ts'
import type { Position } from '../../model.ts'
import { formatLsn, parseHistory, parseLsn, type TimelineHistory } from './lsn.ts'
import { pauseFor } from './patience.ts'
import type { Server } from './server.ts'
import { type Door, Session, sqlState } from './session.ts'
import { slotOf } from './settings.ts'
import { ensureSlot } from './slots.ts'
import { isForNow } from './trouble.ts'

/** Between two tries to reach it. */
const retryEvery = ms(200)

export interface PrimarySelf {
  readonly systemId: string
  readonly major: number
  readonly position: Position
  readonly history: TimelineHistory
}

const doorOf = ({ accounts, tls }: MemberOptions, { host, port }: MemberAddress): Door => ({
  ...{ host, port, account: accounts.replication, database: 'postgres', tls: tls?.() },
})

/** A session for commands of replication alone. */
export const openReplication = (
  { options }: Server,
  address: MemberAddress,
  signal: AbortSignal,
): Promise<Session> => Session.open({ ...doorOf(options, address), replication: 'true' }, signal)

/** A session for questions. */
export const openQuestions = (
  { options }: Server,
  address: MemberAddress,
  signal: AbortSignal,
): Promise<Session> => Session.open(doorOf(options, address), signal)

/**
 * Makes sure that the server at `address` keeps for us what we have not received, unless it is of
 * another database than `ownId`. Rejects with a `Fault`, also where it does not answer in time.
 */
export async function ensurePlace(
  server: Server,
  ownId: string | undefined,
  address: MemberAddress,
  signal: AbortSignal,
): Promise<void> {
  await untilAnswered(server, address, signal, async () => {
    // One session knows both languages: opening a second one would take longer than both questions.
    const door = { ...doorOf(server.options, address), replication: 'database' } as const
    using session = await Session.open(door, signal)
    const { systemid } = await session.row('IDENTIFY_SYSTEM', signal)
    if (ownId !== undefined) checkOrigin(server, ownId, { systemId: String(systemid) }, address)
    await ensureSlot(session, slotOf(server.options.member), signal)
  })
}

/** Asks until it answers. Rejects with a `Fault` where it does not let us in. */
export const askPrimary = (
  server: Server,
  address: MemberAddress,
  signal: AbortSignal,
): Promise<PrimarySelf> =>
  untilAnswered(server, address, signal, () => askOnce(server, address, signal))

async function untilAnswered<T>(
  server: Server,
  address: MemberAddress,
  signal: AbortSignal,
  ask: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (thrown) {
      if (thrown instanceof Fault) throw thrown
      if (!isForNow(thrown)) throw refused(server, address, thrown)
    }
    await pauseFor(retryEvery, signal)
  }
}

export async function askOnce(
  server: Server,
  address: MemberAddress,
  signal: AbortSignal,
): Promise<PrimarySelf> {
  using session = await openReplication(server, address, signal)
  const self = await session.row('IDENTIFY_SYSTEM', signal)
  const { server_version_num: number } = await session.row('SHOW server_version_num', signal)
  const line = Number(self.timeline)
  return {
    systemId: String(self.systemid),
    major: Math.floor(Number(number) / 10_000),
    position: { line, at: parseLsn(String(self.xlogpos)) ?? 0 },
    history: await historyOf(session, line, signal),
  }
}

/** The first timeline has none, and a server refuses to give it. */
async function historyOf(
  session: Session,
  line: number,
  signal: AbortSignal,
): Promise<TimelineHistory> {
  if (line === 1) return { line, ancestors: [] }
  const { content } = await session.row(`TIMELINE_HISTORY ${line}`, signal)
  const text = Buffer.isBuffer(content) ? content.toString('utf8') : String(content)
  return parseHistory(line, text.startsWith('\\x') ? fromHex(text) : text)
}

const fromHex = (text: string): string => Buffer.from(text.slice(2), 'hex').toString('utf8')

function refused(server: Server, { member, host, port }: MemberAddress, cause: unknown): Fault {
  const user = server.options.accounts.replication.user
  const isPassword = ['28P01', '28000'].includes(sqlState(cause) ?? '')
  const what = isPassword ? `does not let ${user} in` : 'refuses to answer'
  return new Fault('refused', `${member} at ${host}:${port} ${what}`, {
    remedy: isPassword
      ? 'give every member of a database the same accounts'
      : `look into the log of ${member}`,
    cause,
  })
}

/**
 * Makes sure that the server at `address` keeps for us what we have not received. One that gave up
 * keeping it, since we were away for too long, begins anew from where it is.
 */
export async function ensureOwnSlot(
  server: Server,
  address: MemberAddress,
  signal: AbortSignal,
): Promise<void> {
  using session = await openQuestions(server, address, signal)
  await ensureSlot(session, slotOf(server.options.member), signal)
}

/** Rejects with a `Fault` that tells both apart if the data here is not of the same database. */
export function checkOrigin(
  server: Server,
  ownId: string,
  primary: Pick<PrimarySelf, 'systemId'>,
  { member }: MemberAddress,
): void {
  if (ownId === primary.systemId) return
  throw new Fault(
    'refused',
    `${server.data} holds another database than ${member} does (${ownId}, not ${primary.systemId})`,
    { remedy: 'name an empty folder under data:, or remove what lies there if nobody needs it' },
  )
}

/** For people: where that is. */
export const describePosition = ({ line, at }: Position): string => `${line}:${formatLsn(at)}`
