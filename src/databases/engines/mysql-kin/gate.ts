// Whose acknowledgements count? A primary's door for replicas, with two accounts for each member.
//
// A server takes the acknowledgement of any replica that declares itself able to give one. Which do
// is each replica's own setting; so the primary decides who may come in as what. A member declares
// so only on a connection of its acknowledging account, and always on one; and the primary leaves
// exactly one of each member's two accounts open. Accounts are locked without being logged: they
// are this server's own matter.

import { setTimeout as pause } from 'node:timers/promises'
import type { DatabaseAccounts, MemberAddress } from '../../engine.ts'
import type { AckSet } from '../../model.ts'
import { ensureAccount } from './accounts.ts'
import { certify } from './certified.ts'
import { type Kin, type KinStatus, type KnownAccount, nameOf } from './kin.ts'
import { errnoOf, errors, type Row, type Session } from './session.ts'

/** What a member receives by: as one whose acknowledgement counts, or as one whose does not. */
export type ReceiverRole = 'acknowledging' | 'plain'

/** The account that `member` receives by in this role. */
export const receiverName = (
  { replication }: DatabaseAccounts,
  member: string,
  role: ReceiverRole,
): string => `${replication.user}_${member}${role === 'acknowledging' ? '_ack' : ''}`

/** Whether this account is one of those; `undefined` for any other. */
export function receiverOf(
  user: string,
  accounts: DatabaseAccounts,
  peers: readonly MemberAddress[],
): { readonly member: string; readonly role: ReceiverRole } | undefined {
  for (const { member } of peers) {
    for (const role of ['acknowledging', 'plain'] as const) {
      if (user === receiverName(accounts, member, role)) return { member, role }
    }
  }
  return undefined
}

/** The members whose acknowledgements a server takes, as its accounts say. */
export async function admitted(
  kin: Kin,
  session: Session,
  accounts: DatabaseAccounts,
  peers: readonly MemberAddress[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const known = await kin.knownAccounts(session, signal)
  return peers
    .map(({ member }) => member)
    .filter(
      (member) => known.get(receiverName(accounts, member, 'acknowledging'))?.locked === false,
    )
}

/** Runs what concerns this server alone: nothing of it is logged, or waits for replicas. */
async function unlogged(
  session: Session,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  await session.query('SET SESSION sql_log_bin = OFF', signal)
  try {
    await work()
  } finally {
    // Given up between two statements, it would be kept, and log nothing of what is asked next.
    if (signal.aborted) session[Symbol.dispose]()
    if (!session.isOver) await session.query('SET SESSION sql_log_bin = ON', signal)
  }
}

/**
 * Makes both accounts of every other member, locked. Those that are there are left as they are, but
 * for whether a certificate has to be shown.
 */
export async function ensureReceivers<Known extends KnownAccount>(
  kin: Kin<KinStatus, Known>,
  session: Session,
  accounts: DatabaseAccounts,
  others: readonly MemberAddress[],
  certified: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { password } = accounts.replication
  await unlogged(session, signal, async () => {
    const known = await kin.knownAccounts(session, signal)
    for (const { member } of others) {
      for (const role of ['acknowledging', 'plain'] as const) {
        const user = receiverName(accounts, member, role)
        await ensureAccount(
          kin,
          session,
          known,
          { user, password },
          ['REPLICATION SLAVE ON *.*'],
          signal,
        )
        await certify(session, known, user, certified, signal)
        if (!known.has(user)) await lock(session, user, signal)
      }
    }
  })
}

const lock = (session: Session, user: string, signal: AbortSignal): Promise<readonly Row[]> =>
  session.query(`ALTER USER ${nameOf(user)} ACCOUNT LOCK`, signal)

/**
 * From when this resolves, the acknowledgements of exactly these members count: of every other the
 * acknowledging account is locked, and no connection of it is left. Until then nobody's counts who
 * is neither in the old set nor in this one.
 */
export async function admit(
  kin: Kin,
  session: Session,
  accounts: DatabaseAccounts,
  others: readonly MemberAddress[],
  { members }: AckSet,
  signal: AbortSignal,
): Promise<void> {
  const shut: string[] = []
  await unlogged(session, signal, async () => {
    const known = await kin.knownAccounts(session, signal)
    for (const { member } of others) {
      const isIn = members.includes(member)
      const wrong = receiverName(accounts, member, isIn ? 'plain' : 'acknowledging')
      const right = receiverName(accounts, member, isIn ? 'acknowledging' : 'plain')
      if (known.get(wrong)?.locked !== true) await lock(session, wrong, signal)
      if (known.get(right)?.locked !== false) {
        await session.query(`ALTER USER ${nameOf(right)} ACCOUNT UNLOCK`, signal)
      }
      shut.push(wrong)
    }
  })
  const expelled = await expel(kin, session, new Set(shut), signal)
  const returning = others.flatMap(({ member }) =>
    expelled.has(receiverName(accounts, member, 'plain'))
      ? [receiverName(accounts, member, 'acknowledging')]
      : [],
  )
  await awaitReturn(session, returning, signal)
}

/** How long a member that was turned away is waited for: it comes back by its other account. */
const returnWithin = 5000

/** Until then nobody might acknowledge; whoever does not come back soon is not waited for. */
async function awaitReturn(
  session: Session,
  users: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (let waited = 0; waited < returnWithin; waited += 50) {
    const rows = await session.query(
      `SELECT USER AS user FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'`,
      signal,
    )
    const back = new Set(rows.map(({ user }) => String(user)))
    if (users.every((user) => back.has(user))) return
    await pause(50, undefined, { signal })
  }
}

/**
 * Ends every connection of these accounts, and waits until none is left: one that was let in before
 * its account was locked may not have shown its name yet. Resolves to whose connections there were.
 */
async function expel(
  kin: Kin,
  session: Session,
  users: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const ended = new Set<string>()
  let newest: number | undefined
  for (;;) {
    const rows = await session.query(
      'SELECT ID AS id, USER AS user FROM information_schema.PROCESSLIST',
      signal,
    )
    const seen = rows.map(({ id, user }) => ({ id: Number(id), user: String(user) }))
    newest ??= Math.max(0, ...seen.map(({ id }) => id))
    const limit = newest
    const left = seen.filter(({ user }) => users.has(user))
    const nameless = seen.filter(({ id, user }) => user === 'unauthenticated user' && id <= limit)
    if (left.length === 0 && nameless.length === 0) return ended
    for (const { id, user } of left) {
      await kill(kin, session, id, signal)
      ended.add(user)
    }
    await pause(20, undefined, { signal })
  }
}

/**
 * Ends a connection. Never only its statement: a commit that waits for an acknowledgement would
 * then be answered as if it had one.
 */
export async function kill(
  kin: Pick<Kin, 'kill'>,
  session: Session,
  id: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await session.query(kin.kill(id), signal)
  } catch (thrown) {
    if (errnoOf(thrown) !== errors.noSuchThread) throw thrown
  }
}
