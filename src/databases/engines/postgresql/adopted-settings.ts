// What does a server that is taken over go on with, what changes, and what stands in the way?

import type { AdoptedMember, Conflict, Inherited, RunningServer } from '../../adoption/model.ts'
import { defeats, plainSetting } from '../../durable-settings.ts'
import type { DatabasePlan } from '../../model.ts'
import { accessLine } from './adopted-access.ts'
import { isOfPassword } from './scram.ts'
import type { Session } from './session.ts'
import { enforced } from './settings.ts'

/** A replica needs at least what its primary has (hot standby docs, 27.4.5). */
const asMuch = [
  ...['max_connections', 'max_worker_processes', 'max_prepared_transactions'],
  'max_locks_per_transaction',
] as const

const senders = 32

/** Settings that somebody has set, by file or at the start, in the words of a file. */
async function setOnes(
  session: Session,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const rows = await session.query(
    `SELECT name, current_setting(name) AS value FROM pg_settings
      WHERE source IN ('configuration file', 'command line', 'environment variable')
         OR name = ANY ($1)`,
    signal,
    [asMuch],
  )
  return Object.fromEntries(rows.map(({ name, value }) => [String(name), String(value)]))
}

const isOurs = (plan: DatabasePlan, name: string, value: string): boolean =>
  name in enforcedNames || defeats('postgresql', name, value, plan.durability) !== undefined

const enforcedNames = enforced(
  { address: { member: '', host: '', port: 0 }, run: '', major: 18, freeBytes: 0 },
  {},
)

/** What it goes on with. */
export async function inheritedOf(
  session: Session,
  plan: DatabasePlan,
  signal: AbortSignal,
): Promise<Inherited> {
  const all = await setOnes(session, signal)
  const settings = Object.entries(all).filter(([name, value]) => !isOurs(plan, name, value))
  const rules = await session.query('SELECT * FROM pg_hba_file_rules', signal)
  const sockets = (all.unix_socket_directories ?? '/var/run/postgresql').split(',')
  return {
    settings: Object.fromEntries(settings),
    access: rules.flatMap((row) => accessLine(row) ?? []),
    sockets: sockets.map((each) => each.trim()).filter((each) => each.startsWith('/')),
  }
}

/** Said in words of their own, or of no concern to anybody. */
const unsaid = new Set([
  ...['unix_socket_directories', 'hba_file', 'ident_file', 'cluster_name', 'port'],
  ...['recovery_init_sync_method', 'allow_alter_system', 'synchronous_commit'],
])

/** One sentence for each thing that is different once it is ours. */
export async function changesOf(
  session: Session,
  { plan, member }: AdoptedMember,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const chosen = Object.fromEntries(
    Object.entries(plan.settings).map(([name, value]) => [plainSetting(name), value]),
  )
  const address = { member: member.name, host: member.host, port: member.port }
  const place = { address, run: '', major: 15, freeBytes: 0 }
  const wanted = { ...chosen, ...enforced(place, chosen) }
  const rows = await session.query(
    'SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY ($1)',
    signal,
    [Object.keys(wanted)],
  )
  const changed = rows.flatMap(({ name, value }) => {
    const to = wanted[String(name)] ?? ''
    if (to === value || unsaid.has(String(name))) return []
    return [`${String(name)} = ${to || 'nothing'} (it is ${String(value) || 'nothing'})`]
  })
  const slots = await session.query(
    "SELECT slot_name AS name FROM pg_replication_slots WHERE slot_type = 'logical'",
    signal,
  )
  return [
    ...(changed.length === 0 ? [] : [`set ${changed.join(', ')}`]),
    'what else its configuration says goes on to hold, and whom its pg_hba.conf lets in',
    ...slots.map(({ name }) => `its logical slot ${String(name)} does not move with a failover`),
  ]
}

/** What keeps this one from being ours. */
export async function conflictsOf(
  session: Session,
  { plan, member, accounts }: AdoptedMember,
  signal: AbortSignal,
): Promise<readonly Conflict[]> {
  const { name } = member
  const conflicts: Conflict[] = []
  const spaces = await session.query(
    "SELECT spcname AS name FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')",
    signal,
  )
  if (spaces.length > 0) {
    conflicts.push({
      what: `${name} has tablespaces beside the default: ${spaces.map((s) => s.name).join(', ')}`,
      remedy: 'move what is in them to pg_default, and drop them: they would not be copied',
    })
  }
  const all = await setOnes(session, signal)
  if (Number(all.max_wal_senders ?? 0) > senders) {
    conflicts.push({
      what: `${name} runs with max_wal_senders = ${all.max_wal_senders}, and ${senders} is ours`,
      remedy: `set it to ${senders} at most on all members, and restart them, replicas last`,
    })
  }
  for (const setting of asMuch) {
    const asked = plan.settings[setting]
    if (asked === undefined || Number(asked) >= Number(all[setting] ?? 0)) continue
    conflicts.push({
      what: `${name} runs with ${setting} = ${all[setting]}, and the file says ${asked}`,
      remedy: `leave ${setting} out of the file until it is taken over: replicas need as much`,
    })
  }
  const { verifier } = await session.row(
    `SELECT coalesce(rolpassword, '') AS verifier FROM pg_authid WHERE rolname = $1`,
    signal,
    [plan.app.user],
  )
  if (verifier !== undefined && !isOfPassword(String(verifier), accounts.app.password)) {
    conflicts.push({
      what: `${name} has a user ${plan.app.user} already, whose password would be changed`,
      remedy: `name another user for ours: \`app: { user: ${plan.app.user}_app }\``,
    })
  }
  return conflicts
}

/** Every member gets the most that any of them has: each may have to follow any other. */
export function needsAsMuch(servers: readonly RunningServer[]): readonly RunningServer[] {
  const most = Object.fromEntries(
    asMuch.map((name) => [
      name,
      String(Math.max(...servers.map((each) => Number(each.inherited.settings[name] ?? 0)))),
    ]),
  )
  return servers.map((each) => ({
    ...each,
    inherited: { ...each.inherited, settings: { ...each.inherited.settings, ...most } },
  }))
}
