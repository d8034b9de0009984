// Which servers run here that the file has no place for on this machine? Their member moved to
// another machine, or it or its database left the file while nobody looked after them.

import type { DatabasePlan, MemberPlan } from '../databases/model.ts'
import { describeError } from '../foundation/fault.ts'
import { type EndingOptions, endGuarded, guardsIn } from './database-ending.ts'
import type { Held } from './database-held.ts'
import { untilMayLeave } from './database-leaving.ts'

/** A server under a guard, and the database of the file that it was of, if there is one. */
export interface Stray {
  readonly member: string
  readonly database: string | undefined
  /** Its member is on another machine now, and is copied there. */
  readonly moved: boolean
}

/** What guards hold here, but for those that are `known`: looked after, or about to be. */
export function straysAmong(
  guards: readonly string[],
  plans: readonly DatabasePlan[],
  known: ReadonlySet<string>,
): readonly Stray[] {
  return guards
    .filter((member) => !known.has(member))
    .map((member) => {
      const plan = plans.find(({ name }) => memberOf(name, member))
      const moved = plan?.members.some(({ name }) => name === member) === true
      return { member, database: plan?.name, moved }
    })
}

/** Members are called as their database, with a number. */
const memberOf = (database: string, member: string): boolean =>
  member.startsWith(`${database}-`) && /^\d+$/.test(member.slice(database.length + 1))

/**
 * Ends what runs here and should not. One that left the file is waited for, beside the members of
 * its database, until nobody can need what it has; all others have ended when this resolves. Their
 * data stay.
 */
export async function endStrays(
  all: readonly Held[],
  isMine: (member: MemberPlan) => boolean,
  options: EndingOptions,
): Promise<void> {
  const known = all.flatMap(({ plan, leaving }) => [
    ...plan.members.filter(isMine).map(({ name }) => name),
    ...leaving.map(({ member }) => member.name),
  ])
  const plans = all.map(({ plan }) => plan)
  for (const stray of straysAmong(guardsIn(options.folders.guards), plans, new Set(known))) {
    const held = all.find(({ plan }) => plan.name === stray.database)
    if (held === undefined) await end(stray, 'its database is in the file no more', options)
    else if (stray.moved) await end(stray, 'its member is on another machine now', options)
    else held.running.push(endOnceNeedless(held, stray, options))
  }
}

async function endOnceNeedless(held: Held, stray: Stray, options: EndingOptions): Promise<void> {
  const { signal } = held.stop
  try {
    await untilMayLeave(held.board, stray.member, signal)
  } catch (thrown) {
    if (signal.aborted) return
    throw thrown
  }
  await end(stray, 'no acknowledged write can be on it alone any more', options)
}

async function end({ member }: Stray, why: string, options: EndingOptions): Promise<void> {
  const { event } = options
  event('stray-ended', member, why)
  try {
    await endGuarded(member, options)
  } catch (thrown) {
    event('stray-not-ended', member, describeError(thrown))
  }
}
