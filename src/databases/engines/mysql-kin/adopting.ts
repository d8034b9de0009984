// What is the same in taking over a MariaDB and a MySQL that somebody else set up? How one is come
// to, made to know us, and has to stand still before it is ended.

import { lookup } from 'node:dns/promises'
import { chownSync, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Fault } from '../../../foundation/fault.ts'
import type { Ending } from '../../adoption/adopter.ts'
import type { AdoptedMember, RunningServer, Seal } from '../../adoption/model.ts'
import type { Bind } from '../../model.ts'
import { ensureAccount } from './accounts.ts'
import { admit, ensureReceivers, kill, receiverName } from './gate.ts'
import { type Kin, type KinStatus, type KnownAccount, nameOf, ownDatabase } from './kin.ts'
import { ensureTables } from './own-tables.ts'
import { isStandardPlace } from './processes.ts'
import { errnoOf, errors, Session } from './session.ts'

export const where = ({ member }: Pick<AdoptedMember, 'member'>): string =>
  `${member.name} at ${member.host}:${member.port}`

/** A session as whom the file says. Rejects with a Fault that says what is wrong with that. */
export async function openAdopted(adopted: AdoptedMember, signal: AbortSignal): Promise<Session> {
  const { host, port, adopt } = adopted.member
  const account = adopt ?? { user: '', password: '' }
  try {
    return await Session.open({ host, port }, account, signal)
  } catch (cause) {
    signal.throwIfAborted()
    const number = errnoOf(cause)
    if (number === undefined) {
      throw new Fault('unreachable', `${where(adopted)} does not answer`, {
        remedy: 'start it, or mend its address under `members:`',
        cause,
      })
    }
    if (number === errors.insecure) {
      throw new Fault('refused', `${where(adopted)} lets nobody in without TLS`, {
        remedy:
          'SET GLOBAL require_secure_transport = OFF, and take it out of its configuration: ' +
          'members that are taken over, and doors, come to it in the clear',
        cause,
      })
    }
    throw new Fault('refused', `${where(adopted)} does not let ${account.user} in`, {
      remedy: 'see whether `credentials` are right, and whether it lets them in from here',
      cause,
    })
  }
}

/** A name that leads nowhere from here stays one: the other machine may know it. */
export const numberOf = (host: string): Promise<string> =>
  lookup(host).then(
    ({ address }) => address,
    () => host,
  )

/** Whom a server receives from, while that goes on. */
export async function sourceOf({ receiving }: KinStatus): Promise<Bind | undefined> {
  if (receiving === undefined || receiving.io !== 'Yes' || !receiving.isApplying) return undefined
  return { host: await numberOf(receiving.host), port: receiving.port }
}

export const others = ({ plan, member }: AdoptedMember) =>
  plan.members
    .filter(({ name }) => name !== member.name)
    .map(({ name, host, port }) => ({ member: name, host, port }))

/** The name of the database that it is a member of by our tables; `undefined`: it has none. */
export async function ownIdentity(
  session: Session,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const [row] = await session.query(`SELECT id FROM ${ownDatabase}.identity`, signal)
    return row === undefined ? undefined : String(row.id)
  } catch (thrown) {
    const number = errnoOf(thrown)
    if (number === errors.noSuchTable || number === errors.noSuchDatabase) return undefined
    throw thrown
  }
}

/** Whether it knows our accounts, and lets them in. */
export async function isPrepared<Known extends KnownAccount>(
  kin: Kin<KinStatus, Known>,
  session: Session,
  adopted: AdoptedMember,
  role: RunningServer['role'],
  signal: AbortSignal,
): Promise<boolean> {
  const { admin, replication } = adopted.accounts
  const known = await kin.knownAccounts(session, signal)
  const has = (user: string, password: string): boolean => {
    const account = known.get(user)
    return account !== undefined && kin.isOf(account, password)
  }
  if (!has(admin.user, admin.password) || (await ownIdentity(session, signal)) === undefined) {
    return false
  }
  // Whom a primary lets in is logged nowhere: its replicas do not hear of it.
  return (
    role === 'replica' ||
    others(adopted).every(({ member }) =>
      has(receiverName(adopted.accounts, member, 'plain'), replication.password),
    )
  )
}

