// Who waits while no server is available, for how long, and whose turn is it? Pure.

import type { Instant } from '../foundation/time.ts'
import { HoldLine } from './hold-line.ts'
import type { HoldLimits } from './model.ts'

/** Something that waits: a request, or in TCP mode a connection. */
export interface Waiter {
  /** What it costs to let it wait. */
  readonly heldBytes: number
  /** The first time it had to wait; it keeps its place when it has to wait again. */
  readonly heldSince: Instant
  /** The client it belongs to: clients take turns. */
  readonly source?: string
  /** Its client has said that it will say nothing more: perhaps nobody hears the answer. */
  readonly hasEnded?: boolean
}

/** Why something may not wait, for people and for the metric. */
export type Refusal = 'full' | 'too-large'

/**
 * Those who wait. Clients take turns, each in the order in which its own came; who has perhaps gone
 * comes last. Bounded in number, in bytes, and by `expired` in time. When there is no place left,
 * whoever has most of them gives one up to a client that has fewer.
 */
export class HoldQueue<W extends Waiter> {
  /** In the order of their turns: the first line is the next. */
  readonly #lines = new Map<string, HoldLine<W>>()
  readonly #ended = new HoldLine<W>('')
  #count = 0
  #bytes = 0
  limits: HoldLimits

  constructor(limits: HoldLimits) {
    this.limits = limits
  }

  get size(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Lets it wait, or says why not. `dropped` hears of whoever has to make room for it. */
  offer(waiter: W, dropped?: (waiter: W) => void): Refusal | undefined {
    if (this.limits.wait <= 0 || waiter.heldBytes > this.limits.bytes) {
      return this.limits.wait <= 0 ? 'full' : 'too-large'
    }
    while (!this.#fits(waiter)) {
      const other = dropped === undefined ? undefined : this.#dispensable(waiter)
      if (other === undefined) {
        return this.#count >= this.limits.requests ? 'full' : 'too-large'
      }
      this.remove(other)
      dropped?.(other)
    }
    this.#count += 1
    this.#bytes += waiter.heldBytes
    this.#lineFor(waiter).add(waiter)
    return undefined
  }

  #fits({ heldBytes }: W): boolean {
    return this.#count < this.limits.requests && this.#bytes + heldBytes <= this.limits.bytes
  }

  #lineFor({ source = '', hasEnded = false }: W): HoldLine<W> {
    if (hasEnded) return this.#ended
    const known = this.#lines.get(source)
    if (known !== undefined) return known
    const line = new HoldLine<W>(source)
    this.#lines.set(source, line)
    return line
  }

  /** The last of those who have most places, if they have more than the client of `waiter` gets. */
  #dispensable({ source = '', hasEnded = false }: W): W | undefined {
    if (hasEnded) return undefined
    if (this.#ended.size > 0) return this.#ended.last()
    let most = this.#lines.get(source)
    const own = (most?.size ?? 0) + 1
    for (const line of this.#lines.values()) if (line.size > (most?.size ?? 0)) most = line
    return most !== undefined && most.size > own ? most.last() : undefined
  }

  /** The one whose turn it is, without taking it. */
  first(): W | undefined {
    for (const line of this.#lines.values()) return line.first()
    return this.#ended.first()
  }

  /** Whether it waits here. */
  has(waiter: W): boolean {
    return this.#lines.get(waiter.source ?? '')?.has(waiter) === true || this.#ended.has(waiter)
  }

  /** Takes it out, wherever it stands; false if it does not wait here. */
  remove(waiter: W): boolean {
    const line = this.#lines.get(waiter.source ?? '')
    if (line?.first() === waiter) this.#turnIsOver(line)
    if (line?.remove(waiter) !== true && !this.#ended.remove(waiter)) return false
    if (line?.size === 0) this.#lines.delete(line.source)
    this.#count -= 1
    this.#bytes -= waiter.heldBytes
    return true
  }

  #turnIsOver(line: HoldLine<W>): void {
    if (this.#lines.size < 2) return
    this.#lines.delete(line.source)
    this.#lines.set(line.source, line)
  }

  /** Its client has ended: others come before it from now on. `end` says so of the waiter. */
  lower(waiter: W, end: () => void): void {
    if (!this.remove(waiter)) return end()
    end()
    this.#count += 1
    this.#bytes += waiter.heldBytes
    this.#ended.add(waiter)
  }

  /** Takes out those that have waited as long as they may. */
  expired(now: Instant): readonly W[] {
    const over: W[] = []
    for (const line of [...this.#lines.values(), this.#ended]) {
      for (let waiter = line.first(); waiter !== undefined; waiter = line.first()) {
        if (now - waiter.heldSince < this.limits.wait) break
        over.push(waiter)
        this.remove(waiter)
      }
    }
    return over.toSorted((a, b) => a.heldSince - b.heldSince)
  }
}

/** How many may be on one server at once while others wait for it. */
export interface Thaw {
  readonly window: number
}

const thawMost = 65_536

/**
 * The first window after a time without a server: what has waited is let go in steps, so that a
 * server that has just come back is not met by all of it in one moment. A fast server is done with
 * thousands through thirty connections sooner than if it had to accept thousands.
 */
export const thawing: Thaw = { window: 32 }

/** Each step of 50 ms widens it: slow answers do not keep the rest waiting too long. */
export const passed = ({ window }: Thaw): Thaw => ({
  window: Math.min(thawMost, Math.ceil(window * 1.1)),
})
