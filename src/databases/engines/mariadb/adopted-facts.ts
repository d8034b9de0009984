// What does a server that is taken over go on with, what changes, and what stands in the way?

import type { AdoptedMember, Conflict, Inherited, RunningServer } from '../../adoption/model.ts'
import { defeats } from '../../durable-settings.ts'
import type { Session } from '../mysql-kin/session.ts'
import { knownAccounts, verifierOf } from './accounts.ts'
import { domain, epochMost, epochOf, parseGtids, replicaServerId } from './gtid.ts'
import { enforcedSettings, refusalOf } from './settings.ts'

/** They say where something is, not how the server is to be. */
const places = /^(log_bin|relay_log|basedir|lc_messages_dir|character_sets_dir|pid_file)/

/** What it goes on with: what its configuration says, but for what is ours. */
export async function inheritedOf(session: Session, signal: AbortSignal): Promise<Inherited> {
  const rows = await session.query(
    `SELECT LOWER(VARIABLE_NAME) AS name, GLOBAL_VALUE AS value
      FROM information_schema.SYSTEM_VARIABLES
      WHERE GLOBAL_VALUE_ORIGIN IN ('CONFIG', 'COMMAND-LINE')`,
    signal,
  )
  const settings = rows
    .map(({ name, value }) => [String(name), String(value ?? '')] as const)
    .filter(([name, value]) => !places.test(name) && refusalOf(name, value) === undefined)
    .filter(([name, value]) => defeats('mariadb', name, value, 'quorum') === undefined)
    // One of a plugin that is not there any more does not keep the server from starting.
    .map(([name, value]) => [`loose_${name}`, value] as const)
  const plugins = await session.query(
    `SELECT DISTINCT PLUGIN_LIBRARY AS library FROM information_schema.PLUGINS
      WHERE PLUGIN_LIBRARY IS NOT NULL AND PLUGIN_STATUS = 'ACTIVE'
        AND PLUGIN_NAME NOT IN (SELECT name FROM mysql.plugin)`,
    signal,
  )
  const libraries = plugins.map(({ library }) => String(library)).join(';')
  const added = libraries === '' ? [] : [['plugin_load_add', libraries] as const]
  return { settings: Object.fromEntries([...added, ...settings]), access: [], sockets: [] }
}

const upper = (value: unknown): string => {
  const text = String(value ?? '').toUpperCase()
  return text === '1' ? 'ON' : text === '0' ? 'OFF' : text
}

/** Said in words of their own, or true of a member only while it is a replica. */
const unsaid = new Set(['read_only', 'skip_slave_start'])

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
  const chosen = Object.entries(plan.settings).map(([name, value]) => ({ name, value }))
  const changed = [...chosen, ...enforcedSettings].flatMap(({ name, value }) => {
    const is = now.get(name.toLowerCase())
    if (is === undefined || upper(is) === upper(value) || unsaid.has(name)) return []
    return [`${name} = ${value} (it is ${is || 'nothing'})`]
  })
  const index = plan.members.findIndex(({ name }) => name === member.name)
  const log = now.get('log_bin_basename') ?? ''
  return [
    ...(changed.length === 0 ? [] : [`set ${changed.join(', ')}`]),
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
        ON g.GRANTEE LIKE CONCAT("'", p.USER, "'@%")
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
}

/** What keeps this one from being ours. */
export async function conflictsOf(
  session: Session,
  { plan, member, accounts }: AdoptedMember,
  { role, links }: Standing,
  signal: AbortSignal,
): Promise<readonly Conflict[]> {
  const self = await session.one(
    `SELECT @@global.server_id AS id, @@global.log_bin AS logs, @@global.datadir AS folder,
      @@global.gtid_current_pos AS position, @@global.gtid_domain_id AS domain,
      @@global.innodb_data_home_dir AS spaces, @@global.innodb_log_group_home_dir AS redo,
      @@global.innodb_undo_directory AS history, @@global.aria_log_dir_path AS aria`,
    signal,
  )
  const { name } = member
  const id = Number(self.id)
  const conflicts: Conflict[] = [...idsOf(name, id, role, plan.members)]
  const gtids = parseGtids(String(self.position))
  const domains = new Set([Number(self.domain), ...gtids.map((each) => each.domain)])
  if ([...domains].some((each) => each !== domain)) {
    const remedy = 'bring all writes into domain 0 first, and RESET MASTER on all together'
    conflicts.push({ what: `${name} writes in other GTID domains than ${domain}`, remedy })
  }
  if (links > 1) {
    const what = `${name} receives from ${links} servers at once`
    conflicts.push({ what, remedy: 'leave it one, the primary: RESET SLAVE ’…’ ALL' })
  }
  if (role === 'primary' && Number(self.logs) === 0) {
    const what = `${name} writes no binary log`
    conflicts.push({ what, remedy: 'start it with `log_bin`: nobody could follow it' })
  }
  if (role === 'replica' && links > 0 && gtids.some(({ server }) => server === id)) {
    const what = `${name} has writes of its own, which its primary does not have`
    conflicts.push({ what, remedy: 'copy it anew from its primary, and set read_only = ON there' })
  }
  const folder = String(self.folder).replace(/\/+$/, '')
  const outside = [self.spaces, self.redo, self.history, self.aria]
    .map((each) => String(each ?? ''))
    .filter((each) => each.startsWith('/') && each.replace(/\/+$/, '') !== folder)
  if (outside.length > 0) {
    const what = `${name} keeps a part of its data in ${outside.join(', ')}`
    conflicts.push({ what, remedy: `bring that to ${folder}: a member has one folder` })
  }
  return [...conflicts, ...(await usersOf(session, { plan, member, accounts }, signal))]
}

/** The ids that our replicas go by, and epochs that are said by an id, have to be free. */
function idsOf(
  name: string,
  id: number,
  role: RunningServer['role'],
  members: AdoptedMember['plan']['members'],
): readonly Conflict[] {
  if (role !== 'primary') return []
  if (epochOf(id) > epochMost / 2) {
    const what = `server_id = ${id} of ${name} is too large: epochs are counted from there`
    return [{ what, remedy: 'SET GLOBAL server_id to a smaller one, and write something' }]
  }
  const other = members.findIndex((each, at) => each.name !== name && replicaServerId(at) === id)
  if (other < 0) return []
  const what = `${name} has server_id = ${id}, which member ${other + 1} of the list goes by`
  return [{ what, remedy: `name this server as number ${id} under \`members:\`` }]
}

async function usersOf(
  session: Session,
  { plan, member, accounts }: AdoptedMember,
  signal: AbortSignal,
): Promise<readonly Conflict[]> {
  const { name } = member
  const conflicts: Conflict[] = []
  const known = await knownAccounts(session, signal)
  const app = known.get(plan.app.user)
  if (app !== undefined && app.verifier !== verifierOf(accounts.app.password)) {
    conflicts.push({
      what: `${name} has a user ${plan.app.user} already, whose password would be changed`,
      remedy: `name another user for ours: \`app: { user: ${plan.app.user}_app }\``,
    })
  }
  const nameless = await session.query("SELECT Host FROM mysql.global_priv WHERE User = ''", signal)
  if (nameless.length > 0) {
    conflicts.push({
      what: `${name} has users without a name, who would be taken for ours on its machine`,
      remedy: "drop them: DROP USER ''@'localhost'",
    })
  }
  return conflicts
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
