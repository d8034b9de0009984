// Who takes part, who leads, who hears whom? The cluster, as `status` shows it. Pure.

import type { Ears } from '../cluster/sight/hearing.ts'
import type { ClusterView } from '../cluster/views.ts'
import type { MemberAnswer } from '../coordination/ensemble/model.ts'
import type { Instant } from '../foundation/time.ts'
import type { Spec } from '../spec/model.ts'
import type { ClusterStatus, MachineStatus } from './model.ts'

/** The cluster as the machine whose view this is knows it at `now`. */
export function clusterStatusOf(
  view: ClusterView,
  ears: Pick<Ears, 'rows' | 'sighting'>,
  machines: Spec['machines'],
  servers: ReadonlyMap<string, MemberAnswer>,
  now: Instant,
): ClusterStatus {
  const rows = ears.rows(now)
  return {
    machine: view.machine,
    connected: view.connected,
    since: view.since,
    trouble: view.trouble,
    leader: view.leader,
    applied:
      view.applied === undefined
        ? undefined
        : { version: view.applied.version, by: view.applied.document.by },
    placement: view.placement?.value.shares ?? {},
    machines: Object.values(machines).map(({ name, address, zone }): MachineStatus => {
      const card = view.members.find((member) => member.machine === name)
      const { age, skew, doubt } = ears.sighting(name, now)
      const own = name === view.machine
      return {
        ...{ name, address, zone },
        state: stateOf(view, name),
        version: card?.version,
        applied: card?.applied,
        replicas: view.reports.get(name)?.replicas.length ?? 0,
        heard: own ? 0 : age,
        skew: own ? 0 : skew,
        doubt: own ? 0 : doubt,
        server: serverOf(servers.get(name)),
      }
    }),
    hears: Object.fromEntries(rows),
  }
}

const serverOf = (answer: MemberAnswer | undefined): MachineStatus['server'] =>
  answer?.kind === 'serves' ? answer.mode : answer?.kind

function stateOf({ members, orders, reports }: ClusterView, name: string): MachineStatus['state'] {
  const there = members.some(({ machine }) => machine === name)
  if (orders.drainedMachines.includes(name)) return there ? 'drained' : 'drained, away'
  if (there) return 'here'
  return reports.has(name) ? 'away' : 'expected'
}