/** Has a primary know our accounts and tables. Nothing is restarted. */
export async function prepareBy<Known extends KnownAccount>(
  kin: Kin<KinStatus, Known>,
  adopted: AdoptedMember,
  signal: AbortSignal,
): Promise<Seal> {
  const { accounts } = adopted
  using session = await openAdopted(adopted, signal)
  await session.query('SET SESSION sql_log_off = ON, slow_query_log = OFF', signal)
  const known = await kin.knownAccounts(session, signal)
  await ensureAccount(kin, session, known, accounts.admin, ['ALL PRIVILEGES ON *.*'], signal)
  const name = nameOf(accounts.admin.user)
  await session.query(`GRANT ALL PRIVILEGES ON *.* TO ${name} WITH GRANT OPTION`, signal)
  await ensureReceivers(kin, session, accounts, others(adopted), false, signal)
  await admit(kin, session, accounts, others(adopted), { members: [], needed: 0 }, signal)
  await ensureTables(session, signal)
  return {}
}

/** How a server of one kin is brought to stand still. Both resolve to what the seal says. */
export interface Standing {
  /** It receives nothing any more. */
  readonly replica: (session: Session) => Promise<Seal>
  /** Nothing is committed any more while this session lives, and its replicas have all of it. */
  readonly primary: (session: Session) => Promise<Seal>
  /** What has a replica go on. */
  readonly goOn: string
}

/** For a replica that was not ended to be told to go on. */
const goOnWithin = 5000

/** Has a server stand still; it goes on as it was if it is not ended after all. */
export async function standing(
  kin: Kin,
  adopted: AdoptedMember,
  { replica, primary, goOn }: Standing,
  signal: AbortSignal,
): Promise<Ending> {
  const session = await openAdopted(adopted, signal)
  let isStopped = false
  const end = async (): Promise<void> => {
    using last = session
    if (!isStopped) return
    const soon = AbortSignal.timeout(goOnWithin)
    try {
      // A statement that was broken off has taken its session along.
      using again = last.isOver ? await openAdopted(adopted, soon) : last
      await again.query(goOn, soon)
    } catch {
      // It was ended: there is nobody to tell.
    }
  }
  try {
    const { receiving } = await kin.readStatus(session, signal)
    isStopped = receiving !== undefined
    const role = isStopped ? 'replica' : 'primary'
    const found = isStopped ? await replica(session) : await primary(session)
    const identity = (await ownIdentity(session, signal)) ?? ''
    return { seal: { ...found, identity, role }, [Symbol.asyncDispose]: end }
  } catch (thrown) {
    await end()
    throw thrown
  }
}

/** How long a primary may stand still before it goes on as it was. */
export const standWithin = 10_000
const pollEvery = 10

/** Resolves when all other members have what the primary has; rejects with a Fault. */
export async function untilOthersHave(
  adopted: AdoptedMember,
  hasAll: (session: Session) => Promise<boolean>,
  within: AbortSignal,
): Promise<void> {
  for (const other of adopted.plan.members) {
    if (other.name === adopted.member.name) continue
    using replica = await openAdopted({ ...adopted, member: other }, within)
    while (!(await hasAll(replica))) {
      await pause(pollEvery, undefined, { signal: within }).catch((cause: unknown) => {
        throw new Fault('timed-out', `${other.name} does not have what ${where(adopted)} has`, {
          remedy: 'its primary goes on as before; see what keeps it, it is tried again',
          cause,
        })
      })
    }
  }
}

/** Whoever is about to commit would only wait, and be cut off a little later. */
export async function expelClients(kin: Kin, session: Session, signal: AbortSignal): Promise<void> {
  const rows = await session.query(
    `SELECT ID AS id FROM information_schema.PROCESSLIST
      WHERE USER NOT IN ('system user', 'event_scheduler')
        AND COMMAND NOT LIKE 'Binlog Dump%' AND ID <> CONNECTION_ID()`,
    signal,
  )
  for (const { id } of rows) await kill(kin, session, Number(id), signal)
}

/** What `home:` would be for the program of a server that runs; `undefined`: found by itself. */
export const homeOf = (program: string): string | undefined =>
  isStandardPlace(dirname(program)) ? undefined : dirname(dirname(program))

/** Hands a file to whom the folder belongs. */
export function give(path: string, folder: string): void {
  const { uid, gid } = statSync(folder)
  if (process.getuid?.() === 0 && existsSync(path)) chownSync(path, uid, gid)
}
