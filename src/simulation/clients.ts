// The clients of a simulated life: requests come when they come, whatever became of the last one.

import { below, type Random } from '../foundation/random.ts'
import { type Clock, type Instant, type Milliseconds, ms, since } from '../foundation/time.ts'
import type { SimulatedEdges } from './balancer.ts'
import type { ClientRequest } from './edge.ts'

/** What clients got. */
export interface Ledger {
  readonly sent: number
  /** Answered 200 to 499. */
  readonly served: number
  readonly failed: readonly Failure[]
}

/** What clients got since they were last asked. */
export interface Tally {
  readonly answered: number
  readonly failed: number
  readonly longest: Milliseconds
}

/** A request that was not served. Status 0 is no answer at all. */
export interface Failure {
  readonly id: number
  readonly at: Instant
  readonly status: number
  readonly idempotent: boolean
}

/** What clients need. */
export interface ClientsParts {
  readonly clock: Clock
  readonly random: Random
  readonly edges: SimulatedEdges
  readonly services: () => readonly string[]
  /** How long a server takes for an answer. */
  readonly takes: () => number
  /** Hears of each request when it is over. */
  readonly over: (request: ClientRequest, status: number) => void
}

/** Clients that send about `perSecond` requests, in an open loop, until they are disposed. */
export class SimulatedClients implements Disposable {
  readonly #parts: ClientsParts
  readonly #perSecond: number
  readonly #failed: Failure[] = []
  #sent = 0
  #served = 0
  #tally: Tally = { answered: 0, failed: 0, longest: ms(0) }
  #next: Disposable | undefined

  constructor(parts: ClientsParts, perSecond: number) {
    this.#parts = parts
    this.#perSecond = perSecond
    this.#plan()
  }

  ledger(): Ledger {
    return { sent: this.#sent, served: this.#served, failed: this.#failed }
  }

  /** What was answered and what failed since the last call, and the longest wait for it. */
  tally(): Tally {
    const tally = this.#tally
    this.#tally = { answered: 0, failed: 0, longest: ms(0) }
    return tally
  }

  [Symbol.dispose](): void {
    this.#next?.[Symbol.dispose]()
  }

  #plan(): void {
    const { clock, random } = this.#parts
    // Independent arrivals: the gaps between them are distributed exponentially.
    const gap = (-Math.log(1 - random.next()) * 1000) / this.#perSecond
    this.#next = clock.after(ms(gap), () => {
      this.#send()
      this.#plan()
    })
  }

  #send(): void {
    const { clock, random, edges, services, takes, over } = this.#parts
    const names = services()
    const pool = names[below(random, names.length)]
    if (pool === undefined) return
    this.#sent += 1
    const arrived = clock.now()
    const request: ClientRequest = {
      ...{ id: this.#sent, pool, idempotent: random.next() < 0.7, takes: ms(takes()) },
      ...{ executions: 0, tried: new Set<string>(), process: undefined },
      done: (status) => {
        if (status >= 200 && status < 500) this.#served += 1
        else {
          const { id, idempotent } = request
          this.#failed.push({ id, at: clock.now(), status, idempotent })
        }
        this.#count(status, since(arrived, clock.now()))
        over(request, status)
      },
    }
    edges.accept(request)
  }

  #count(status: number, wait: Milliseconds): void {
    const { answered, failed, longest } = this.#tally
    const isServed = status >= 200 && status < 500
    this.#tally = {
      answered: answered + (isServed ? 1 : 0),
      failed: failed + (isServed ? 0 : 1),
      longest: ms(Math.max(longest, wait)),
    }
  }
}
