// What does a MySQL that is taken over go on with, what changes, and what stands in the way?
// Written to the manuals of 8.0 and 8.4 ("Performance Schema Replication Tables", "SHOW REPLICA
// STATUS", "Performance Schema System Variable Tables").

import { isSamePlace } from '../../adoption/judge.ts'
import type { AdoptedMember, Conflict, Inherited, RunningServer } from '../../adoption/model.ts'
import {
  changedSettings,
  idConflicts,
  inheritedOf as inheritedFrom,
  librariesOf,
  linkConflicts,
  outsideConflicts,
  plainFolder,
  userConflicts,
  waitConflicts,
} from '../mysql-kin/adopted-facts.ts'
import { numberOf, openAdopted, sourceOf } from '../mysql-kin/adopting.ts'
import type { Row, Session } from '../mysql-kin/session.ts'
import { formatGtidSet, parseGtidSet, subtractGtids } from './gtid-set.ts'
import { mysql } from './kin.ts'
import { serverIdAt } from './server.ts'
import { enforcedSettings, isAllowed } from './settings.ts'
import type { ServerStatus } from './status.ts'
import { hasNewPlugins, type Version, type Words } from './words.ts'

/** Of plugins that are off, and of those that have other names at each version. */
const dropped = /^(group_replication|mysqlx|rpl_semi_sync)_/
/** Ours are loaded anyway; of one kind there is only one. */
const loaded = /^(semisync_(source|replica|master|slave)|mysql_clone|group_replication)\.so$/

/**
 * What it goes on with. What was SET GLOBAL as well: of such a setting the server does not tell any
 * more what its configuration says.
 */
export async function inheritedOf(
  session: Session,
  folder: string,
  words: Words,
  signal: AbortSignal,
): Promise<Inherited> {
  const rows = await session.query(
    `SELECT i.VARIABLE_NAME AS name, g.VARIABLE_VALUE AS value
      FROM performance_schema.variables_info AS i
      JOIN performance_schema.global_variables AS g ON g.VARIABLE_NAME = i.VARIABLE_NAME
      WHERE i.VARIABLE_SOURCE <> 'COMPILED'`,
    signal,
  )
  const settings = rows.map(({ name, value }) => [String(name), String(value ?? '')] as const)
  const isOurs = (name: string, value: string): boolean =>
    dropped.test(name) || !isAllowed(words, name, value)
  const libraries = (await librariesOf(session, signal)).filter((each) => !loaded.test(each))
  return inheritedFrom(settings, { folder, isOurs }, libraries)
}

/** One sentence for each thing that is different once it is ours. */
export async function changesOf(
  session: Session,
  { plan, member }: AdoptedMember,
  words: Words,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const rows = await session.query(
    `SELECT VARIABLE_NAME AS name, VARIABLE_VALUE AS value
      FROM performance_schema.global_variables`,
    signal,
  )
  const now = new Map(rows.map(({ name, value }) => [String(name), String(value ?? '')]))
  const id = serverIdAt(plan.members.findIndex(({ name }) => name === member.name))
  const log = now.get('log_bin_basename') ?? ''
  const door = now.get('mysqlx_port')
  return [
    ...changedSettings(now, [...Object.entries(plan.settings), ...enforcedSettings(words)]),
    `server_id = ${id} (it is ${now.get('server_id') ?? 'nothing'})`,
    `it has the plugins ${words.libraries.join(', ')}`,
    `it listens at ${member.host}:${member.port} only, and no more at ${now.get('socket') ?? ''}`,
    ...(door === undefined ? [] : [`its X protocol, at port ${door}, is shut`]),
    ...(log === '' ? [] : [`its binary logs (${log}) go on, and later ones lie in its data`]),
    'what else its configuration says goes on to hold, and what was SET GLOBAL or SET PERSIST',
  ]
}

/** What of it was seen before. */
interface Standing {
  readonly role: RunningServer['role']
  /** How it stands to whom it is a replica of, one row for each channel. */
  readonly links: readonly Row[]
  readonly status: ServerStatus
  readonly version: Version
  readonly words: Words
}

