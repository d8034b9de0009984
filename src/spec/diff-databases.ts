// What is different between two plans of a database, in sentences? No credential is shown. Pure.

import type { BackupPlan, Bind, DatabasePlan, MemberPlan } from '../databases/model.ts'
import { pairs, type Row, type Speaker, showAddress, time, withUntold } from './diff-rows.ts'
import type { Difference } from './model.ts'

const showBind = (bind: Bind | undefined): string | undefined =>
  bind && showAddress(bind.host, bind.port)

const showBackups = ({ to, every, keep, tryEvery }: BackupPlan): string =>
  `to ${to} every ${time(every)}, keep ${keep}` +
  `${tryEvery === undefined ? '' : `, tried every ${time(tryEvery)}`}`

const rows: readonly Row<DatabasePlan>[] = [
  { key: 'engine', show: (d) => d.engine },
  { key: 'durability', show: (d) => d.durability },
  { key: 'failover', show: (d) => d.failover },
  { key: 'failover.within', show: (d) => time(d.target) },
  { key: 'bind.write', show: (d) => showBind(d.bind.write) },
  { key: 'bind.read', show: (d) => showBind(d.bind.read) },
  { key: 'read_lag', show: (d) => time(d.readLag) },
  { key: 'hold.wait', show: (d) => time(d.hold.wait) },
  { key: 'hold.connections', show: (d) => String(d.hold.connections) },
  { key: 'on_divergence', show: (d) => d.onDivergence },
  { key: 'home', show: (d) => d.home },
  { key: 'data', show: (d) => d.data },
  { key: 'user', show: (d) => d.user },
  { key: 'app.user', show: (d) => d.app.user },
  { key: 'app.database', show: (d) => d.app.database },
  { key: 'tls', show: (d) => (d.tls === undefined ? undefined : String(d.tls)) },
  { key: 'backups', show: (d) => d.backups && showBackups(d.backups) },
]

/** The differences of one database. */
export function diffDatabase(
  name: string,
  was: DatabasePlan | undefined,
  is: DatabasePlan | undefined,
  say: Speaker,
): readonly Difference[] {
  const path = `databases.${name}`
  if (is === undefined) {
    const sentence = `database ${name} is gone: its members are stopped, their data stay`
    return [{ path, kind: 'removed', sentence }]
  }
  if (was === undefined) {
    return [{ path, kind: 'added', sentence: `database ${name} is new: ${summary(is)}` }]
  }
  return withUntold(path, was, is, (old, now) => [
    ...say.rows(path, old, now, rows),
    ...diffMembers(`${path}.members`, old.members, now.members, say),
    ...diffSettings(path, old, now, say),
  ])
}

function summary({ engine, members, durability }: DatabasePlan): string {
  const { length } = members
  const adopted = members.some(({ adopt }) => adopt !== undefined) ? ' that run already' : ''
  return `${length} ${length === 1 ? 'member' : 'members'} of ${engine}${adopted}, ${durability}`
}

const byName = (members: readonly MemberPlan[]): Readonly<Record<string, MemberPlan>> =>
  Object.fromEntries(members.map((member) => [member.name, member]))

const place = ({ host, port, machine }: MemberPlan): string =>
  `${showAddress(host, port)}${machine === undefined ? '' : ` on ${machine}`}`

function diffMembers(
  path: string,
  was: readonly MemberPlan[],
  is: readonly MemberPlan[],
  say: Speaker,
): readonly Difference[] {
  const isHidden = say.isFromEnv(path) || say.isFromEnv('machines')
  return pairs(byName(was), byName(is)).flatMap(
    ({ name, was: old, is: now }): readonly Difference[] => {
      if (now === undefined) {
        return [{ path, kind: 'removed', sentence: `member ${name} is gone` }]
      }
      if (old === undefined) {
        const where = isHidden ? '' : `: ${place(now)}`
        return [{ path, kind: 'added', sentence: `member ${name} is new${where}` }]
      }
      const moved = place(old) !== place(now)
      const other = JSON.stringify(old.adopt) !== JSON.stringify(now.adopt)
      const way = isHidden ? '' : `: ${place(old)} to ${place(now)}`
      return [
        ...(moved ? [changed(path, `member ${name} moves${way}`)] : []),
        ...(other ? [changed(path, `credentials of member ${name} changed`)] : []),
      ]
    },
  )
}

const changed = (path: string, sentence: string): Difference => ({
  path,
  kind: 'changed',
  sentence,
})

function diffSettings(
  path: string,
  was: DatabasePlan,
  is: DatabasePlan,
  say: Speaker,
): readonly Difference[] {
  const names = new Set([...Object.keys(was.settings), ...Object.keys(is.settings)])
  const each = [...names].map(
    (name): Row<DatabasePlan> => ({ key: `settings.${name}`, show: (d) => d.settings[name] }),
  )
  return say.rows(path, was, is, each)
}
