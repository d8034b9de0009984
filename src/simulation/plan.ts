// What is chosen for a simulated life before it begins: how much happens in it, and so what is
// promised.

import { below, pick, seededRandom } from '../foundation/random.ts'
import {
  type FaultKind,
  faultKinds,
  harmlessFaults,
  mortalFaults,
  stallingFaults,
} from './faults.ts'
import { type WishKind, wishKinds } from './operator.ts'
import type { Promised } from './watch.ts'

/** What may happen in a kind of life, and what is promised in return. */
interface Kind {
  /** How many lives of twenty are of this kind. */
  readonly share: number
  readonly faults: readonly FaultKind[]
  readonly wishes: readonly WishKind[]
  readonly promised: Promised
}

/** The wishes that cost nothing while nothing else happens. */
const calmWishes = wishKinds.filter((kind) => kind !== 'drain' && kind !== 'remove')

const kinds = {
  /** Only what operators ask for, and nothing of that does harm. */
  calm: {
    share: 5,
    faults: [],
    wishes: calmWishes,
    promised: { enoughUp: true, served: 'all' },
  },
  /** Also what no client should notice. */
  harmless: {
    share: 3,
    faults: harmlessFaults,
    wishes: calmWishes,
    promised: { enoughUp: false, served: 'all' },
  },
  /** Replicas and their guards are killed, too; nobody deploys what is bad on top of that. */
  mortal: {
    share: 3,
    faults: mortalFaults,
    wishes: calmWishes.filter((kind) => kind !== 'bad'),
    promised: { enoughUp: false, served: 'repeatable' },
  },
  /** Replicas are killed, hang, or crawl: whoever waits goes elsewhere, or waits for the next. */
  stalling: {
    share: 3,
    faults: stallingFaults,
    wishes: calmWishes.filter((kind) => kind !== 'bad'),
    promised: { enoughUp: false, served: 'repeatable' },
  },
  /** Anything. */
  rough: {
    share: 6,
    faults: faultKinds,
    wishes: wishKinds,
    promised: { enoughUp: false, served: 'none' },
  },
} as const satisfies Readonly<Record<string, Kind>>

export type LifeKind = keyof typeof kinds

/** The plan of one life. */
export interface LifePlan {
  readonly seed: number
  readonly kind: LifeKind
  readonly services: number
  readonly faults: readonly FaultKind[]
  readonly wishes: readonly WishKind[]
  readonly promised: Promised
}

const lots = Object.entries(kinds).flatMap(([kind, { share }]) =>
  Array<LifeKind>(share).fill(kind as LifeKind),
)

/**
 * Draws the plan of a life. Each knows only some of what its kind may know, so that rare
 * combinations come up more often.
 */
export function planOf(seed: number): LifePlan {
  const random = seededRandom(seed, 'plan')
  const kind = pick(random, lots) ?? 'rough'
  const { faults, wishes, promised } = kinds[kind]
  const some = <T>(all: readonly T[]): readonly T[] => all.filter(() => random.next() < 0.5)
  return {
    ...{ seed, kind, services: 1 + below(random, 2), promised },
    faults: some<FaultKind>(faults),
    wishes: some<WishKind>(wishes),
  }
}
