// Which sets of members must agree, so that no acknowledged write is lost? Pure set arithmetic.

import type { AckSet } from './model.ts'

/**
 * How many of `set` must have stopped receiving before anybody may be promoted: every group of
 * this many shares a member with every group that could have acknowledged a write.
 */
export const promotionQuorum = (set: AckSet): number => set.members.length - set.needed + 1

/** Whether those who `stopped` hold every write that `set` can have acknowledged, for ever. */
export const outvotes = (set: AckSet, stopped: ReadonlySet<string>): boolean =>
  set.needed > 0 && set.members.filter((each) => stopped.has(each)).length >= promotionQuorum(set)

/** Members that would have to stop as well: any `missing` of them would be enough. */
export interface Shortage {
  readonly missing: number
  readonly of: readonly string[]
  /** Whose return would do as well: the old primary has all that it acknowledged. */
  readonly instead?: string | undefined
}

/** What is missing to outvote `set`; `undefined` when nothing is. */
export function shortageOf(set: AckSet, stopped: ReadonlySet<string>): Shortage | undefined {
  if (outvotes(set, stopped)) return undefined
  const of = set.members.filter((each) => !stopped.has(each))
  const missing = promotionQuorum(set) - (set.members.length - of.length)
  return { missing: Math.min(missing, of.length), of }
}

/** How many members beside the primary must acknowledge: with it they are a majority of `count`. */
export const neededFor = (count: number, most = count): number =>
  Math.min(Math.floor(count / 2), most)

/**
 * How many members a set may have; where nobody has to acknowledge, all that are near. Where an
 * engine waits for fewer acknowledgements than a majority takes, a larger set would need more
 * members to stop than a majority of them.
 */
export const setSizeMost = (count: number, needed: number): number =>
  needed > 0 && needed < neededFor(count) ? needed + 1 : count

/** Whether both say the same, in whichever order. */
export const sameSet = (a: AckSet, b: AckSet): boolean =>
  a.needed === b.needed &&
  a.members.length === b.members.length &&
  a.members.every((each) => b.members.includes(each))

/** Whether a server acknowledges by both in the same way: alone is alone, whoever is near. */
export const sameForce = (a: AckSet, b: AckSet): boolean =>
  (a.needed === 0 && b.needed === 0) || sameSet(a, b)

/** By what a primary acknowledges, since the order of which version of the record. */
export interface Enforced {
  readonly acks: AckSet
  readonly version: number
  /** As many of the set as have to acknowledge have all that was written before it. */
  readonly caughtUp: boolean
}

/**
 * The next sets to record on the way to `goal`, or `undefined` when there is nothing to record.
 *
 * A set is recorded before the server may use it, and forgotten only once the server has said that
 * it uses another by a later order, since an order that is late can then no longer be carried out;
 * and once those of the other set have what the forgotten one acknowledged: who is left out of a
 * set may be the only one that has an old write.
 */
export function nextAcks(
  recorded: readonly AckSet[],
  enforced: Enforced,
  goal: AckSet,
  version: number,
): readonly AckSet[] | undefined {
  const last = recorded.at(-1)
  const isInForce =
    last !== undefined && sameForce(last, enforced.acks) && enforced.version >= version
  if (isInForce && enforced.caughtUp && recorded.length > 1) return [last]
  if (last !== undefined && sameSet(last, goal)) return undefined
  return [...recorded, goal]
}