/** What keeps this one from being ours. */
export async function conflictsOf(
  session: Session,
  adopted: AdoptedMember,
  { role, links, status, version, words }: Standing,
  signal: AbortSignal,
): Promise<readonly Conflict[]> {
  const { name } = adopted.member
  const self = await session.one(
    `SELECT @@global.server_id AS id, @@global.log_bin AS logs, @@global.gtid_mode AS gtids,
      @@global.binlog_encryption AS encrypts, @@global.datadir AS folder,
      @@global.innodb_data_home_dir AS spaces, @@global.innodb_log_group_home_dir AS redo,
      @@global.innodb_undo_directory AS history, @@global.innodb_doublewrite_dir AS doubles`,
    signal,
  )
  const files = await session.query(
    `SELECT DISTINCT FILE_NAME AS path FROM information_schema.FILES WHERE FILE_NAME LIKE '/%'`,
    signal,
  )
  const { folder, spaces, redo, history, doubles } = self
  const places = [spaces, redo, history, doubles, ...files.map(({ path }) => path)]
  return [
    ...historyConflicts(name, self),
    ...idConflicts(adopted, Number(self.id), role, serverIdAt),
    ...(role === 'primary' ? await logConflicts(session, name, self, words, signal) : []),
    ...linkConflicts(name, links.length, 'RESET REPLICA ALL FOR CHANNEL ’…’'),
    ...links.flatMap((link) => replicaConflicts(name, link)),
    ...(await pluginConflicts(session, name, version, signal)),
    ...outsideConflicts(name, plainFolder(folder), places),
    ...(await ownWrites(adopted, status, signal)),
    ...(await userConflicts(mysql, session, adopted, signal)),
  ]
}

/** Members are told apart by what they have, and that by GTIDs that can be read. */
function historyConflicts(name: string, { gtids, encrypts }: Row): readonly Conflict[] {
  const conflicts: Conflict[] = []
  if (gtids !== 'ON') {
    conflicts.push({
      what: `${name} runs with gtid_mode = ${gtids}: what it has could not be compared`,
      remedy:
        'turn it on while they run, on all of them: SET GLOBAL enforce_gtid_consistency = ON, ' +
        'then gtid_mode = OFF_PERMISSIVE, ON_PERMISSIVE and ON, and in their configurations ' +
        '(the manual, "Enabling GTID Transactions Online")',
    })
  }
  if (Number(encrypts) !== 0) {
    conflicts.push({
      what: `${name} encrypts its binary logs: what is set aside of them could not be read`,
      remedy: 'SET GLOBAL binlog_encryption = OFF, and take it out of its configuration',
    })
  }
  return conflicts
}

async function logConflicts(
  session: Session,
  name: string,
  { logs }: Row,
  words: Words,
  signal: AbortSignal,
): Promise<readonly Conflict[]> {
  if (Number(logs) === 0) {
    const what = `${name} writes no binary log`
    return [{ what, remedy: 'start it with `log_bin`: nobody could follow it' }]
  }
  const [setting] = await session.query(`SHOW GLOBAL VARIABLES LIKE '${words.semiSource}'`, signal)
  const waiting = waitConflicts(name, setting?.Value === 'ON', words.semiSource)
  const [row] = await session.query(words.showLog, signal)
  const parts = [row?.Binlog_Do_DB, row?.Binlog_Ignore_DB].map((each) => String(each ?? ''))
  if (parts.every((each) => each === '')) return waiting
  const what = `${name} does not log all databases (${parts.filter((each) => each).join(', ')})`
  const remedy =
    'start it without `binlog_do_db` and `binlog_ignore_db`, and copy its replicas anew: they do ' +
    'not have everything'
  return [...waiting, { what, remedy }]
}

