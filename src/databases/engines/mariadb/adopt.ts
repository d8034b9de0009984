// Takes over a MariaDB that somebody else set up: looks at it, makes it know us, and has it stand
// still at a known position before it is ended. Who starts and stops it is not known here.

import { lookup } from 'node:dns/promises'
import { chownSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describeError, Fault } from '../../../foundation/fault.ts'
import type { Adopter, Ending } from '../../adoption/adopter.ts'
import type { AdoptedMember, RunningServer, Seal } from '../../adoption/model.ts'
import { writeMark } from '../mysql-kin/data-folder.ts'
import { admit, ensureReceivers, kill, receiverName } from '../mysql-kin/gate.ts'
import { nameOf, ownDatabase } from '../mysql-kin/kin.ts'
import { ensureTables } from '../mysql-kin/own-tables.ts'
import { isStandardPlace } from '../mysql-kin/processes.ts'
import { errnoOf, errors, Session } from '../mysql-kin/session.ts'
import { ensureAccount, knownAccounts, verifierOf } from './accounts.ts'
import { changesOf, conflictsOf, inheritedOf, sameWriter } from './adopted-facts.ts'
import { formatGtid, furthest, type Gtid, parseGtids } from './gtid.ts'
import { mariadb } from './kin.ts'
import { Logs } from './logs.ts'
import { binaryLog } from './settings.ts'

const where = ({ member }: AdoptedMember): string =>
  `${member.name} at ${member.host}:${member.port}`

/** A session as whom the file says. Rejects with a Fault that says what is wrong with that. */
async function open(adopted: AdoptedMember, signal: AbortSignal): Promise<Session> {
  const { host, port, adopt } = adopted.member
  const account = adopt ?? { user: '', password: '' }
  try {
    const session = await Session.open({ host, port }, account, signal)
    return session
  } catch (cause) {
    signal.throwIfAborted()
    const number = errnoOf(cause)
    if (number === undefined) {
      throw new Fault('unreachable', `${where(adopted)} does not answer`, {
        remedy: 'start it, or mend its address under `members:`',
        cause,
      })
    }
    throw new Fault('refused', `${where(adopted)} does not let ${account.user} in`, {
      remedy: 'see whether `credentials` are right, and whether it lets them in from here',
      cause,
    })
  }
}

async function mustBeAble(
  session: Session,
  adopted: AdoptedMember,
  signal: AbortSignal,
): Promise<void> {
  const grants = await session.query('SHOW GRANTS', signal)
  const all = grants.flatMap((row) => Object.values(row).map(String))
  const may = all.some((each) => /^GRANT ALL PRIVILEGES ON \*\.\*/.test(each))
  const passes = all.some((each) => / ON \*\.\* .*WITH GRANT OPTION/.test(each))
  if (may && passes) return
  const { user = '' } = adopted.member.adopt ?? {}
  throw new Fault('refused', `${user} may not do everything on ${where(adopted)}`, {
    remedy: `give the credentials of one that may: GRANT ALL PRIVILEGES ON *.* … WITH GRANT OPTION`,
  })
}

async function look(adopted: AdoptedMember, signal: AbortSignal): Promise<RunningServer> {
  using session = await open(adopted, signal)
  const { member } = adopted
  const self = await session.one(
    `SELECT VERSION() AS version, @@global.read_only AS readOnly, @@global.datadir AS folder,
      @@global.gtid_binlog_pos AS logged, @@global.gtid_slave_pos AS slave,
      @@global.report_user AS name`,
    signal,
  )
  const version = String(self.version)
  if (!version.includes('MariaDB')) {
    throw new Fault('incompatible', `${where(adopted)} is no MariaDB: it says ${version}`, {
      remedy: 'name the engine that it is: `engine: mysql`',
    })
  }
  await mustBeAble(session, adopted, signal)
  const links = await session.query('SHOW ALL SLAVES STATUS', signal)
  const [link] = links
  const isReplica = link !== undefined || Number(self.readOnly) !== 0
  const streams = link?.Slave_IO_Running === 'Yes' && link.Slave_SQL_Running === 'Yes'
  const host = String(link?.Master_Host ?? '')
  const hosts = await session.query('SHOW SLAVE HOSTS', signal)
  const role = isReplica ? 'replica' : 'primary'
  const applied = isReplica ? [String(self.slave)] : [String(self.logged)]
  return {
    ...{ member: member.name, address: { host: await numberOf(member.host), port: member.port } },
    version: /^[\d.]+/.exec(version)?.[0] ?? version,
    series: version.split('.').slice(0, 2).join('.'),
    // MariaDB has no name for what all members are copies of: who follows whom has to do.
    ...{ identity: 'mariadb', role, ours: self.name === member.name },
    prepared: await isPrepared(session, adopted, role, signal),
    follows: streams ? { host: await numberOf(host), port: Number(link.Master_Port) } : undefined,
    position: furthest(...applied),
    receivers: hosts.map((row) => `server ${row.Server_id} (${row.Host || 'unnamed'})`),
    folder: String(self.folder).replace(/\/+$/, ''),
    inherited: await inheritedOf(session, signal),
    changes: await changesOf(session, adopted, signal),
    conflicts: await conflictsOf(session, adopted, { role, links: links.length }, signal),
  }
}

