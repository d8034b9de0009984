// What does a database come to, once its short forms are written out and its defaults are in?

import { dirname, isAbsolute, resolve as resolvePath } from 'node:path'
import { boundsFor } from '../databases/budget.ts'
import { defeats, defeatsCertificates, wantedEncryption } from '../databases/durable-settings.ts'
import type { BackupPlan, Bind, DatabasePlan, EngineName, MemberPlan } from '../databases/model.ts'
import { defaults } from './defaults.ts'
import type { RawDatabase } from './schema.ts'
import { durationOf } from './settle-check.ts'
import { type Block, type Housing, settleMembers } from './settle-members.ts'
import type { Loose, Site } from './site.ts'
import type { Path } from './tree.ts'
import { type Address, readBind } from './values.ts'

type Raw = Loose<RawDatabase>

const std = defaults.database

/** The database as the other rooms want it; stand-ins for what was faulty. */
export function settleDatabase(
  name: string,
  raw: Raw,
  housing: Housing,
  block: Block,
  site: Site,
): DatabasePlan {
  const path = ['databases', name]
  const engine = raw.engine ?? 'postgresql'
  const { members, durability } = settleMembers(name, { ...raw, engine }, housing, block, site)
  const failover = typeof raw.failover === 'string' ? { mode: raw.failover } : (raw.failover ?? {})
  const hold = typeof raw.hold === 'string' ? { wait: raw.hold } : (raw.hold ?? {})
  const target = durationOf(failover.within, std.within)
  refuseTarget({ target, engine }, raw, path, site)
  refuseSettings(engine, durability, raw, path, site)
  const { tls } = raw
  refuseTls(engine, members, raw, path, site)
  if (wantedEncryption({ members, tls }) === 'required') refuseCertificates(raw, path, site)
  return {
    name,
    engine,
    members,
    durability,
    failover: failover.mode ?? std.failover,
    target,
    onDivergence: raw.on_divergence ?? std.onDivergence,
    bind: settleDoors(raw.bind, block),
    readLag: durationOf(raw.read_lag, std.readLag),
    hold: {
      wait: durationOf(hold.wait, std.hold.wait),
      connections: hold.connections ?? std.hold.connections,
    },
    home: settleHome(raw.home, path, site),
    data: beside(raw.data, site),
    user: raw.user,
    settings: Object.fromEntries(settingsOf(raw)),
    app: settleApp(name, engine, raw.app, path, site),
    backups: settleBackups(raw.backups, site),
    tls,
  }
}

/** A path of the file, from its folder. */
const beside = (path: string | undefined, site: Site): string | undefined =>
  path === undefined ? undefined : resolvePath(dirname(site.file), path)

function settleDoors(raw: Raw['bind'], block: Block): DatabasePlan['bind'] {
  const long = typeof raw === 'string' ? { write: raw } : (raw ?? {})
  const at = (text: string | undefined): Bind | undefined => {
    const reading = text === undefined ? undefined : readBind(text)
    return reading?.ok ? (reading.value satisfies Address) : undefined
  }
  return { write: at(long.write) ?? { host: '127.0.0.1', port: block.door }, read: at(long.read) }
}

/** Programs are the same wherever the file is. */
function settleHome(raw: string | undefined, path: Path, site: Site): string | undefined {
  if (raw === undefined || isAbsolute(raw)) return raw
  site.fault(
    [...path, 'home'],
    `the folder of the programs is no path from the root: \`${site.shown([...path, 'home'])}\``,
    'begin with `/`, such as `/usr/lib/postgresql/15/bin`',
  )
  return undefined
}

function refuseTarget(
  { target, engine }: Pick<DatabasePlan, 'target' | 'engine'>,
  raw: Raw,
  path: Path,
  site: Site,
): void {
  const bounds = boundsFor(target, engine)
  if (typeof bounds !== 'string' || typeof raw.failover !== 'object') return
  if (raw.failover.within === undefined) return
  const at = [...path, 'failover', 'within']
  site.fault(at, `\`${site.shown(at)}\` cannot be kept: ${bounds}`, `leave it at \`${std.within}\``)
}

const settingsOf = (raw: Raw): readonly (readonly [string, string])[] =>
  Object.entries(raw.settings ?? {}).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, String(value)] as const],
  )

function refuseSettings(
  engine: EngineName,
  durability: DatabasePlan['durability'],
  raw: Raw,
  path: Path,
  site: Site,
): void {
  for (const [name, value] of settingsOf(raw)) {
    const defeat = defeats(engine, name, value, durability)
    if (defeat === undefined) continue
    const at = [...path, 'settings', name]
    const { why, keeps } = defeat
    if (keeps.length === 0) {
      site.fault(at, `\`${name}\` is not the file’s to set: ${why}`, 'leave it out', { at: 'key' })
    } else {
      const said = `\`${name}: ${site.shown(at)}\` defeats what is promised: ${why}`
      site.fault(at, said, `leave it out, or write \`${keeps[0]}\``)
    }
  }
}

function refuseCertificates(raw: Raw, path: Path, site: Site): void {
  for (const [name] of settingsOf(raw)) {
    const why = defeatsCertificates(name)
    if (why === undefined) continue
    const at = [...path, 'settings', name]
    site.fault(at, `\`${name}\` is not the file’s to set: ${why}`, 'leave it out', { at: 'key' })
  }
}

function refuseTls(
  engine: EngineName,
  members: readonly MemberPlan[],
  raw: Raw,
  path: Path,
  site: Site,
): void {
  if (raw.tls === undefined) return
  const why =
    engine === 'mysql'
      ? 'members of MySQL cannot be brought from one to the other'
      : members.some(({ machine }) => machine === undefined)
        ? 'all members are on this machine, and nothing leaves it'
        : undefined
  if (why === undefined) return
  site.fault([...path, 'tls'], `\`tls\` has no say here: ${why}`, 'leave it out', { at: 'key' })
}

/** Names that servers keep for themselves, and ours. */
const reserved: Readonly<Record<EngineName, RegExp>> = {
  postgresql: /^(pg_.*|postgres|template[01]|alwayson.*|public)$/,
  mariadb: /^(root|mysql|mariadb|sys|information_schema|performance_schema|alwayson.*)$/,
  mysql: /^(root|mysql|sys|information_schema|performance_schema|alwayson.*)$/,
}

function settleApp(
  name: string,
  engine: EngineName,
  raw: Raw['app'],
  path: Path,
  site: Site,
): DatabasePlan['app'] {
  const plain = name.replaceAll('-', '_').slice(0, 31)
  const app = { user: raw?.user ?? plain, database: raw?.database ?? plain }
  for (const key of ['user', 'database'] as const) {
    if (!reserved[engine].test(app[key])) continue
    const isWritten = raw?.[key] !== undefined
    site.fault(
      isWritten ? [...path, 'app', key] : path,
      `\`${app[key]}\` as the application’s ${key} is the server’s own name, or Always On’s`,
      isWritten ? 'choose another' : `choose one: \`app: { ${key}: … }\``,
      { at: isWritten ? 'value' : 'key' },
    )
  }
  return app
}

function settleBackups(raw: Raw['backups'], site: Site): BackupPlan | undefined {
  const to = beside(raw?.to, site)
  if (raw === undefined || to === undefined) return undefined
  return {
    to,
    every: durationOf(raw.every, std.backups.every),
    keep: raw.keep ?? std.backups.keep,
    tryEvery: raw.try_every === undefined ? undefined : durationOf(raw.try_every, raw.try_every),
  }
}
