// Takes over a MySQL that somebody else set up: looks at it, makes it know us, and has it stand
// still at a known position before it is ended. Who starts and stops it is not known here. Written
// to the manuals of 8.0 and 8.4; it has never met a server.

import { readFileSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { writeWhole } from '../../../control/whole-file.ts'
import { describeError, Fault } from '../../../foundation/fault.ts'
import type { Adopter, Ending } from '../../adoption/adopter.ts'
import type { AdoptedMember, RunningServer, Seal } from '../../adoption/model.ts'
import {
  expelClients,
  give,
  homeOf,
  isPrepared,
  numberOf,
  openAdopted,
  prepareBy,
  type Standing,
  sourceOf,
  standing,
  standWithin,
  untilOthersHave,
  where,
} from '../mysql-kin/adopting.ts'
import { writeMark } from '../mysql-kin/data-folder.ts'
import { errnoOf, errors, literal, type Session } from '../mysql-kin/session.ts'
import { changesOf, conflictsOf, inheritedOf } from './adopted-facts.ts'
import { formatGtidSet, hasGtids, parseGtidSet } from './gtid-set.ts'
import { mysql } from './kin.ts'
import { applyReceived } from './replication.ts'
import { binaryLog } from './settings.ts'
import { readStatus } from './status.ts'
import { isAtLeast, oldest, type Version, versionIn, wordsOf } from './words.ts'

/** What has to be passed on to our account. Servers write out what GRANT ALL gave. */
const needed = [
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP', 'RELOAD', 'SHUTDOWN', 'PROCESS'],
  ...['FILE', 'INDEX', 'ALTER', 'SUPER', 'LOCK TABLES', 'EXECUTE', 'REPLICATION SLAVE'],
  ...['REPLICATION CLIENT', 'CREATE USER', 'EVENT', 'TRIGGER', 'SYSTEM_VARIABLES_ADMIN'],
  ...['REPLICATION_SLAVE_ADMIN', 'CONNECTION_ADMIN', 'BACKUP_ADMIN', 'CLONE_ADMIN', 'SYSTEM_USER'],
]

/** Its version; throws a Fault where that is none that Always On runs. */
function versionOf(said: string, adopted: AdoptedMember): Version {
  const version = versionIn(said)
  if (version === undefined) {
    throw new Fault('incompatible', `${where(adopted)} is no MySQL: it says ${said}`, {
      remedy: 'name the engine that it is: `engine: mariadb`',
    })
  }
  if (isAtLeast(version, oldest)) return version
  throw new Fault('incompatible', `${where(adopted)} runs MySQL ${version.join('.')}`, {
    remedy: `upgrade all of them to ${oldest.join('.')} or later first`,
  })
}

async function mustBeAble(
  session: Session,
  adopted: AdoptedMember,
  me: string,
  signal: AbortSignal,
): Promise<void> {
  const at = me.lastIndexOf('@')
  const grantee = `${literal(me.slice(0, at))}@${literal(me.slice(at + 1))}`
  const rows = await session.query(
    `SELECT PRIVILEGE_TYPE AS privilege FROM information_schema.USER_PRIVILEGES
      WHERE IS_GRANTABLE = 'YES' AND GRANTEE = ?`,
    signal,
    [grantee],
  )
  const has = new Set(rows.map(({ privilege }) => String(privilege)))
  const missing = needed.filter((each) => !has.has(each))
  if (missing.length === 0) return
  const what = `${me} may not do everything on ${where(adopted)}: not ${missing.join(', ')}`
  throw new Fault('refused', what, {
    remedy: `give the credentials of one that may: GRANT ALL ON *.* … WITH GRANT OPTION`,
  })
}

async function look(adopted: AdoptedMember, signal: AbortSignal): Promise<RunningServer> {
  using session = await openAdopted(adopted, signal)
  const { member } = adopted
  const begun = await session.one('SELECT VERSION() AS version, CURRENT_USER() AS me', signal)
  const version = versionOf(String(begun.version), adopted)
  const words = wordsOf(version)
  await mustBeAble(session, adopted, String(begun.me), signal)
  const all = await session.query('SHOW REPLICA STATUS', signal)
  const links = all.filter((row) => String(row.Source_Host ?? '') !== '')
  const status = await readStatus(session, signal)
  const role = links.length > 0 || status.readOnly ? 'replica' : 'primary'
  const replicas = await session.query(mysql.showReplicas, signal)
  const { own } = await session.one('SELECT @@global.report_user AS own', signal)
  const { folder } = status
  const seen = { role, links, status, version, words } as const
  return {
    ...{ member: member.name, address: { host: await numberOf(member.host), port: member.port } },
    ...{ version: version.join('.'), series: version.slice(0, 2).join('.') },
    // MySQL has no name for what all members are copies of: what they have has to do.
    ...{ identity: 'mysql', role, ours: own === member.name },
    prepared: await isPrepared(mysql, session, adopted, role, signal),
    follows: await sourceOf(status),
    position: status.applied,
    receivers: replicas.map((row) => `server ${row.Server_Id} (${row.Host || 'unnamed'})`),
    folder,
    inherited: await inheritedOf(session, folder, words, signal),
    changes: await changesOf(session, adopted, words, signal),
    conflicts: await conflictsOf(session, adopted, seen, signal),
  }
}

/**
 * A replica applies what it has received, and stops there. A primary stands still from here on, and
 * its replicas have all of it.
 */
function beforeEnd(adopted: AdoptedMember, seal: Seal, signal: AbortSignal): Promise<Ending> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(standWithin)])
  const standingAt = async (session: Session): Promise<Seal> => {
    const { line, executed, folder } = await readStatus(session, within)
    const self = await session.one(
      `SELECT VERSION() AS version, @@global.log_bin_basename AS log,
        @@global.log_bin_index AS logs`,
      within,
    )
    return {
      ...{ ...seal, folder, position: formatGtidSet(executed), line: String(line) },
      ...{ version: versionIn(String(self.version))?.join('.') ?? '' },
      ...{ log: String(self.log ?? ''), logs: String(self.logs ?? '') },
    }
  }
  const how: Standing = {
    async replica(session) {
      await applyReceived(session, within)
      return await standingAt(session)
    },
    async primary(session) {
      await standStill(session, adopted, within)
      return await standingAt(session)
    },
    goOn: 'START REPLICA',
  }
  return standing(mysql, adopted, how, signal)
}

