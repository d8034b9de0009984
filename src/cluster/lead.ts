// The leader of the cluster at work: looks, decides where everything runs, and writes it down under
// its epoch. Whoever was deposed cannot write any more, whatever it still believes.

import { whyNot } from '../coordination/coordinator.ts'
import type { Leadership } from '../coordination/model.ts'
import type { Waker } from '../coordination/recipes/persevere.ts'
import { type Clock, type Instant, ms } from '../foundation/time.ts'
import { placementCodec, places } from './codecs.ts'
import { decideCluster } from './decide.ts'
import { describeMoves } from './describe.ts'
import type { ClusterMachine, ClusterPolicy, PlacedService, Placement } from './model.ts'

/** What a leader sees at one moment. */
export interface LeaderSight {
  readonly applied: number
  readonly services: readonly PlacedService[]
  readonly machines: readonly ClusterMachine[]
  readonly members: ReadonlySet<string>
  /** Machines that have reported what they run, at any time. */
  readonly known: ReadonlySet<string>
  readonly answering: ReadonlySet<string>
  readonly drained: ReadonlySet<string>
  /** Machines whose agents said that they end for good. */
  readonly left: ReadonlySet<string>
  readonly placement: { readonly value: Placement; readonly version: number } | undefined
}

/** What leading takes. */
export interface LeaderPorts {
  readonly machine: string
  readonly clock: Clock
  readonly policy: ClusterPolicy
  /** Undefined while no file is known yet. */
  sight(): LeaderSight | undefined
  /** Rung when something may have changed. */
  readonly bell: Waker
  decided(rule: string, why: string, moves: readonly string[]): void
  /** A placement was accepted: nobody of an earlier epoch writes after it. */
  wrote(placement: Placement, version: number): void
}

/** How often a leader looks although nothing was heard: delays pass in silence. */
const lookEvery = ms(250)

/** Leads until the signal is aborted. Rejects when a write is refused. */
export async function leadCluster(
  role: Leadership,
  ports: LeaderPorts,
  signal: AbortSignal,
): Promise<void> {
  const { clock, bell } = ports
  const began = clock.now()
  const away = new Map<string, Instant>()
  let last = ''
  while (!signal.aborted) {
    const seen = ports.sight()
    if (seen !== undefined) {
      noteAbsent(seen, away, clock.now())
      const { placement, ...rest } = seen
      const decision = decideCluster({
        ...rest,
        ...{ now: clock.now(), since: began, away, policy: ports.policy },
        placement: placement?.value,
      })
      const [action] = decision.actions
      const moves =
        action === undefined ? [] : describeMoves(placement?.value.shares ?? {}, action.shares)
      if (decision.rule !== last || action !== undefined) {
        ports.decided(decision.rule, decision.why, moves)
      }
      last = decision.rule
      if (action !== undefined) {
        const value = {
          ...{ epoch: role.epoch, by: ports.machine, applied: seen.applied },
          ...{ shares: action.shares, rule: decision.rule },
        }
        try {
          await writePlacement(role, value, placement?.version, signal)
          ports.wrote(value, placement === undefined ? 0 : placement.version + 1)
        } catch (thrown) {
          // Seen too late, or not known whether it was done: the next look shows which.
          if (role.lost.aborted || whyNot(thrown) === undefined) throw thrown
        }
      }
    }
    using _timer = clock.after(lookEvery, bell.wake)
    await bell.wait(signal)
  }
}

/** Since when each machine that has taken part is away; one that said goodbye always was. */
function noteAbsent(seen: LeaderSight, away: Map<string, Instant>, now: Instant): void {
  for (const name of [...away.keys()]) if (seen.members.has(name)) away.delete(name)
  for (const name of seen.known) {
    if (seen.members.has(name) || away.has(name)) continue
    away.set(name, seen.left.has(name) ? (0 as Instant) : now)
  }
}

function writePlacement(
  role: Leadership,
  placement: Placement,
  version: number | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = places.placement
  const data = placementCodec.format(placement)
  // Not only under its epoch, but also over what it has seen: nothing goes unread.
  return role.write(
    [version === undefined ? { kind: 'create', path, data } : { kind: 'set', path, data, version }],
    signal,
  )
}
