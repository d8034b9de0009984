// What would taking over servers change, and what speaks against it? Looks at all of them over the
// network, and at those of this machine beside; changes nothing.

import type { Adopter } from '../databases/adoption/adopter.ts'
import { describeAdoption, type LocalPart } from '../databases/adoption/describe.ts'
import { judge } from '../databases/adoption/judge.ts'
import { localServerAt } from '../databases/adoption/local.ts'
import type { RunningServer } from '../databases/adoption/model.ts'
import type { BoardView } from '../databases/board.ts'
import type { DatabaseAccounts } from '../databases/engine.ts'
import type { DatabasePlan, EngineName } from '../databases/model.ts'
import { Fault } from '../foundation/fault.ts'
import { localConflicts, lookAtAll, refuse } from './database-adoption.ts'
import type { DatabaseFolders } from './database-folders.ts'

/** A database as it is in force, and what is known of it. */
interface HeldDatabase {
  readonly plan: DatabasePlan
  readonly board: { view(): BoardView }
}

/** What it depends on. */
export interface AdoptionContext {
  readonly folders: DatabaseFolders
  readonly adopters: (engine: EngineName) => Promise<Adopter>
  /** This machine of a cluster; `undefined` where it is alone. */
  readonly machine: string | undefined
  readonly accountsOf: (plan: DatabasePlan) => DatabaseAccounts
  /** A database that is looked after already. */
  readonly heldOf: (name: string) => HeldDatabase | undefined
}

/** What was found. */
export interface PlannedAdoptions {
  readonly differences: readonly string[]
  readonly actions: readonly string[]
  /** Who takes writes now, by the name of the database that is to be taken over. */
  readonly primaries: ReadonlyMap<string, string>
}

/**
 * The plan of all take-overs that have not been asked for yet. Rejects with a Fault that says all
 * that speaks against one.
 */
export async function planAdoptions(
  plans: readonly DatabasePlan[],
  context: AdoptionContext,
): Promise<PlannedAdoptions> {
  const differences: string[] = []
  const actions: string[] = []
  const primaries = new Map<string, string>()
  for (const plan of plans.filter((each) => isDue(each, context.heldOf(each.name)))) {
    const adopter = await context.adopters(plan.engine)
    const accounts = context.accountsOf(plan)
    const members = plan.members.map((member) => ({ plan, member, accounts }))
    const servers = await lookAtAll(members, adopter, AbortSignal.timeout(60_000))
    const here = plan.members.filter(
      ({ machine }) => machine === undefined || machine === context.machine,
    )
    const locals = new Map(here.map(({ name, port }) => [name, localServerAt(port)]))
    refuse([
      ...judge(plan, servers, adopter),
      ...servers
        .filter(({ member }) => locals.has(member))
        .flatMap((each) => localConflicts({ ...context, plan }, each, locals.get(each.member))),
    ])
    const localOf = (name: string): LocalPart | undefined => {
      const server = locals.get(name)
      return server && { server, data: context.folders.member(plan, name).data }
    }
    differences.push(`the servers of ${plan.name} are not taken over yet`)
    actions.push(...describeAdoption(plan, servers, localOf, adopter))
    primaries.set(plan.name, primaryOf(servers))
  }
  return { differences, actions, primaries }
}

const primaryOf = (servers: readonly RunningServer[]): string =>
  servers.find(({ role }) => role === 'primary')?.member ?? ''

/** Whether it runs elsewhere and nobody has asked for it yet. */
function isDue(plan: DatabasePlan, held: HeldDatabase | undefined): boolean {
  if (!plan.members.some(({ adopt }) => adopt !== undefined)) return false
  if (held === undefined) return true
  const { record, wish } = held.board.view()
  if (record === undefined || record.phase.kind === 'new') return wish.request?.kind !== 'adopt'
  const known = new Set(held.plan.members.map(({ name }) => name))
  const late = plan.members.find(({ name }) => !known.has(name))
  if (late === undefined) return false
  throw new Fault('unsupported', `${late.name} runs already, and ${plan.name} is ours by now`, {
    remedy: `leave it out: servers are taken over together, at the beginning`,
  })
}
