// Which changes of the file cannot be carried out on what runs, because data would be lost or out
// of reach? Pure.

import type { DatabasePlan } from '../databases/model.ts'
import type { Spec } from './model.ts'

/** A change that is refused: what it is, and what to do instead. */
export interface Refusal {
  readonly path: string
  readonly message: string
  readonly remedy: string
}

/**
 * What `after` asks for that cannot be had from what `before` runs. `primaryOf` tells which member
 * of a database is primary, as far as that is known.
 */
export const refusals = (
  before: Pick<Spec, 'databases'>,
  after: Pick<Spec, 'databases'>,
  primaryOf: (database: string) => string | undefined = () => undefined,
): readonly Refusal[] =>
  Object.values(after.databases).flatMap((is) => {
    const was = before.databases[is.name]
    if (was === undefined) return []
    return [...rename(was, is), ...lowered(was, is), ...moved(was, is, primaryOf(is.name))]
  })

function rename(was: DatabasePlan, is: DatabasePlan): readonly Refusal[] {
  const path = `databases.${is.name}`
  const aside = 'name a new database beside it, copy what it has, then leave this one out'
  const rows = [
    ['engine', was.engine, is.engine, 'its data are those of the other server', aside],
    ['data', was.data, is.data, 'its members have their data there', 'leave it as it was'],
    ['app.database', was.app.database, is.app.database, 'the rows are in there', aside],
    ['app.user', was.app.user, is.app.user, 'it owns the rows', aside],
  ] as const
  return rows.flatMap(([key, old, now, why, remedy]): readonly Refusal[] => {
    if (old === now) return []
    const [from, to] = [old ?? 'the state folder', now ?? 'the state folder']
    const message = `\`${key}\` of ${is.name} cannot change from \`${from}\` to \`${to}\`: ${why}`
    return [{ path: `${path}.${key}`, message, remedy }]
  })
}

/** What a replica of PostgreSQL may not have less of than its primary (hot standby docs). */
const leastOfReplicas: Readonly<Record<string, number>> = {
  max_connections: 100,
  max_worker_processes: 8,
  max_prepared_transactions: 0,
  max_locks_per_transaction: 64,
}

function lowered(was: DatabasePlan, is: DatabasePlan): readonly Refusal[] {
  if (is.engine !== 'postgresql') return []
  return Object.entries(leastOfReplicas).flatMap(([name, otherwise]): readonly Refusal[] => {
    const of = ({ settings }: DatabasePlan): number => Number(settings[name] ?? otherwise)
    if (!(of(is) < of(was))) return []
    const message =
      `\`${name}\` of ${is.name} cannot change from ${of(was)} to ${of(is)}: a replica has to ` +
      'have at least what its primary has had'
    const remedy = `leave it at ${of(was)}`
    return [{ path: `databases.${is.name}.settings.${name}`, message, remedy }]
  })
}

function moved(
  was: DatabasePlan,
  is: DatabasePlan,
  primary: string | undefined,
): readonly Refusal[] {
  const path = `databases.${is.name}.members`
  const stays = was.members.filter((old) =>
    is.members.some(
      (now) =>
        now.name === old.name &&
        now.machine === old.machine &&
        (now.adopt === undefined) === (old.adopt === undefined),
    ),
  )
  // Half of them and the primary have every acknowledged write, as far as it was ever safe.
  if (2 * stays.length < was.members.length) {
    const message =
      `only ${stays.length} of the ${was.members.length} members of ${is.name} would stay where ` +
      'they are, and the others might have writes that those lack'
    return [{ path, message, remedy: 'change them one after another, each with its own apply' }]
  }
  if (primary === undefined || stays.some(({ name }) => name === primary)) return []
  const heir = stays[0]?.name
  const message = `${primary} is the primary of ${is.name}, and would leave`
  const remedy = `let another take over first: alwayson switchover ${is.name} --to ${heir}`
  return [{ path, message, remedy }]
}
