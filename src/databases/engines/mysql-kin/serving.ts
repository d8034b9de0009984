// How does a server of MariaDB or MySQL begin to serve? Whoever was on it leaves, it knows the
// accounts, and has in force who acknowledges: what of that is the same for both.

import { setTimeout as pause } from 'node:timers/promises'
import { Fault } from '../../../foundation/fault.ts'
import type { DatabaseAccounts } from '../../engine.ts'
import { refusesPlain } from '../../member-tls.ts'
import type { AckSet } from '../../model.ts'
import { ensureAccount } from './accounts.ts'
import { certify, certifyAdmin } from './certified.ts'
import { readMark } from './data-folder.ts'
import { admit, ensureReceivers, kill } from './gate.ts'
import { type Kin, type KinStatus, type KnownAccount, ownDatabase } from './kin.ts'
import { ensureTables } from './own-tables.ts'
import type { KinServer } from './server.ts'
import { identifier, type Session } from './session.ts'

/** Threads of a server's own, as PROCESSLIST names them. */
const own: ReadonlySet<string> = new Set(['system user', 'event_scheduler'])

/** Ends every connection that was there before this one: some may write whatever is forbidden. */
export async function expelOlder(
  kin: Pick<Kin, 'kill'>,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const rows = await session.query(
      'SELECT ID AS id, USER AS user FROM information_schema.PROCESSLIST',
      signal,
    )
    const older = rows
      .filter(({ id, user }) => Number(id) < session.id && !own.has(String(user)))
      .map(({ id }) => Number(id))
    if (older.length === 0) return
    for (const id of older) await kill(kin, session, id, signal)
    await pause(20, undefined, { signal })
  }
}

/** Our own tables, and the name of the database in them; `mark` hears it where that is news. */
export async function beginTables(
  session: Session,
  { options: { data } }: KinServer,
  mark: (identity: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await ensureTables(session, signal)
  const { id } = await session.one(`SELECT id FROM ${ownDatabase}.identity`, signal)
  if (readMark(data)?.identity !== String(id)) mark(String(id))
}

/** Who has to show a certificate, beside a password. */
export interface Certified {
  readonly admin: boolean
  readonly app: boolean
}

/** The application's database and account, and ours: logged, so that replicas have them. */
export async function ensureAccounts<Known extends KnownAccount>(
  kin: Pick<Kin<KinStatus, Known>, 'knownAccounts' | 'isOf' | 'identified'>,
  session: Session,
  accounts: DatabaseAccounts,
  certified: Certified,
  signal: AbortSignal,
): Promise<void> {
  const { admin, app } = accounts
  const known = await kin.knownAccounts(session, signal)
  await ensureAccount(kin, session, known, admin, ['ALL PRIVILEGES ON *.*'], signal)
  const there = await session.query(
    'SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?',
    signal,
    [app.database],
  )
  if (there.length === 0) await session.query(`CREATE DATABASE ${identifier(app.database)}`, signal)
  const pattern = identifier(app.database.replaceAll(/[_%]/g, String.raw`\$&`))
  await ensureAccount(kin, session, known, app, [`ALL PRIVILEGES ON ${pattern}.*`], signal)
  await certifyAdmin(kin, session, known, accounts, certified.admin, signal)
  await certify(session, known, app.user, certified.app, signal)
}

/** What a server calls its half of semi-sync. */
export interface SemiSync {
  /** Whether it waits for anybody. */
  readonly enabled: string
  /** For how many; where it is always one, nothing. */
  readonly count?: string
  /** Whether it does, as SHOW GLOBAL STATUS has it. */
  readonly isWaiting: string
}

/**
 * Acknowledges by exactly this set from when it resolves. `waits` hears whether commits wait from
 * now on, before any goes by it. Rejects with a Fault where they should and do not.
 */
export async function enforceAcks<Known extends KnownAccount>(
  kin: Kin<KinStatus, Known>,
  { options }: KinServer,
  session: Session,
  acks: AckSet,
  { enabled, count, isWaiting }: SemiSync,
  waits: (isSo: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  const { accounts, peers, member, run } = options
  const others = peers.filter((each) => each.member !== member)
  await ensureReceivers(kin, session, accounts, others, refusesPlain(options), signal)
  const isNeeded = acks.needed > 0
  if (isNeeded) {
    if (count !== undefined) await session.query(`SET GLOBAL ${count} = ${acks.needed}`, signal)
    await session.query(`SET GLOBAL ${enabled} = ON`, signal)
    waits(true)
  }
  const counted = isNeeded ? acks : { members: [], needed: 0 }
  await admit(kin, session, accounts, others, counted, signal)
  if (!isNeeded) {
    waits(false)
    // Whoever waits is let go, and answered: by this set nobody has to wait.
    await session.query(`SET GLOBAL ${enabled} = OFF`, signal)
    return
  }
  const [row] = await session.query(`SHOW GLOBAL STATUS LIKE '${isWaiting}'`, signal)
  if (row?.Value === 'ON') return
  throw new Fault('failed', `the server of ${member} does not wait for acknowledgements`, {
    remedy: `read ${run}/server.log`,
  })
}
