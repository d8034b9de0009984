// What a member keeps in view of its cluster, and how it writes what is its own.

import { type Coordinator, whyNot } from '../coordination/coordinator.ts'
import { openDocument } from '../coordination/recipes/documents.ts'
import { follow } from '../coordination/recipes/follow.ts'
import { members } from '../coordination/recipes/membership.ts'
import { claimCodec } from '../coordination/recipes/role.ts'
import {
  appliedCodec,
  cardCodec,
  noOrders,
  ordersCodec,
  placementCodec,
  places,
  reportCodec,
} from './codecs.ts'
import type { RunReport } from './model.ts'
import { type ClusterView, membersOf } from './views.ts'

/** A piece of what was heard. */
export type Heard = Partial<
  Pick<ClusterView, 'members' | 'leader' | 'applied' | 'orders' | 'placement' | 'reports'>
>

type Hear = (seen: Heard) => void
type Task = (signal: AbortSignal) => Promise<unknown>

/** Everything that is followed as long as a session lives, a task each. */
export const followAll = (coordinator: Coordinator, hear: Hear): readonly Task[] => [
  (signal) => followMembers(coordinator, hear, signal),
  (signal) => followRuns(coordinator, hear, signal),
  (signal) => followApplied(coordinator, hear, signal),
  (signal) => followOrders(coordinator, hear, signal),
  (signal) => followPlacement(coordinator, hear, signal),
  (signal) => followLeader(coordinator, hear, signal),
]

async function followMembers(
  coordinator: Coordinator,
  hear: Hear,
  signal: AbortSignal,
): Promise<void> {
  for await (const seen of members(coordinator, places.members, cardCodec, signal)) {
    hear({ members: membersOf(seen) })
  }
}

async function followRuns(
  coordinator: Coordinator,
  hear: Hear,
  signal: AbortSignal,
): Promise<void> {
  const look = async (at: AbortSignal): Promise<ReadonlyMap<string, RunReport>> => {
    const names = (await coordinator.list(places.runs, at)) ?? []
    const reports = new Map<string, RunReport>()
    for (const name of names) {
      const node = await coordinator.read(`${places.runs}/${name}`, at)
      if (node !== undefined) reports.set(name, reportCodec.parse(node.data))
    }
    return reports
  }
  const view = { path: places.runs, deep: true, look }
  for await (const reports of follow(coordinator, view, signal)) hear({ reports })
}

async function followApplied(
  coordinator: Coordinator,
  hear: Hear,
  signal: AbortSignal,
): Promise<void> {
  const document = openDocument(coordinator, places.applied, appliedCodec)
  for await (const seen of document.follow(signal)) {
    if (seen !== undefined) hear({ applied: { version: seen.version, document: seen.value } })
  }
}

async function followOrders(
  coordinator: Coordinator,
  hear: Hear,
  signal: AbortSignal,
): Promise<void> {
  const document = openDocument(coordinator, places.orders, ordersCodec)
  for await (const seen of document.follow(signal)) hear({ orders: seen?.value ?? noOrders })
}

async function followPlacement(
  coordinator: Coordinator,
  hear: Hear,
  signal: AbortSignal,
): Promise<void> {
  const document = openDocument(coordinator, places.placement, placementCodec)
  for await (const seen of document.follow(signal)) hear({ placement: seen })
}

async function followLeader(
  coordinator: Coordinator,
  hear: Hear,
  signal: AbortSignal,
): Promise<void> {
  const path = `${places.leader}/epoch`
  const look = (at: AbortSignal) => coordinator.read(path, at)
  for await (const node of follow(coordinator, { path, deep: false, look }, signal)) {
    const claimed = node !== undefined && node.data.length > 0
    const leader = claimed
      ? { machine: claimCodec.parse(node.data).id, epoch: node.version }
      : undefined
    hear({ leader })
  }
}

/** Writes a node that is ours alone, whether or not it is there. */
export async function put(
  coordinator: Coordinator,
  path: string,
  data: string,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      await coordinator.write([{ kind: 'set', path, data }], signal)
      return
    } catch (thrown) {
      const why = whyNot(thrown)
      if (why === 'unknown') continue
      if (why !== 'missing') throw thrown
    }
    try {
      await coordinator.write([{ kind: 'create', path, data }], signal)
      return
    } catch (thrown) {
      const why = whyNot(thrown)
      if (why !== 'exists' && why !== 'unknown') throw thrown
    }
  }
}