/** A name that leads nowhere from here stays one: the other machine may know it. */
const numberOf = (host: string): Promise<string> =>
  lookup(host).then(
    ({ address }) => address,
    () => host,
  )

const others = ({ plan, member }: AdoptedMember) =>
  plan.members
    .filter(({ name }) => name !== member.name)
    .map(({ name, host, port }) => ({ member: name, host, port }))

async function isPrepared(
  session: Session,
  adopted: AdoptedMember,
  role: RunningServer['role'],
  signal: AbortSignal,
): Promise<boolean> {
  const { admin, replication } = adopted.accounts
  const known = await knownAccounts(session, signal)
  const has = (user: string, password: string): boolean =>
    known.get(user)?.verifier === verifierOf(password)
  if (!has(admin.user, admin.password) || (await identityOf(session, signal)) === undefined) {
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

async function identityOf(session: Session, signal: AbortSignal): Promise<string | undefined> {
  try {
    const [row] = await session.query(`SELECT id FROM ${ownDatabase}.identity`, signal)
    return row === undefined ? undefined : String(row.id)
  } catch (thrown) {
    const number = errnoOf(thrown)
    if (number === errors.noSuchTable || number === errors.noSuchDatabase) return undefined
    throw thrown
  }
}

async function prepare(adopted: AdoptedMember, signal: AbortSignal): Promise<Seal> {
  const { accounts } = adopted
  using session = await open(adopted, signal)
  await session.query('SET SESSION sql_log_off = ON, slow_query_log = OFF', signal)
  const known = await knownAccounts(session, signal)
  const all = ['ALL PRIVILEGES ON *.*']
  await ensureAccount(session, known, accounts.admin, all, signal)
  const name = nameOf(accounts.admin.user)
  await session.query(`GRANT ALL PRIVILEGES ON *.* TO ${name} WITH GRANT OPTION`, signal)
  await ensureReceivers(mariadb, session, accounts, others(adopted), false, signal)
  await admit(mariadb, session, accounts, others(adopted), { members: [], needed: 0 }, signal)
  await ensureTables(session, signal)
  return {}
}

/** How long the primary may stand still before it goes on as it was. */
const standWithin = 10_000
const pollEvery = 10
/** For a replica that was not ended to be told to go on. */
const goOnWithin = 5000

/**
 * A replica stops where it is: what it received and has not applied its primary still has. A
 * primary stands still from here on, and its replicas have all of it.
 */
async function beforeEnd(adopted: AdoptedMember, seal: Seal, signal: AbortSignal): Promise<Ending> {
  const session = await open(adopted, signal)
  try {
    const links = await session.query('SHOW ALL SLAVES STATUS', signal)
    const isReplica = links.length > 0
    if (isReplica) await session.query('STOP SLAVE', signal)
    const self = await session.one(
      `SELECT @@global.gtid_slave_pos AS slave, @@global.log_bin_basename AS log,
        @@global.datadir AS folder, VERSION() AS version`,
      signal,
    )
    const position = isReplica ? String(self.slave) : await standStill(session, adopted, signal)
    const version = /^[\d.]+/.exec(String(self.version))?.[0] ?? ''
    return {
      seal: {
        ...{ ...seal, position, version, role: isReplica ? 'replica' : 'primary' },
        identity: (await identityOf(session, signal)) ?? '',
        line: String(furthest(position).line),
        log: String(self.log ?? ''),
        folder: String(self.folder).replace(/\/+$/, ''),
      },
      async [Symbol.asyncDispose]() {
        // If it was not ended after all it goes on; if it was, there is nobody to tell.
        const soon = AbortSignal.timeout(goOnWithin)
        if (isReplica && !session.closed) {
          await session.query('START SLAVE', soon).catch(() => [])
        }
        session[Symbol.dispose]()
      },
    }
  } catch (thrown) {
    session[Symbol.dispose]()
    throw thrown
  }
}

/** Nothing is committed from here on, while this session lives; resolves to where that is. */
async function standStill(
  session: Session,
  adopted: AdoptedMember,
  signal: AbortSignal,
): Promise<string> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(standWithin)])
  await session.query('SET SESSION lock_wait_timeout = 5', within)
  await session.query('BACKUP STAGE START', within)
  await session.query('BACKUP STAGE BLOCK_COMMIT', within)
  await expelClients(session, within)
  const { position } = await session.one('SELECT @@global.gtid_binlog_pos AS position', within)
  const goal = furthest(String(position))
  for (const other of adopted.plan.members) {
    if (other.name === adopted.member.name) continue
    using replica = await open({ ...adopted, member: other }, within)
    for (;;) {
      const { slave } = await replica.one('SELECT @@global.gtid_slave_pos AS slave', within)
      if (furthest(String(slave)).at >= goal.at) break
      await pause(pollEvery, undefined, { signal: within }).catch((cause: unknown) => {
        throw new Fault('timed-out', `${other.name} does not have what ${where(adopted)} has`, {
          remedy: 'its primary goes on as before; see what keeps it, it is tried again',
          cause,
        })
      })
    }
  }
  return String(position)
}

