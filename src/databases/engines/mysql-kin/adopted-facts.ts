// What does a MariaDB or MySQL that is taken over go on with, what changes, and what stands in the
// way, in which both are alike?

import type { AdoptedMember, Conflict, Inherited, RunningServer } from '../../adoption/model.ts'
import { ownIdentity } from './adopting.ts'
import type { Kin, KinStatus, KnownAccount } from './kin.ts'
import type { Session } from './session.ts'

/** They say where something is, not how the server is to be. */
const places = new Set([
  ...['log_bin', 'log_bin_basename', 'log_bin_index', 'relay_log', 'relay_log_basename'],
  ...['relay_log_index', 'relay_log_info_file', 'basedir', 'lc_messages_dir', 'pid_file'],
  'character_sets_dir',
])

export const plainFolder = (value: unknown): string => String(value ?? '').replace(/\/+$/, '')

const isWithin = (path: string, folder: string): boolean =>
  plainFolder(path) === folder || path.startsWith(`${folder}/`)

/** What its configuration says, but for what is ours, and for places in a folder that is moved. */
export const inheritedOf = (
  settings: readonly (readonly [name: string, value: string])[],
  { folder, isOurs }: { folder: string; isOurs: (name: string, value: string) => boolean },
  libraries: readonly string[],
): Inherited => {
  const kept = settings
    .filter(([name, value]) => !places.has(name) && !isOurs(name, value))
    .filter(([, value]) => !isWithin(value, folder))
    // One of a plugin that is not there any more does not keep the server from starting.
    .map(([name, value]) => [`loose_${name}`, value] as const)
  const added = libraries.length === 0 ? [] : [['plugin_load_add', libraries.join(';')] as const]
  return { settings: Object.fromEntries([...added, ...kept]), access: [], sockets: [] }
}

/** The libraries of plugins that its configuration loads, and that its data do not name. */
export async function librariesOf(
  session: Session,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const rows = await session.query(
    `SELECT DISTINCT PLUGIN_LIBRARY AS library FROM information_schema.PLUGINS
      WHERE PLUGIN_LIBRARY IS NOT NULL AND PLUGIN_STATUS = 'ACTIVE'
        AND PLUGIN_NAME NOT IN (SELECT name FROM mysql.plugin)`,
    signal,
  )
  return rows.map(({ library }) => String(library))
}

const upper = (value: unknown): string => {
  const text = String(value ?? '').toUpperCase()
  return text === '1' ? 'ON' : text === '0' ? 'OFF' : text
}

/** Said in words of their own, or true of a member only while it is a replica. */
const unsaid = new Set(['read_only', 'super_read_only', 'skip_slave_start', 'skip_replica_start'])

/** Settings that are others once it is ours, in one sentence; `now` is what it runs with. */
export function changedSettings(
  now: ReadonlyMap<string, string>,
  wanted: readonly (readonly [name: string, value: string])[],
): readonly string[] {
  const changed = wanted.flatMap(([name, value]) => {
    const is = now.get(name.toLowerCase())
    if (is === undefined || upper(is) === upper(value) || unsaid.has(name)) return []
    return [`${name} = ${value} (it is ${is || 'nothing'})`]
  })
  return changed.length === 0 ? [] : [`set ${changed.join(', ')}`]
}

/** The ids that our replicas go by have to be free. */
export function idConflicts(
  { plan, member: { name } }: AdoptedMember,
  id: number,
  role: RunningServer['role'],
  idOf: (index: number) => number,
): readonly Conflict[] {
  if (role !== 'primary') return []
  const other = plan.members.findIndex((each, at) => each.name !== name && idOf(at) === id)
  if (other < 0) return []
  const what = `${name} has server_id = ${id}, which member ${other + 1} of the list goes by`
  return [{ what, remedy: `name this server as number ${id} under \`members:\`` }]
}

/** Data that would not be moved with the folder. */
export function outsideConflicts(
  name: string,
  folder: string,
  paths: readonly unknown[],
): readonly Conflict[] {
  const outside = paths
    .map((each) => String(each ?? ''))
    .filter((each) => each.startsWith('/') && !isWithin(each, folder))
  if (outside.length === 0) return []
  const what = `${name} keeps a part of its data in ${[...new Set(outside)].join(', ')}`
  return [{ what, remedy: `bring that to ${folder}: a member has one folder` }]
}

/** A primary that waits for its replicas would wait for ours, which acknowledge nothing to it. */
export const waitConflicts = (
  name: string,
  waits: boolean,
  setting: string,
): readonly Conflict[] =>
  waits
    ? [
        {
          what: `${name} waits for acknowledgements of its replicas (${setting})`,
          remedy:
            `SET GLOBAL ${setting} = OFF until it is taken over: with \`durability: quorum\` it ` +
            'waits again afterwards',
        },
      ]
    : []

/** One that receives from several. */
export const linkConflicts = (name: string, links: number, reset: string): readonly Conflict[] =>
  links <= 1
    ? []
    : [
        {
          what: `${name} receives from ${links} servers at once`,
          remedy: `leave it one, the primary: ${reset}`,
        },
      ]

/** Users whom ours would meet, and one of Always On that it is a member of already. */
export async function userConflicts<Known extends KnownAccount>(
  kin: Kin<KinStatus, Known>,
  session: Session,
  { plan, member: { name }, accounts }: AdoptedMember,
  signal: AbortSignal,
): Promise<readonly Conflict[]> {
  const conflicts: Conflict[] = []
  const known = await kin.knownAccounts(session, signal)
  const app = known.get(plan.app.user)
  if (app !== undefined && !kin.isOf(app, accounts.app.password)) {
    conflicts.push({
      what: `${name} has a user ${plan.app.user} already, whose password would be changed`,
      remedy: `name another user for ours: \`app: { user: ${plan.app.user}_app }\``,
    })
  }
  const nameless = await session.query("SELECT Host FROM mysql.user WHERE User = ''", signal)
  if (nameless.length > 0) {
    conflicts.push({
      what: `${name} has users without a name, who would be taken for ours on its machine`,
      remedy: "drop them: DROP USER ''@'localhost'",
    })
  }
  const { own } = await session.one('SELECT @@global.report_user AS own', signal)
  const isOther = own !== null && own !== '' && own !== name
  if (isOther && (await ownIdentity(session, signal)) !== undefined) {
    conflicts.push({
      what: `${name} is looked after by another Always On, which calls it ${own}`,
      remedy: 'leave it out, or have that one end first (alwayson down) and start it by itself',
    })
  }
  return conflicts
}