/** Columns of SHOW REPLICA STATUS that say what is left out. */
const filters = [
  ...['Replicate_Do_DB', 'Replicate_Ignore_DB', 'Replicate_Do_Table', 'Replicate_Ignore_Table'],
  ...['Replicate_Wild_Do_Table', 'Replicate_Wild_Ignore_Table', 'Replicate_Rewrite_DB'],
  'Replicate_Ignore_Server_Ids',
]

function replicaConflicts(name: string, link: Row): readonly Conflict[] {
  const conflicts: Conflict[] = []
  const left = filters.filter((each) => String(link[each] ?? '') !== '')
  if (left.length > 0) {
    conflicts.push({
      what: `${name} does not replicate everything (${left.join(', ')})`,
      remedy: 'copy it anew from its primary, and have it replicate all: it may have to lead',
    })
  }
  if (Number(link.SQL_Delay ?? 0) > 0) {
    conflicts.push({
      what: `${name} is behind on purpose, by ${link.SQL_Delay} s`,
      remedy: 'CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 0, or leave it out and let it end',
    })
  }
  return conflicts
}

async function pluginConflicts(
  session: Session,
  name: string,
  version: Version,
  signal: AbortSignal,
): Promise<readonly Conflict[]> {
  const active = await session.query(
    `SELECT PLUGIN_NAME AS name FROM information_schema.PLUGINS WHERE PLUGIN_STATUS = 'ACTIVE'
      AND (PLUGIN_NAME = 'group_replication' OR PLUGIN_NAME LIKE 'keyring%')`,
    signal,
  )
  const conflicts = active.map((row): Conflict => {
    const plugin = String(row.name)
    return plugin === 'group_replication'
      ? {
          what: `${name} has the plugin group_replication, by which a group elects its own primary`,
          remedy:
            'STOP GROUP_REPLICATION, UNINSTALL PLUGIN group_replication, and have its replicas ' +
            'receive from a primary by GTID',
        }
      : {
          what: `${name} has its keys from the plugin ${plugin}, which has to be loaded early`,
          remedy: 'have them from a component instead (the manual, "Migrating Between Keyrings")',
        }
  })
  if (!hasNewPlugins(version)) return conflicts
  const old = await session.query(
    `SELECT name FROM mysql.plugin WHERE name IN ('rpl_semi_sync_master', 'rpl_semi_sync_slave')`,
    signal,
  )
  if (old.length === 0) return conflicts
  const names = old.map((row) => String(row.name))
  const what = `${name} has ${names.join(' and ')} installed, beside which the new ones cannot be`
  const words = names.map((each) => `UNINSTALL PLUGIN ${each}`).join(', ')
  const remedy = `turn semi-sync off, and ${words}`
  return [...conflicts, { what, remedy }]
}

/** What a replica has and its primary lacks: that is asked later, and has all else by then. */
async function ownWrites(
  adopted: AdoptedMember,
  status: ServerStatus,
  signal: AbortSignal,
): Promise<readonly Conflict[]> {
  const { plan, member } = adopted
  const at = await sourceOf(status)
  if (at === undefined) return []
  const places = await Promise.all(
    plan.members.map(async (each) => ({ host: await numberOf(each.host), port: each.port })),
  )
  const source = plan.members[places.findIndex((each) => isSamePlace(each, at))]
  if (source === undefined || source.name === member.name) return []
  const executed = await executedAt({ ...adopted, member: source }, signal)
  if (executed === undefined) return []
  const own = subtractGtids(status.executed, parseGtidSet(executed))
  if (own.size === 0) return []
  const gtids = formatGtidSet(own)
  const what = `${member.name} has writes of its own, which ${source.name} lacks: ${gtids}`
  return [{ what, remedy: 'copy it anew from its primary, and set super_read_only = ON there' }]
}

async function executedAt(source: AdoptedMember, signal: AbortSignal): Promise<string | undefined> {
  try {
    using session = await openAdopted(source, signal)
    return String((await session.one('SELECT @@global.gtid_executed AS at', signal)).at ?? '')
  } catch {
    signal.throwIfAborted()
    // What is wrong with it is said when it is looked at itself.
    return undefined
  }
}
