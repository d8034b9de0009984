// Is everything in a simulated world as it should be? Looks at the truth, not at what an agent saw.

import { isDeepStrictEqual } from 'node:util'
import type { Core } from '../agent/core.ts'
import { replicasOf, tableOf } from '../agent/world.ts'
import type { Breach } from './invariants.ts'
import type { SimulatedWorld } from './world.ts'

/** A promise that does not hold yet, and what is in its way. */
export type Ail = Pick<Breach, 'promise' | 'what'>

/** What is not yet as it should be; `undefined` when all is well. */
export function ailOf(world: SimulatedWorld): Ail | undefined {
  const { core } = world.agent
  if (core === undefined) return { promise: 'comes-to-rest', what: 'there is no agent' }
  return restless(world, core) ?? unheard(world, core) ?? leftOver(world, core)
}

function restless(world: SimulatedWorld, core: Core): Ail | undefined {
  for (const [name, { replicas }] of world.operator.wanted()) {
    const rule = core.decision(name)?.rule
    const seen = replicasOf(core.world(), name)
    const state = core.world().state.services[name]?.state
    if (rule !== 'steady' || seen.length !== replicas || state?.replicas !== replicas) {
      const what = `${name} is at ${rule} with ${seen.length} of ${replicas}`
      return { promise: 'comes-to-rest', what }
    }
  }
  return undefined
}

function unheard(world: SimulatedWorld, core: Core): Ail | undefined {
  const seen = core.world()
  const { version, ...table } = seen.table ?? { version: 0 }
  if (!isDeepStrictEqual(table, tableOf(seen))) {
    return { promise: 'all-hear', what: 'the last table is not what is seen' }
  }
  for (const edge of world.edges.edges()) {
    const has = edge.table.version
    if (!edge.alive || has !== version || !isDeepStrictEqual(edge.table, seen.table)) {
      return { promise: 'all-hear', what: `edge-${edge.number} routes by ${has}, not ${version}` }
    }
    const servers = edge.table.pools.flatMap((pool) => pool.servers)
    const down = servers.find(({ state }) => state !== 'up')
    if (down !== undefined) return { promise: 'all-hear', what: `${down.id} is not up` }
  }
  return undefined
}

function leftOver(world: SimulatedWorld, core: Core): Ail | undefined {
  const lost = world.guards.guards().find(({ dead }) => dead)
  if (lost !== undefined) {
    return { promise: 'nothing-is-left', what: `${lost.order.id} has no guard` }
  }
  const wanted = new Set(core.world().replicas.map(({ id }) => id))
  for (const { pid, owner, program } of world.machine.processes()) {
    const what = `process ${pid} of ${owner} runs ${program.name}`
    if (!wanted.has(owner)) return { promise: 'nothing-is-left', what }
    if (!program.good) return { promise: 'comes-to-rest', what }
  }
  return undefined
}
