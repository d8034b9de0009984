// The places for edges on one machine: who stands where, who follows whom, and who is on the way
// out.

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

/** The successor stands at its place from now on, if there is one. */
export function succeed(slot: Slot): void {
  slot.current = slot.successor
  slot.successor = undefined
}

/** A place that nobody has stood in. */
function newSlot(number: number): Slot {
  const never = instant(0)
  return {
    ...{ number, wanted: true, current: undefined, successor: undefined },
    ...{ startedAt: never, failures: 0, notBefore: never, replaceNotBefore: never },
  }
}

/** All places of one machine, and the edges that have left theirs. */
export class Slots {
  readonly #slots = new Map<number, Slot>()
  /** Edges that gave their listeners away, or were told to stop, and finish what they have. */
  readonly leaving = new Set<EdgeLink>()

  get all(): readonly Slot[] {
    return [...this.#slots.values()]
  }

  /** Whoever stands at a place or is to follow there, and whoever leaves. */
  get links(): readonly EdgeLink[] {
    const standing = this.all.flatMap(({ current, successor }) =>
      [current, successor].filter((link) => link !== undefined),
    )
    return [...standing, ...this.leaving]
  }

  /** Those whom no rule of a place looks after: successors, and whoever leaves. */
  get others(): readonly EdgeLink[] {
    return this.links.filter((link) => this.find(link)?.current !== link)
  }

  /** The place of this edge, whoever stands there now; it goes with the last wish for it. */
  find(link: EdgeLink): Slot | undefined {
    return this.#slots.get(link.edge)
  }

  /** An edge is wanted at each of so many places, and at no other. */
  want(count: number): void {
    for (let number = 1; number <= count; number += 1) this.#at(number).wanted = true
    for (const slot of this.all) if (slot.number > count) slot.wanted = false
  }

  /**
   * Takes edges that an earlier agent left. Of two at one place the younger may have taken over, or
   * still wait to: it follows the other until it has said which. Returns those that are too many.
   */
  adopt(links: readonly EdgeLink[]): readonly EdgeLink[] {
    const youngestFirst = links.toSorted((a, b) => b.identity.startTicks - a.identity.startTicks)
    return youngestFirst.filter((link) => {
      const slot = this.#at(link.edge)
      if (slot.successor !== undefined) return true
      slot.successor = slot.current
      slot.current = link
      return false
    })
  }

  #at(number: number): Slot {
    const slot = this.#slots.get(number) ?? newSlot(number)
    this.#slots.set(number, slot)
    return slot
  }

  /** Nobody stands at this place any more, nor follows; returns who did. */
  vacate(slot: Slot): readonly EdgeLink[] {
    const { current, successor } = slot
    slot.current = undefined
    slot.successor = undefined
    return [current, successor].filter((link) => link !== undefined)
  }

  /** It has ended, and stands nowhere any more. */
  forget(link: EdgeLink): void {
    this.leaving.delete(link)
    const slot = this.find(link)
    if (slot?.wanted === false && slot.current === undefined) this.#slots.delete(slot.number)
  }
}
