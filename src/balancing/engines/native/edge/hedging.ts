// How promptly do the servers of one service answer, and which of them could take a request that
// waits for another?

import { type Milliseconds, ms } from '../../../../foundation/time.ts'
import { firstByteDeadline, hedgePolicy, isPrompt, lateness } from '../../../hedge.ts'
import { Latencies } from '../../../latency.ts'
import type { HedgeRule } from '../../../model.ts'
import type { Server } from './server.ts'

/** Steps of fifty milliseconds: the deadline is worked out anew each second. */
const workedOutEvery = 20
/** The weight of what was seen is halved every ten seconds. */
const fadesEvery = 200

/** What is known of the promptness of one service, for one edge. */
export class Hedging {
  readonly #latencies = new Latencies()
  #rule: HedgeRule | undefined
  #responseTimeout = ms(0)
  #steps = 0
  /** From sending to the first byte; `Infinity` while nothing is tried twice. */
  deadline = Infinity

  /** Goes by these from now on. */
  update(rule: HedgeRule | undefined, responseTimeout: Milliseconds): void {
    this.#rule = rule
    this.#responseTimeout = responseTimeout
    this.#workOut()
  }

  get share(): number {
    return this.#rule?.share ?? 0
  }

  /** Also what changes something is tried twice. */
  get unsafe(): boolean {
    return this.#rule?.unsafe ?? false
  }

  /** The first byte came after so many ms; one that was given up took at least so many. */
  heard(server: Server, took: number): void {
    this.#latencies.add(took)
    if (took <= this.deadline) server.lateness = lateness(server.lateness, false)
  }

  /** A first byte has not come within the deadline. */
  late(server: Server): void {
    server.lateness = lateness(server.lateness, true)
  }

  /** Servers on which the request would be no better off: they are slow themselves. */
  slow(servers: Iterable<Server>): readonly Server[] {
    return [...servers].filter((server) => !isPrompt(server.lateness))
  }

  /** Every fifty milliseconds. */
  step(servers: Iterable<Server>): void {
    this.#steps += 1
    if (this.#steps % workedOutEvery !== 0) return
    if (this.#steps % fadesEvery === 0) this.#latencies.fade()
    // Who is asked nothing is not late for ever.
    for (const server of servers) server.lateness *= 0.9
    this.#workOut()
  }

  #workOut(): void {
    const usual = this.#latencies.quantile(hedgePolicy.quantile)
    const learned = { weight: this.#latencies.weight, usual }
    this.deadline = firstByteDeadline(this.#rule, learned, this.#responseTimeout) ?? Infinity
  }
}
