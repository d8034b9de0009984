// What does one machine tell the others of what it runs and how it routes? Pure.

import type { Running } from '../cluster/member-parts.ts'
import { inFlightHere, isDraining, verdictOf, type World } from './world.ts'

/**
 * The report of this machine. `before` is what it has said to have heard so far: it says more only
 * once every edge routes by it.
 */
export function reportOf(
  world: World,
  before: Readonly<Record<string, number>>,
  left: boolean,
): Running {
  const others = [...(world.cluster?.byId.values() ?? [])].filter(({ draining }) => draining)
  return {
    replicas: world.replicas.map(
      ({ id, service, revision, host, port, startedAt, restarts, state }) => ({
        ...{ id, service, revision, host, port, startedAt, restarts },
        running: state.kind === 'running' || state.kind === 'lost',
        draining: isDraining(world, service, id),
        up: verdictOf(world, id) === 'up',
      }),
    ),
    placement: world.cluster?.placement ?? -1,
    heard: heardOf(world, before),
    active: Object.fromEntries(
      others.flatMap(({ id }) => {
        const active = inFlightHere(world, id)
        return active === undefined || active === 0 ? [] : [[id, active]]
      }),
    ),
    left,
  }
}

/** Which report of each other machine every edge here routes by. */
function heardOf(
  world: World,
  before: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const { cluster, table, edges } = world
  if (cluster === undefined) return before
  const routedBy = (version: number): boolean =>
    edges.every(({ state, report }) => state === 'gone' || (report?.table ?? -1) >= version)
  if (!routedBy(table?.version ?? 0)) return before
  const routed = new Set(
    table?.pools.flatMap(({ servers }) => servers.flatMap((s) => (s.state === 'up' ? [s.id] : []))),
  )
  const heard: Record<string, number> = { ...before }
  for (const [machine, { serial, replicas }] of cluster.serials) {
    if (!replicas.some(({ id, draining }) => draining && routed.has(id))) heard[machine] = serial
  }
  return heard
}
