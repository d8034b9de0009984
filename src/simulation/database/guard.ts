// Who hears a primary, and may it go on when its keeper is silent?

import { isVouchedBy } from '../../databases/guard/lease.ts'
import type { AckSet } from '../../databases/model.ts'
import { since } from '../../foundation/time.ts'
import type { Sabotage } from './engine.ts'
import type { Node } from './node.ts'
import type { DatabaseWorld } from './world.ts'

/** A guard ends a primary that nobody has confirmed for as long as the lease lasts. */
export function guard(node: Node, world: DatabaseWorld, sabotage: Sabotage): void {
  if (!node.machineUp || node.server !== 'primary') return
  if (node.quiescing && allHave(node, world)) node.stop(true)
  if (sabotage.hasNoGuard || (node.guardFrozen && waitsForOthers(node))) return
  const isOver = since(node.confirmedAt, world.now) >= world.wish.bounds.lease
  if (isOver && !isVouched(node, world, sabotage)) node.stop()
}

/**
 * Its set holds back what a frozen guard lets go on. Whoever stands alone has no second fence: that
 * its guard is there is what availability before durability rests on.
 */
const waitsForOthers = ({ acks }: Node): boolean => acks !== undefined && acks.needed > 0

const allHave = (primary: Node, { nodes }: DatabaseWorld): boolean =>
  nodes.every(
    (each) => each.source !== primary || !each.streams || each.log.synced >= primary.log.length,
  )

const receives = (replica: Node, primary: Node, world: DatabaseWorld): boolean =>
  replica.streams &&
  replica.source === primary &&
  replica.runs &&
  world.isLinked(replica, primary) &&
  world.isLinked(primary, replica)

/** How many of `members` receive from a primary, or of all if there are none. */
function receivers(primary: Node, world: DatabaseWorld, members?: readonly string[]): number {
  let count = 0
  for (const each of world.nodes) {
    if (receives(each, primary, world) && (members?.includes(each.name) ?? true)) count += 1
  }
  return count
}

/** Enough of its set still receive that nobody else can have been elected. */
function isVouched(node: Node, world: DatabaseWorld, { vouchesEasily }: Sabotage): boolean {
  if (node.acks === undefined || !node.runs) return false
  if (vouchesEasily) return receivers(node, world) > 0
  const heard = world.nodes.filter((each) => receives(each, node, world)).map(({ name }) => name)
  return isVouchedBy(node.acks, heard)
}

/** A write probe of a primary needs its acknowledgement as any other write does. */
export function isWaiting(node: Node, world: DatabaseWorld): boolean {
  if (node.server !== 'primary' || node.acks === undefined || node.quiescing) return false
  const { members, needed } = node.acks
  return needed > 0 && receivers(node, world, members) < needed
}

/** Up to where enough of a set have confirmed to a primary that they have all. */
export function heldTo(
  { confirmed }: Node,
  { members, needed }: AckSet,
  { nodes }: DatabaseWorld,
): number {
  if (needed === 0) return Number.POSITIVE_INFINITY
  let most = 0
  for (const one of nodes) {
    const to = confirmed[one.index] ?? 0
    if (to <= most || !members.includes(one.name)) continue
    let count = 0
    for (const other of nodes) {
      if ((confirmed[other.index] ?? 0) >= to && members.includes(other.name)) count += 1
    }
    if (count >= needed) most = to
  }
  return most
}
