// The edges of a simulated machine behind the port of a balancer: they outlive their agents.

import type { BalancerEngine, BalancerListener, EdgeSighting } from '../balancing/engine.ts'
import type { EdgeReport, Table } from '../balancing/model.ts'
import { below, type Random } from '../foundation/random.ts'
import { type Clock, type Milliseconds, ms } from '../foundation/time.ts'
import { type Channel, openChannel } from './channel.ts'
import { type ClientRequest, SimulatedEdge } from './edge.ts'
import type { SimulatedMachine } from './machine.ts'
import type { Trace } from './trace.ts'

/** What the simulated edges need. */
export interface EdgesParts {
  readonly clock: Clock
  readonly random: Random
  readonly machine: SimulatedMachine
  readonly trace: Trace
  /** How late a message between an agent and an edge arrives. */
  readonly delay: () => Milliseconds
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

  /** A client's request comes in at one of the edges that live, as the kernel would choose. */
  accept(request: ClientRequest): void {
    const alive = this.#edges.filter(({ alive }) => alive)
    const edge = alive[below(this.#parts.random, alive.length)]
    if (edge === undefined) request.done(0)
    else edge.route(request)
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
    const channel = openChannel(this.#parts.clock, this.#parts.delay)
    const tell = (what: (balancer: EdgeBalancer) => void): void =>
      channel(() => {
        for (const balancer of this.#balancers) what(balancer)
      })
    const edge: SimulatedEdge = new SimulatedEdge(number, this.#parts, {
      report: () => {
        const report = edge.report()
        tell((balancer) => balancer.heard(report))
      },
      signal: (signal) => tell((balancer) => balancer.signal(signal)),
    })
    return edge
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
    return new Promise((resolve) => clock.after(ms(1), resolve))
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

  heard(report: EdgeReport): void {
    const before = this.#reports.get(report.edge)
    if (before !== undefined && before.table > report.table) return
    this.#reports.set(report.edge, report)
    this.#listener.changed()
  }

  signal(signal: Parameters<BalancerListener['signal']>[0]): void {
    this.#listener.signal(signal)
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
