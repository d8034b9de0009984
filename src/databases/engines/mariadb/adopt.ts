// Takes over a MariaDB that somebody else set up: looks at it, makes it know us, and has it stand
// still at a known position before it is ended. Who starts and stops it is not known here.

import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describeError, Fault } from '../../../foundation/fault.ts'
import type { Adopter, Ending } from '../../adoption/adopter.ts'
import type { AdoptedMember, RunningServer, Seal } from '../../adoption/model.ts'
import { plainFolder } from '../mysql-kin/adopted-facts.ts'
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
import type { Session } from '../mysql-kin/session.ts'
import { changesOf, conflictsOf, inheritedOf, sameWriter } from './adopted-facts.ts'
import { formatGtid, furthest, type Gtid, parseGtids } from './gtid.ts'
import { mariadb } from './kin.ts'
import { Logs } from './logs.ts'
import { binaryLog } from './settings.ts'
import { readStatus } from './status.ts'

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
  using session = await openAdopted(adopted, signal)
  const { member } = adopted
  const self = await session.one(
    `SELECT VERSION() AS version, @@global.datadir AS folder, @@global.report_user AS name`,
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
  const status = await readStatus(session, signal)
  const isReplica = links.length > 0 || status.readOnly
  const hosts = await session.query(mariadb.showReplicas, signal)
  const role = isReplica ? 'replica' : 'primary'
  const folder = plainFolder(self.folder)
  return {
    ...{ member: member.name, address: { host: await numberOf(member.host), port: member.port } },
    version: /^[\d.]+/.exec(version)?.[0] ?? version,
    series: version.split('.').slice(0, 2).join('.'),
    // MariaDB has no name for what all members are copies of: who follows whom has to do.
    ...{ identity: 'mariadb', role, ours: self.name === member.name },
    prepared: await isPrepared(mariadb, session, adopted, role, signal),
    follows: await sourceOf(status),
    position: furthest(isReplica ? status.slavePosition : status.binlogPosition),
    receivers: hosts.map((row) => `server ${row.Server_id} (${row.Host || 'unnamed'})`),
    folder,
    inherited: await inheritedOf(session, folder, signal),
    changes: await changesOf(session, adopted, signal),
    conflicts: await conflictsOf(session, adopted, { role, links: links.length, status }, signal),
  }
}

/**
 * A replica stops where it is: what it received and has not applied its primary still has. A
 * primary stands still from here on, and its replicas have all of it.
 */
function beforeEnd(adopted: AdoptedMember, seal: Seal, signal: AbortSignal): Promise<Ending> {
  const standingAt = async (session: Session, position: string): Promise<Seal> => {
    const self = await session.one(
      `SELECT @@global.log_bin_basename AS log, @@global.datadir AS folder, VERSION() AS version`,
      signal,
    )
    return {
      ...{ ...seal, position, version: /^[\d.]+/.exec(String(self.version))?.[0] ?? '' },
      ...{ line: String(furthest(position).line), log: String(self.log ?? '') },
      folder: plainFolder(self.folder),
    }
  }
  const how: Standing = {
    async replica(session) {
      await session.query('STOP SLAVE', signal)
      const { slavePosition } = await readStatus(session, signal)
      return standingAt(session, slavePosition)
    },
    primary: async (session) => standingAt(session, await standStill(session, adopted, signal)),
    goOn: 'START SLAVE',
  }
  return standing(mariadb, adopted, how, signal)
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
  await expelClients(mariadb, session, within)
  const { position } = await session.one('SELECT @@global.gtid_binlog_pos AS position', within)
  const goal = furthest(String(position))
  const hasAll = async (replica: Session): Promise<boolean> => {
    const { slave } = await replica.one('SELECT @@global.gtid_slave_pos AS slave', within)
    return furthest(String(slave)).at >= goal.at
  }
  await untilOthersHave(adopted, hasAll, within)
  return String(position)
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
  prepare: (adopted, signal) => prepareBy(mariadb, adopted, signal),
  harmonise: sameWriter,
  ...{ homeOf, look, beforeEnd, settle },
  lineOf: ({ line = '0' }) => Number(line),
}
