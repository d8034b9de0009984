// What does an edge say of itself? Its doors, services and servers, gathered.

import type { Histogram } from '../../../../control/histogram.ts'
import type { EdgeMeters, FrontendMeters, ServerMeters } from '../../../meters/model.ts'
import type { EdgeReport } from '../../../model.ts'
import type { Door } from './door.ts'
import type { Pool } from './pool.ts'
import type { Server } from './server.ts'

/** All that carries traffic in one edge; `former` stands in no table, but has not ended. */
export interface Everything {
  readonly doors: ReadonlyMap<string, Door>
  readonly formerDoors: ReadonlySet<Door>
  readonly pools: ReadonlyMap<string, Pool>
  readonly formerPools: ReadonlySet<Pool>
}

function serversOf({ pools, formerPools }: Everything): readonly Server[] {
  return [...pools.values(), ...formerPools].flatMap((pool) => [
    ...pool.leaving,
    ...pool.servers.values(),
  ])
}

/** A number that changes with every request that comes or goes. */
export function countOf(doors: Iterable<Door>): number {
  let total = 0
  for (const door of doors) {
    total += door.requests + door.connections
    for (const count of door.answered) total += count
  }
  return total
}

/** How things stand. */
export function reportOf(edge: number, table: number, all: Everything): EdgeReport {
  const servers = Object.fromEntries(
    serversOf(all).map((server) => [server.row.id, server.report()]),
  )
  const frontends = Object.fromEntries(
    [...all.doors.values()].map((door) => [door.row.name, door.report()]),
  )
  const waiting = Object.fromEntries(
    [...all.pools].map(([name, { hold, repeats }]) => [name, hold.size + repeats.size]),
  )
  return { edge, table, servers, frontends, waiting }
}

/** What was counted since the start; of a name that came again, what it counts now. */
export function metersOf(all: Everything, lateness: Histogram): EdgeMeters {
  const doors = new Map([...all.formerDoors].map((door) => [door.row.name, door]))
  for (const [name, door] of all.doors) doors.set(name, door)
  const pools = new Map([...all.formerPools].map((pool) => [pool.row.name, pool]))
  for (const [name, pool] of all.pools) pools.set(name, pool)
  const servers = [...pools.values()].flatMap((pool) =>
    [...pool.leaving, ...pool.servers.values()].map(
      (server) => [server.row.id, serverMeters(pool, server)] as const,
    ),
  )
  return {
    lateness: lateness.spread,
    requests: [...doors].flatMap(([name, door]) => door.meter.series(name)),
    frontends: Object.fromEntries([...doors].map(([name, door]) => [name, doorMeters(door)])),
    services: Object.fromEntries([...pools].map(([name, pool]) => [name, pool.meter.report()])),
    servers: Object.fromEntries(servers),
  }
}

const doorMeters = (door: Door): FrontendMeters => ({
  ...door.meter.report(),
  requests: door.requests,
  answers: [...door.answered],
  held: door.heldTotal,
  redispatched: door.redispatched,
  bytesIn: door.bytesIn,
  bytesOut: door.bytesOut,
})

const serverMeters = (pool: Pool, server: Server): ServerMeters => ({
  ...server.meter.report(),
  service: pool.row.name,
  requests: server.requests,
  refused: server.refused,
  reset: server.reset,
  timedOut: server.timedOut,
  errors: server.errors,
})
