// What would applying a file do to databases, and what of it is refused? Pure.

import type { DatabasePlan, MemberPlan } from '../databases/model.ts'
import { Fault } from '../foundation/fault.ts'
import type { Spec } from '../spec/model.ts'
import { refusals } from '../spec/refuse.ts'

type Databases = Pick<Spec, 'databases'>

/** Throws a Fault with everything that `after` may not change of what `before` runs. */
export function refuseChanges(
  before: Databases,
  after: Databases,
  primaryOf?: (database: string) => string | undefined,
): void {
  const refused = refusals(before, after, primaryOf)
  if (refused.length === 0) return
  throw new Fault('refused', refused.map(({ message }) => message).join('; '), {
    remedy: [...new Set(refused.map(({ remedy }) => remedy))].join('; '),
  })
}

/** One sentence for each thing that is done to databases. */
export function planDatabases(before: Databases, after: Databases): readonly string[] {
  const names = new Set([...Object.keys(before.databases), ...Object.keys(after.databases)])
  return [...names].flatMap((name) => planDatabase(before.databases[name], after.databases[name]))
}

function planDatabase(
  was: DatabasePlan | undefined,
  is: DatabasePlan | undefined,
): readonly string[] {
  if (is === undefined) {
    return was === undefined ? [] : [`stop the members of ${was.name}, and leave their data`]
  }
  const names = is.members.map(({ name }) => name).join(', ')
  if (was === undefined) {
    const adopts = is.members.some(({ adopt }) => adopt !== undefined)
    return adopts
      ? [`take over ${names} as they are: whoever is primary stays so`]
      : [`make a new database ${is.name} of ${is.engine}, and have ${names} replicate it`]
  }
  return [
    ...membersPlan(was, is),
    ...(JSON.stringify(was.settings) === JSON.stringify(is.settings)
      ? []
      : [
          `give ${names} the new settings; where one needs a restart, restart them one after ` +
            'another, the primary last, after another has taken over',
        ]),
    ...(was.home === is.home
      ? []
      : [
          `restart ${names} one after another with the programs ` +
            `${is.home === undefined ? 'that are found' : `in ${is.home}`}, the primary last, ` +
            'after another has taken over',
        ]),
    ...(was.durability === is.durability ? [] : [durabilityPlan(is)]),
  ]
}

const durabilityPlan = ({ name, durability }: DatabasePlan): string =>
  durability === 'async'
    ? `acknowledge writes of ${name} by the primary alone`
    : `acknowledge writes of ${name} by a majority, once enough replicas have caught up`

function membersPlan(was: DatabasePlan, is: DatabasePlan): readonly string[] {
  const find = (members: readonly MemberPlan[], name: string): MemberPlan | undefined =>
    members.find((member) => member.name === name)
  const gone = was.members.filter(({ name }) => find(is.members, name) === undefined)
  return [
    ...is.members.flatMap((now) => {
      const old = find(was.members, now.name)
      if (old === undefined) return [`copy the data to ${now.name}, and have it replicate`]
      if (old.machine !== now.machine) {
        return [`copy the data to ${now.name} on ${now.machine ?? 'this machine'}`]
      }
      if (old.host === now.host && old.port === now.port) return []
      return [`restart ${now.name} at ${now.host}:${now.port}`]
    }),
    ...gone.map(({ name }) => `stop ${name}, and leave its data`),
  ]
}
