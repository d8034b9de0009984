// Who hears a primary, and may it go on when its keeper is silent?

import { isVouchedBy } from '../../databases/guard/lease.ts'
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
  replica.runs &&
  replica.streams &&
  replica.source === primary &&
  world.isLinked(replica, primary) &&
  world.isLinked(primary, replica)

const receivers = (primary: Node, world: DatabaseWorld): readonly string[] =>
  world.nodes.filter((each) => receives(each, primary, world)).map(({ name }) => name)

/** Enough of its set still receive that nobody else can have been elected. */
function isVouched(node: Node, world: DatabaseWorld, { vouchesEasily }: Sabotage): boolean {
  if (node.acks === undefined || !node.runs) return false
  const heard = receivers(node, world)
  return vouchesEasily ? heard.length > 0 : isVouchedBy(node.acks, heard)
}

/** A write probe of a primary needs its acknowledgement as any other write does. */
export function isWaiting(node: Node, world: DatabaseWorld): boolean {
  if (node.server !== 'primary' || node.acks === undefined || node.quiescing) return false
  if (node.acks.needed === 0) return false
  const { members, needed } = node.acks
  return receivers(node, world).filter((name) => members.includes(name)).length < needed
}
