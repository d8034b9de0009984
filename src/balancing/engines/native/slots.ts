// The places for edges on one machine.

import { type Instant, instant } from '../../../foundation/time.ts'
import type { EdgeLink } from './edge-link.ts'

/** One place for an edge: who stands there, and how often its last ones died. */
export interface Slot {
  readonly number: number
  wanted: boolean
  current: EdgeLink | undefined
  successor: EdgeLink | undefined
  startedAt: Instant
  failures: number
  notBefore: Instant
  /** A hand-over failed: not tried again before then. */
  replaceNotBefore: Instant
}

/** A place that nobody has stood in. */
export function newSlot(number: number): Slot {
  const never = instant(0)
  return {
    ...{ number, wanted: true, current: undefined, successor: undefined },
    ...{ startedAt: never, failures: 0, notBefore: never, replaceNotBefore: never },
  }
}
