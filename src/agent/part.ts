// How much of each service does this machine run now? Its share, and while replicas move also those
// that nobody else has taken over yet. Pure.

import { type Part, wishHere } from '../cluster/share.ts'
import { othersOf } from './remote.ts'
import { replicasOf, verdictOf, type World } from './world.ts'

/**
 * How many replicas of each service this machine is to run now; of none where it is alone and all
 * are its own. Before a placement is known it runs what it ran.
 */
export function wishesHere(world: World): readonly (readonly [string, number])[] {
  const { cluster, spec, state } = world
  if (cluster === undefined) return []
  return Object.entries(state.services).flatMap(([name, { state: memory }]) => {
    const service = spec.services[name]
    if (service?.kind !== 'run') return []
    const there = replicasOf(world, name).filter(({ id }) => memory.draining[id] === undefined)
    // One more while others are exchanged is not one that is to stay.
    const running = Math.min(there.length, memory.replicas)
    const shares = cluster.shares?.[name]
    if (shares === undefined) return [[name, running] as const]
    const here = { share: shares[cluster.machine] ?? 0, running }
    return [[name, wishHere(service.replicas, here, partsOf(world, name, shares))] as const]
  })
}

/** What other machines have of a service, and how much of it they are to have. */
function partsOf(
  world: World,
  service: string,
  shares: Readonly<Record<string, number>>,
): readonly Part[] {
  const elsewhere = othersOf(world, service).filter(
    ({ id, draining }) => !draining && verdictOf(world, id) === 'up',
  )
  return Object.entries(shares)
    .filter(([machine]) => machine !== world.cluster?.machine)
    .map(([machine, share]) => {
      const up = elsewhere.filter((replica) => replica.machine === machine).length
      const acts = world.cluster?.serials.get(machine)?.placement
      return { machine, share, up, agrees: acts === world.cluster?.placement }
    })
}
