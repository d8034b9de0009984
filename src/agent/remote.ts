// What other machines contribute to one machine's world: their replicas, and what they have in
// flight on ours. Pure.

import type { RemoteReplica, RunReport, Shares } from '../cluster/model.ts'
import type { ClusterView } from '../cluster/views.ts'
import type { Spec } from '../spec/model.ts'

/** The cluster as one machine's mind sees it. */
export interface ClusterSight {
  readonly machine: string
  readonly others: ReadonlyMap<string, readonly RemoteReplica[]>
  readonly byId: ReadonlyMap<string, RemoteReplica>
  /** Undefined until a placement has been seen. */
  readonly shares: Shares | undefined
  /** The version of the placement that they are of. */
  readonly placement: number | undefined
  /** Machines that take part now. */
  readonly members: ReadonlySet<string>
  /** The last report of each other machine that takes part now. */
  readonly reports: ReadonlyMap<string, RunReport>
  /** The last report of each other machine, whether or not it takes part. */
  readonly serials: ReadonlyMap<string, RunReport>
  /** Servers that an operator drained, wherever they are. */
  readonly drained: ReadonlySet<string>
  /** From which report of ours on each of our replicas is told to be draining. */
  readonly drainTold: ReadonlyMap<string, number>
}

/** A world, as far as other machines are concerned. */
interface Shared {
  readonly spec: Spec
  readonly cluster?: ClusterSight | undefined
}

const sights = new WeakMap<ClusterView, ClusterSight>()

/** What follows from what is known of the cluster; worked out once for each view. */
export function sightOf(view: ClusterView): ClusterSight {
  const known = sights.get(view)
  if (known !== undefined) return known
  const elsewhere = [...view.reports].filter(([machine]) => machine !== view.machine)
  const replicas = elsewhere.flatMap(([machine, report]) =>
    report.replicas.map((replica) => ({ machine, ...replica })),
  )
  const members = new Set(view.members.map(({ machine }) => machine))
  const sight = {
    machine: view.machine,
    others: Map.groupBy(replicas, ({ service }) => service),
    byId: new Map(replicas.map((replica) => [replica.id, replica])),
    shares: view.placement?.value.shares,
    placement: view.placement?.version,
    members,
    reports: new Map(elsewhere.filter(([machine]) => members.has(machine))),
    serials: new Map(elsewhere),
    drained: new Set(view.orders.drainedServers),
    drainTold: view.drainTold,
  }
  sights.set(view, sight)
  return sight
}

/** The replicas of a service on machines that the file names, without ours. */
export const othersOf = ({ cluster, spec }: Shared, service: string): readonly RemoteReplica[] =>
  cluster?.others.get(service)?.filter(({ machine }) => spec.machines[machine] !== undefined) ?? []

/**
 * Whether a replica elsewhere is still of interest: its machine takes part, or is to run it, or it
 * answers all the same.
 */
export function isOfInterest({ cluster }: Shared, replica: RemoteReplica, isUp: boolean): boolean {
  const { machine, service } = replica
  if (cluster === undefined || isUp || cluster.members.has(machine)) return true
  return (cluster.shares?.[service]?.[machine] ?? 0) > 0
}

/**
 * Requests that other machines have on a replica here that drains; undefined while one that takes
 * part has not said that it routes by that.
 */
export function inFlightElsewhere({ cluster }: Shared, id: string): number | undefined {
  if (cluster === undefined) return 0
  const told = cluster.drainTold.get(id)
  if (told === undefined) return undefined
  let sum = 0
  for (const report of cluster.reports.values()) {
    if ((report.heard[cluster.machine] ?? -1) < told) return undefined
    sum += report.active[id] ?? 0
  }
  return sum
}