/** Nothing is committed from here on, while this session lives; its replicas have all of it. */
async function standStill(
  session: Session,
  adopted: AdoptedMember,
  within: AbortSignal,
): Promise<void> {
  await session.query('SET SESSION lock_wait_timeout = 5', within)
  try {
    await session.query('FLUSH TABLES WITH READ LOCK', within)
  } catch (cause) {
    if (errnoOf(cause) !== errors.lockWaitTimeout) throw cause
    throw new Fault('timed-out', `${where(adopted)} does not come to stand still`, {
      remedy: 'something runs for long on it (SHOW PROCESSLIST); it goes on, and it is tried again',
      cause,
    })
  }
  await expelClients(mysql, session, within)
  const { at } = await session.one('SELECT @@global.gtid_executed AS at', within)
  const goal = parseGtidSet(String(at))
  const hasAll = async (replica: Session): Promise<boolean> => {
    const { has } = await replica.one('SELECT @@global.gtid_executed AS has', within)
    return hasGtids(parseGtidSet(String(has)), goal)
  }
  await untilOthersHave(adopted, hasAll, within)
}

function settle({ plan }: AdoptedMember, data: string, seal: Seal): void {
  const { identity, version = '', position: begins = '' } = seal
  keepLogs(data, seal)
  writeMark(data, { database: plan.name, identity: identity || undefined, version, begins })
}

/**
 * Its logs go on as ours, also those that do not lie in its data: what a server has is told by them
 * and its tables together. The names in an index may be of where the folder was.
 */
function keepLogs(data: string, { folder = '', log = '', logs = '' }: Seal): void {
  if (logs === '') return
  const moved = (path: string): string =>
    path.startsWith(`${folder}/`) ? join(data, path.slice(folder.length + 1)) : path
  const beside = dirname(moved(resolve(folder, log)))
  const index = moved(resolve(folder, logs))
  let text: string
  try {
    text = readFileSync(index, 'utf8')
  } catch (cause) {
    throw new Fault('failed', `the list of its logs cannot be read: ${describeError(cause)}`, {
      remedy: `let this user read ${index}: it says what this server has`,
      cause,
    })
  }
  const names = text.split('\n').filter((line) => line !== '')
  // A server takes a name that is not whole for one beside its logs, whatever folder it has.
  const paths = names.map((each) => moved(isAbsolute(each) ? each : join(beside, basename(each))))
  const listed = paths.map((each) => (dirname(each) === data ? `./${basename(each)}` : each))
  const own = join(data, `${binaryLog}.index`)
  writeWhole(own, listed.map((each) => `${each}\n`).join(''))
  give(own, data)
}

/** MySQL, for members that run already. */
export const mysqlAdopter: Adopter = {
  engine: 'mysql',
  behindMost: { at: 10_000, words: '10,000 transactions' },
  endSignal: 'SIGTERM',
  prepare: (adopted, signal) => prepareBy(mysql, adopted, signal),
  // Each goes on with what it has: whoever leads may have other settings.
  harmonise: (servers) => servers,
  ...{ homeOf, look, beforeEnd, settle },
  lineOf: ({ line = '0' }) => Number(line),
}
