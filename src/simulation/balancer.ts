// The edges of a simulated machine behind the port of a balancer: they outlive their agents.

import type { BalancerEngine, BalancerListener, EdgeSighting } from '../balancing/engine.ts'
import type { EdgeMessage } from '../balancing/engines/native/protocol.ts'
import type { EdgeReport, Table } from '../balancing/model.ts'
import type { Random } from '../foundation/random.ts'
import { type Clock, type Milliseconds, ms } from '../foundation/time.ts'
import { type Channel, openChannel } from './channel.ts'
import { SimulatedEdge } from './edge.ts'
import type { SimulatedNetwork } from './network.ts'
import type { Trace } from './trace.ts'

/** What the simulated edges need. */
export interface EdgesParts {
  readonly clock: Clock
  readonly random: Random
  readonly network: SimulatedNetwork
  readonly trace: Trace
  /** How late a message between an agent and an edge arrives. */
  readonly delay: () => Milliseconds
  /** An edge did something that may have left promises to settle. */
  readonly stirred: () => void
}

/** All edges of one machine; an agent commands them through `open`. */
export class SimulatedEdges {
  readonly #parts: EdgesParts
  readonly #edges: SimulatedEdge[] = []
  readonly #balancers = new Set<EdgeBalancer>()

  constructor(parts: EdgesParts, count: number) {
    this.#parts = parts
    for (let number = 1; number <= count; number += 1) this.#edges.push(this.#begin(number))
  }

  /** The edges as they are, whoever has heard of it yet. */
  edges(): readonly SimulatedEdge[] {
    return this.#edges
  }

  /** What one agent commands, from now on until it leaves or is killed. */
  open(listener: BalancerListener): BalancerEngine {
    const balancer = new EdgeBalancer(this, this.#parts, listener)
    this.#balancers.add(balancer)
    return balancer
  }

  close(balancer: EdgeBalancer): void {
    this.#balancers.delete(balancer)
  }

  /** Kills an edge; the agent, if there is one, starts another with the table of its sibling. */
  kill(number: number): void {
    const edge = this.#edges[number - 1]
    if (edge === undefined || !edge.alive) return
    this.#parts.trace.note(`edge-${number}`, () => 'is killed')
    edge.kill()
    for (const balancer of this.#balancers) balancer.died()
  }

  /** Starts the edges that do not live, with the table that their agent holds. */
  revive(table: Table | undefined): void {
    this.#edges.forEach((edge, index) => {
      if (edge.alive) return
      const fresh = this.#begin(edge.number)
      this.#parts.trace.note(`edge-${edge.number}`, () => 'is started again')
      this.#edges[index] = fresh
      if (table !== undefined) fresh.take(table)
    })
  }

  #begin(number: number): SimulatedEdge {
    const { clock, random, network, trace, delay, stirred } = this.#parts
    const channel = openChannel(clock, delay)
    const tell = (message: EdgeMessage): void => {
      if (message.kind === 'event') {
        trace.note(message.subject, () => `${message.rule} at edge-${number} (${message.why})`)
      }
      channel(() => {
        for (const balancer of this.#balancers) balancer.hear(message)
      })
    }
    return new SimulatedEdge(number, { clock, random, network, tell, stirred })
  }
}

/** Without news an edge's death is noticed, and another started, after this. */
const reviveAfter = ms(50)

/** The edges as one agent commands and sees them. */
class EdgeBalancer implements BalancerEngine {
  readonly name = 'simulated'
  readonly can = { outliveAgent: true, holdRequests: true }
  readonly #edges: SimulatedEdges
  readonly #parts: EdgesParts
  readonly #listener: BalancerListener
  readonly #reports = new Map<number, EdgeReport>()
  readonly #channels: readonly Channel[]
  #table: Table | undefined
  #over = false

  constructor(edges: SimulatedEdges, parts: EdgesParts, listener: BalancerListener) {
    this.#edges = edges
    this.#parts = parts
    this.#listener = listener
    this.#channels = edges.edges().map(() => openChannel(parts.clock, parts.delay))
    for (const edge of edges.edges()) {
      if (edge.alive) this.#reports.set(edge.number, edge.report())
      else this.died()
    }
  }

  apply(table: Table): Promise<void> {
    this.#table = table
    const { clock, trace } = this.#parts
    trace.note('balancer', () => `table ${table.version}: ${describeTable(table)}`)
    this.#edges.edges().forEach((_, index) => {
      this.#channels[index]?.(() => this.#edges.edges()[index]?.take(table))
    })
    return new Promise((resolve) =>
      clock.after(ms(1), () => {
        resolve()
        this.#parts.stirred()
      }),
    )
  }

  /** Nothing is encrypted in a simulated life. */
  entrust(): Promise<void> {
    return Promise.resolve()
  }

  observe(): readonly EdgeSighting[] {
    return this.#edges.edges().map((edge) => ({
      edge: edge.number,
      pid: 1000 + edge.number,
      version: '0',
      state: edge.alive ? 'routing' : 'gone',
      report: this.#reports.get(edge.number),
    }))
  }

  stop(): Promise<void> {
    throw new Error('a simulated life ends without its edges being stopped')
  }

  leave(): void {
    this.#over = true
    this.#edges.close(this)
  }

  /** What an edge says; the rest is for the operator's eyes. */
  hear(message: EdgeMessage): void {
    if (message.kind === 'signal') this.#listener.signal(message.signal)
    if (message.kind !== 'report') return
    this.#reports.set(message.report.edge, message.report)
    this.#listener.changed()
  }

  died(): void {
    this.#parts.clock.after(reviveAfter, () => {
      if (this.#over) return
      for (const edge of this.#edges.edges()) if (!edge.alive) this.#reports.delete(edge.number)
      this.#edges.revive(this.#table)
      this.#listener.changed()
    })
  }
}

const describeTable = (table: Table): string =>
  table.pools.flatMap(({ servers }) => servers.map(({ id, state }) => `${id} ${state}`)).join(', ')
