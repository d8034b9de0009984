// What do the rules go by, given what the file says of a database? Pure.

import { invariant } from '../foundation/invariant.ts'
import { boundsFor } from './budget.ts'
import { wantedEncryption } from './durable-settings.ts'
import { firstEncryption } from './encryption.ts'
import type { DatabasePlan, DatabaseWish } from './model.ts'

/** The wish of a plan whose target was checked when the file was read. */
export function wishOf(plan: DatabasePlan): DatabaseWish {
  const bounds = boundsFor(plan.target, plan.engine)
  invariant(typeof bounds !== 'string', `a target that was checked can be kept: ${bounds}`)
  const { name, durability, failover, onDivergence } = plan
  const members = plan.members.map((each) => each.name)
  // Semi-sync of MariaDB waits for one member, however many there are.
  const ackMost = plan.engine === 'mariadb' ? 1 : undefined
  const wanted = wantedEncryption(plan)
  const encryption = wanted && { wanted, first: firstEncryption(plan) }
  return { name, members, durability, failover, bounds, ackMost, onDivergence, encryption }
}