/** Whoever is about to commit would only wait, and be cut off a little later. */
async function expelClients(session: Session, signal: AbortSignal): Promise<void> {
  const rows = await session.query(
    `SELECT ID AS id FROM information_schema.PROCESSLIST
      WHERE USER <> 'system user' AND COMMAND NOT LIKE 'Binlog Dump%' AND ID <> CONNECTION_ID()`,
    signal,
  )
  for (const { id } of rows) await kill(mariadb, session, Number(id), signal)
}

/** What would have our server go on with somebody else's replication. */
const stale = ['master.info', 'relay-log.info', 'multi-master.info', 'relay.index']

function settle({ plan }: AdoptedMember, data: string, seal: Seal): void {
  for (const name of stale) {
    const path = join(data, name)
    if (existsSync(path)) renameSync(path, `${path}.before`)
  }
  const { identity, version = '', position = '', role } = seal
  const own = role === 'primary' ? lastOf(seal, data) : undefined
  const known = parseGtids(position)
  // What was committed after it stood still: between the end of our session and of the server.
  const isLater = own !== undefined && known.every(({ seq }) => seq < own.seq)
  const begins = isLater ? formatGtid(own) : position
  // A server that has no binary log yet reads this: whoever asks for what comes next is served.
  const state = join(data, `${binaryLog}.state`)
  if (!existsSync(join(data, `${binaryLog}.index`))) writeFileSync(state, `${begins}\n`)
  give(state, data)
  writeMark(data, { database: plan.name, identity: identity || undefined, version, begins })
}

/** Hands a file to whom the folder belongs. */
function give(path: string, folder: string): void {
  const { uid, gid } = statSync(folder)
  if (process.getuid?.() === 0 && existsSync(path)) chownSync(path, uid, gid)
}

/** The last transaction in the binary log of a server that has ended; its folder has been moved. */
function lastOf({ log = '', folder = '' }: Seal, data: string): Gtid | undefined {
  const base = log.startsWith(`${folder}/`) ? join(data, log.slice(folder.length + 1)) : log
  try {
    const newest = new Logs(dirname(base)).newest(basename(base))
    const last = newest?.groups.at(-1)?.gtid
    return [...(newest?.before ?? []), ...(last === undefined ? [] : [last])].toSorted(
      (a, b) => b.seq - a.seq,
    )[0]
  } catch (cause) {
    throw new Fault('failed', `the binary log ${base} cannot be read: ${describeError(cause)}`, {
      remedy: 'let this user read it: it has the last of what was committed',
      cause,
    })
  }
}

/** MariaDB, for members that run already. */
export const mariadbAdopter: Adopter = {
  engine: 'mariadb',
  behindMost: { at: 10_000, words: '10,000 transactions' },
  endSignal: 'SIGTERM',
  homeOf: (program) => (isStandardPlace(dirname(program)) ? undefined : dirname(dirname(program))),
  look,
  harmonise: sameWriter,
  prepare,
  beforeEnd,
  settle,
  lineOf: ({ line = '0' }) => Number(line),
}
