// What an operator may ask of all machines together, and what is refused and why. Each verb is a
// change of the orders that all follow. Pure.

import type { Orders } from '../cluster/model.ts'
import type { ClusterView } from '../cluster/views.ts'
import { Fault } from '../foundation/fault.ts'
import type { Spec } from '../spec/model.ts'

/** A change of what is asked of all. */
export type OrderChange = (orders: Orders) => Orders

const once = (names: readonly string[], name: string): readonly string[] => [
  ...new Set([...names, name]),
]
const without = (names: readonly string[], name: string): readonly string[] =>
  names.filter((each) => each !== name)
const more = (counts: Orders['deploys'], name: string): Orders['deploys'] => ({
  ...counts,
  [name]: (counts[name] ?? 0) + 1,
})

/** Has every machine deploy a service. */
export const deployEverywhere =
  (service: string): OrderChange =>
  (orders) => ({ ...orders, deploys: more(orders.deploys, service) })

/** Has the machines that run it restart a service or a replica. */
export const restartEverywhere =
  (subject: string): OrderChange =>
  (orders) => ({ ...orders, restarts: more(orders.restarts, subject) })

/** Has no machine send anything new to a server. */
export const drainServer =
  (server: string): OrderChange =>
  (orders) => ({ ...orders, drainedServers: once(orders.drainedServers, server) })

/** Lets a server take requests again, from every machine. */
export function undrainServer({ orders }: ClusterView, server: string): OrderChange {
  if (!orders.drainedServers.includes(server)) {
    throw new Fault('not-found', `${server} is not drained`, {
      remedy: 'alwayson status shows what is',
    })
  }
  return (now) => ({ ...now, drainedServers: without(now.drainedServers, server) })
}

/**
 * Moves everything away from a machine; refused for the last one that may run anything, unless
 * `force`.
 */
export function drainMachine(
  view: ClusterView,
  spec: Spec,
  machine: string,
  force: boolean,
): OrderChange {
  checkMachine(spec, machine)
  const drained = new Set(view.orders.drainedMachines)
  const others = view.members.filter((one) => one.machine !== machine && !drained.has(one.machine))
  if (others.length === 0 && !force) {
    throw new Fault('refused', `no other machine takes part that could run what ${machine} runs`, {
      remedy: `wait for one, or stop it all the same: alwayson machine drain ${machine} --force`,
    })
  }
  return (orders) => ({ ...orders, drainedMachines: once(orders.drainedMachines, machine) })
}

/** Lets a machine run its part again. */
export function undrainMachine(view: ClusterView, spec: Spec, machine: string): OrderChange {
  checkMachine(spec, machine)
  if (!view.orders.drainedMachines.includes(machine)) {
    throw new Fault('not-found', `${machine} is not drained`, {
      remedy: 'alwayson status shows what is',
    })
  }
  return (orders) => ({ ...orders, drainedMachines: without(orders.drainedMachines, machine) })
}

function checkMachine({ machines }: Spec, machine: string): void {
  if (machines[machine] !== undefined) return
  throw new Fault('not-found', `the file names no machine ${machine}`, {
    remedy: `it names ${Object.keys(machines).join(', ')}`,
  })
}
