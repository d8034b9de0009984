// What does a MariaDB that is taken over go on with, what changes, and what stands in the way?

import type { AdoptedMember, Conflict, Inherited, RunningServer } from '../../adoption/model.ts'
import { defeats } from '../../durable-settings.ts'
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
import type { Session } from '../mysql-kin/session.ts'
import { domain, epochMost, epochOf, parseGtids, replicaServerId } from './gtid.ts'
import { mariadb } from './kin.ts'
import { enforcedSettings, refusalOf } from './settings.ts'
import type { ServerStatus } from './status.ts'

const isOurs = (name: string, value: string): boolean =>
  refusalOf(name, value) !== undefined || defeats('mariadb', name, value, 'quorum') !== undefined

/** What it goes on with: what its configuration says, but for what is ours. */
export async function inheritedOf(
  session: Session,
  folder: string,
  signal: AbortSignal,
): Promise<Inherited> {
  const rows = await session.query(
    `SELECT LOWER(VARIABLE_NAME) AS name, GLOBAL_VALUE AS value
      FROM information_schema.SYSTEM_VARIABLES
      WHERE GLOBAL_VALUE_ORIGIN IN ('CONFIG', 'COMMAND-LINE')`,
    signal,
  )
  const settings = rows.map(({ name, value }) => [String(name), String(value ?? '')] as const)
  return inheritedFrom(settings, { folder, isOurs }, await librariesOf(session, signal))
}

/** One sentence for each thing that is different once it is ours. */
export async function changesOf(
  session: Session,
  { plan, member, accounts }: AdoptedMember,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const rows = await session.query(
    `SELECT LOWER(VARIABLE_NAME) AS name, VARIABLE_VALUE AS value
      FROM information_schema.GLOBAL_VARIABLES`,
    signal,
  )
  const now = new Map(rows.map(({ name, value }) => [String(name), String(value ?? '')]))
  const enforced = enforcedSettings.map(({ name, value }) => [name, value] as const)
  const index = plan.members.findIndex(({ name }) => name === member.name)
  const log = now.get('log_bin_basename') ?? ''
  return [
    ...changedSettings(now, [...Object.entries(plan.settings), ...enforced]),
    `server_id = ${replicaServerId(index)} (it is ${now.get('server_id') ?? 'nothing'}), and ` +
      'another with each promotion',
    `it listens at ${member.host}:${member.port} only, and no more at ${now.get('socket') ?? ''}`,
    ...(log === '' ? [] : [`its binary logs begin anew; the old ones (${log}) are left to you`]),
    ...(await unboundOf(session, accounts.admin.user, signal)),
    'what else its configuration says goes on to hold',
  ]
}

/** Clients that `read_only` does not bind: what they write to a replica is in nobody's history. */
async function unboundOf(
  session: Session,
  admin: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const rows = await session.query(
    `SELECT DISTINCT p.USER AS user FROM information_schema.PROCESSLIST AS p
      JOIN information_schema.USER_PRIVILEGES AS g
        ON g.GRANTEE LIKE CONCAT('''', p.USER, '''@%')
      WHERE g.PRIVILEGE_TYPE IN ('SUPER', 'READ_ONLY ADMIN', 'READ ONLY ADMIN')
        AND p.ID <> CONNECTION_ID() AND p.USER <> ?`,
    signal,
    [admin],
  )
  return rows.map(
    ({ user }) =>
      `its client ${user} writes also where read_only is on: whatever it writes while servers ` +
      'change places may be lost; let it come as a user who may not (no READ ONLY ADMIN)',
  )
}

interface Standing {
  readonly role: RunningServer['role']
  /** Of whom it is a replica. */
  readonly links: number
  readonly status: ServerStatus
}

/** What keeps this one from being ours. */
export async function conflictsOf(
  session: Session,
  adopted: AdoptedMember,
  { role, links, status }: Standing,
  signal: AbortSignal,
): Promise<readonly Conflict[]> {
  const self = await session.one(
    `SELECT @@global.server_id AS id, @@global.log_bin AS logs, @@global.datadir AS folder,
      @@global.gtid_current_pos AS position, @@global.gtid_domain_id AS domain,
      @@global.innodb_data_home_dir AS spaces, @@global.innodb_log_group_home_dir AS redo,
      @@global.innodb_undo_directory AS history, @@global.aria_log_dir_path AS aria`,
    signal,
  )
  const { name } = adopted.member
  const id = Number(self.id)
  const conflicts: Conflict[] = [...epochsOf(name, id, role)]
  if (conflicts.length === 0) conflicts.push(...idConflicts(adopted, id, role, replicaServerId))
  const gtids = parseGtids(String(self.position))
  const domains = new Set([Number(self.domain), ...gtids.map((each) => each.domain)])
  if ([...domains].some((each) => each !== domain)) {
    const remedy = 'bring all writes into domain 0 first, and RESET MASTER on all together'
    conflicts.push({ what: `${name} writes in other GTID domains than ${domain}`, remedy })
  }
  const waits = role === 'primary' && status.semiSync
  conflicts.push(...waitConflicts(name, waits, 'rpl_semi_sync_master_enabled'))
  conflicts.push(...linkConflicts(name, links, 'RESET SLAVE ’…’ ALL'))
  if (role === 'primary' && Number(self.logs) === 0) {
    const what = `${name} writes no binary log`
    conflicts.push({ what, remedy: 'start it with `log_bin`: nobody could follow it' })
  }
  if (role === 'replica' && links > 0 && gtids.some(({ server }) => server === id)) {
    const what = `${name} has writes of its own, which its primary does not have`
    conflicts.push({ what, remedy: 'copy it anew from its primary, and set read_only = ON there' })
  }
  const { spaces, redo, history, aria } = self
  return [
    ...conflicts,
    ...outsideConflicts(name, plainFolder(self.folder), [spaces, redo, history, aria]),
    ...(await userConflicts(mariadb, session, adopted, signal)),
  ]
}

/** Epochs that are said by an id have to be free. */
function epochsOf(name: string, id: number, role: RunningServer['role']): readonly Conflict[] {
  if (role !== 'primary' || epochOf(id) <= epochMost / 2) return []
  const what = `server_id = ${id} of ${name} is too large: epochs are counted from there`
  return [{ what, remedy: 'SET GLOBAL server_id to a smaller one, and write something' }]
}

/**
 * A position of before says who wrote it. They can be compared only where all were written by
 * whoever is primary now.
 */
export function sameWriter(servers: readonly RunningServer[]): readonly RunningServer[] {
  const primary = servers.find(({ role }) => role === 'primary')
  if (primary === undefined) return servers
  return servers.map((each) => {
    if (each.position.line === primary.position.line) return each
    const what = `${each.member} has not received anything yet that ${primary.member} wrote itself`
    const remedy = `write something on ${primary.member}, such as a table in a database test`
    return { ...each, conflicts: [...each.conflicts, { what, remedy }] }
  })
}
