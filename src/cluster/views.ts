// What a machine knows of its cluster: the last that it heard, kept also while nothing is heard.

import type { Member } from '../coordination/model.ts'
import type { Instant } from '../foundation/time.ts'
import type { InForce } from './applied.ts'
import { noOrders } from './codecs.ts'
import type { ClusterMember, MemberCard, Orders, Placement, RunReport } from './model.ts'

/** Who leads, as far as it is known here. */
export interface LeaderView {
  readonly machine: string
  readonly epoch: number
}

/** What is known of the cluster at one moment. */
export interface ClusterView {
  readonly machine: string
  /** Whether the coordinator answers; since when it does, or does not. */
  readonly connected: boolean
  readonly since: Instant
  /** Why it does not, in words. */
  readonly trouble: string | undefined
  readonly members: readonly ClusterMember[]
  readonly leader: LeaderView | undefined
  readonly applied: InForce | undefined
  /** The version that the file on this machine's disk follows. */
  readonly base: number | undefined
  readonly orders: Orders
  readonly placement: { readonly value: Placement; readonly version: number } | undefined
  /** The last report of every machine that ever took part. */
  readonly reports: ReadonlyMap<string, RunReport>
  /** From which report of this machine on each replica here is told to be draining. */
  readonly drainTold: ReadonlyMap<string, number>
}

/** Before anything is known. */
export const nothingKnown = (machine: string, now: Instant): ClusterView => ({
  ...{ machine, connected: false, since: now, trouble: undefined, members: [] },
  ...{ leader: undefined, applied: undefined, base: undefined, orders: noOrders },
  ...{ placement: undefined, reports: new Map(), drainTold: new Map() },
})

/** Members with their cards, by name. */
export const membersOf = (members: readonly Member<MemberCard>[]): readonly ClusterMember[] =>
  members
    .map(({ id, value }) => ({ machine: id, ...value }))
    .toSorted((a, b) => (a.machine < b.machine ? -1 : 1))
