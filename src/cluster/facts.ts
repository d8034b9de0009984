// What follows from what a leader sees: how each machine stands, and where everything should run.
// Pure.

import { since } from '../foundation/time.ts'
import type { ClusterMachine, ClusterObservation, Shares, Standing } from './model.ts'
import { placeAll, type Seat } from './placement.ts'

/** The observation, sorted into what the rules ask. */
export interface ClusterFacts {
  readonly standings: ReadonlyMap<string, Standing>
  /** Machines that the file names and that have not taken part since this leader looks. */
  readonly awaited: readonly string[]
  /** Machines without a sign of life whose replicas are not moved yet. */
  readonly missing: readonly string[]
  readonly agentless: readonly string[]
  readonly isFirst: boolean
  /** Where everything should run from now on. */
  readonly next: Shares
  /** What is placed on each of these kinds of machines now. */
  readonly onLost: number
  readonly onDrained: number
  readonly onUnknown: number
  readonly changed: boolean
  readonly followsFile: boolean
  /** Services that no machine may run. */
  readonly homeless: readonly string[]
}

/** Sorts an observation into facts. */
export function factsOf(seen: ClusterObservation): ClusterFacts {
  const { machines, services, placement } = seen
  const standings = new Map(machines.map(({ name }) => [name, standingOf(seen, name)]))
  const named = (kinds: readonly Standing['kind'][]): readonly string[] =>
    [...standings].flatMap(([name, { kind }]) => (kinds.includes(kind) ? [name] : []))
  const seats = machines.flatMap((machine) => seatOf(machine, standings.get(machine.name)))
  const current = placement?.shares ?? {}
  const next = placeAll(services, seats, current)
  const placedOn = (names: readonly string[]): number =>
    Object.values(current).reduce(
      (sum, share) => sum + names.reduce((all, name) => all + (share[name] ?? 0), 0),
      0,
    )
  const known = new Set(machines.map(({ name }) => name))
  const placed = new Set(Object.values(current).flatMap((share) => Object.keys(share)))
  return {
    standings,
    awaited: since(seen.since, seen.now) < seen.policy.gatherFor ? named(['expected']) : [],
    missing: named(['missing']),
    agentless: named(['agentless']),
    isFirst: placement === undefined,
    next,
    onLost: placedOn(named(['lost', 'expected'])),
    onDrained: placedOn(named(['drained'])),
    onUnknown: placedOn([...placed].filter((name) => !known.has(name))),
    changed: placement === undefined || !sameShares(current, next),
    followsFile: placement?.applied === seen.applied,
    homeless: services
      .filter(({ on }) => !seats.some(({ name }) => on?.includes(name) ?? true))
      .map(({ name }) => name),
  }
}

function standingOf(seen: ClusterObservation, name: string): Standing {
  if (seen.drained.has(name)) return { kind: 'drained' }
  if (seen.members.has(name)) return { kind: 'here' }
  const away = seen.away.get(name)
  if (away === undefined) return { kind: 'expected' }
  if (seen.answering.has(name)) return { kind: 'agentless', since: away }
  const isLong = since(away, seen.now) >= seen.policy.moveAfter
  return { kind: isLong ? 'lost' : 'missing', since: away }
}

function seatOf(machine: ClusterMachine, standing: Standing | undefined): readonly Seat[] {
  const { name, zone, capacity } = machine
  switch (standing?.kind) {
    case 'here':
      return [{ name, zone, capacity, keepsOnly: false }]
    case 'agentless':
    case 'missing':
      return [{ name, zone, capacity, keepsOnly: true }]
    default:
      return []
  }
}

/** Whether two placements are the same, whatever order they are written in. */
export function sameShares(a: Shares, b: Shares): boolean {
  const lines = (shares: Shares): string =>
    Object.entries(shares)
      .map(([service, share]) => `${service} ${JSON.stringify(Object.entries(share).toSorted())}`)
      .toSorted()
      .join('\n')
  return lines(a) === lines(b)
}
