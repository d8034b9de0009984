// Watches a simulated life and breaks it off at the first broken promise.

import type { Core } from '../agent/core.ts'
import { hedgesPerSecond } from '../balancing/budget.ts'
import type { Table, TableServer } from '../balancing/model.ts'
import { type Clock, since } from '../foundation/time.ts'
import type { SimulatedEdges } from './balancer.ts'
import type { ClientRequest } from './clients.ts'
import type { SimulatedGuard } from './guard.ts'
import type { SimulatedGuards } from './host.ts'
import { type Breach, BrokenPromise, type PromiseId } from './invariants.ts'
import type { Process, SimulatedMachine } from './machine.ts'

/** What is promised only in worlds in which little happens. */
export interface Promised {
  /** Never fewer are up than the least that was wanted. */
  readonly enoughUp: boolean
  /** The requests that never fail. */
  readonly served: 'all' | 'repeatable' | 'none'
}

/** What is watched. */
export interface Watched {
  readonly clock: Clock
  readonly machine: SimulatedMachine
  readonly guards: SimulatedGuards
  readonly edges: SimulatedEdges
  readonly core: () => Core | undefined
  readonly promised: Promised
}

/** Steps at one instant that no sensible life takes. */
const stepsMost = 3000

/** The watcher of one life. */
export class Watcher {
  readonly #seen: Watched
  /** By service: the fewest servers that were wanted since it was last as it should be. */
  readonly #floors = new Map<string, number>()
  readonly #over = new WeakSet<ClientRequest>()
  #version = 0
  #instant = -1
  #steps = 0
  /** What somebody else caught: promises and timers swallow what is thrown in them. */
  breach: Breach | undefined

  constructor(seen: Watched) {
    this.#seen = seen
  }

  /** Breaks the life off. */
  broken(promise: PromiseId, what: string): never {
    this.breach ??= { promise, at: this.#seen.clock.now(), what }
    throw new BrokenPromise(this.breach)
  }

  /** Called at every step of the clock. */
  step(): void {
    const now = this.#seen.clock.now()
    this.#steps = now === this.#instant ? this.#steps + 1 : 0
    this.#instant = now
    if (this.#steps > stepsMost) this.broken('no-busy-loop', `${this.#steps} steps`)
  }

  /** A guard starts a process. */
  starts(guard: SimulatedGuard): void {
    const { id, service, revision, template } = guard.order
    for (const process of this.#seen.machine.processes()) {
      if (process.owner === id) this.broken('one-process', `${process.pid} still runs as ${id}`)
    }
    const program = template.argv.join(' ')
    for (const { order } of this.#seen.guards.guards()) {
      const isSame = order.service === service && order.revision === revision
      const other = order.template.argv.join(' ')
      if (isSame && other !== program) {
        this.broken('one-template', `${id} is ${program}, ${order.id} is ${other}`)
      }
    }
  }

  /** The agent orders a replica to stop. */
  stops(guard: SimulatedGuard): void {
    const world = this.#seen.core()?.world()
    const { id, service } = guard.order
    const seen = world?.replicas.find((replica) => replica.id === id)
    if (world === undefined || (seen?.state.kind !== 'running' && seen?.state.kind !== 'lost')) {
      return
    }
    const began = world.state.services[service]?.state.draining[id]
    const spec = world.spec.services[service]
    const patience = spec?.kind === 'run' ? spec.drainWithin : 30_000
    if (began !== undefined && since(began, this.#seen.clock.now()) >= patience) return
    for (const edge of this.#seen.edges.edges()) {
      if (!edge.alive) continue
      const active = edge.activeOn(id)
      if (active > 0) this.broken('empty-first', `edge-${edge.number} has ${active} on ${id}`)
      if (edge.stateOf(id) === 'up') {
        this.broken('empty-first', `edge-${edge.number} still sends to ${id}`)
      }
    }
  }

  /** The agent pushes a table. */
  pushes(table: Table, core: Core): void {
    if (table.version <= this.#version) {
      this.broken('tables-grow', `${table.version} after ${this.#version}`)
    }
    this.#version = table.version
    for (const pool of table.pools) {
      const up = pool.servers.filter(({ state }) => state === 'up')
      for (const server of up) this.#passed(server, core)
      this.#enough(pool.name, up.length)
    }
  }

  /** A request is over. */
  over(request: ClientRequest, status: number): void {
    if (this.#over.has(request)) this.broken('answered-once', `request ${request.id}, twice`)
    this.#over.add(request)
    if (!request.idempotent && request.executions > 1) {
      this.broken('post-once', `request ${request.id} was executed ${request.executions} times`)
    }
    this.#hedgedLittle()
    // A bad revision may pass its check and die of its first requests: nobody can know before.
    const isItsOwnFault = request.process?.program.good === false
    if (isItsOwnFault || (status >= 200 && status < 500)) return
    const what = `request ${request.id} got ${status}`
    const { served } = this.#seen.promised
    if (served === 'all') this.broken('nobody-waits-in-vain', what)
    if (served === 'repeatable' && request.idempotent) this.broken('repeated-elsewhere', what)
  }

  #hedgedLittle(): void {
    const seconds = Math.ceil(this.#seen.clock.now() / 1000) + 1
    for (const edge of this.#seen.edges.edges()) {
      for (const { hedged, requests } of Object.values(edge.report().frontends)) {
        const most = requests * 0.1 + seconds * hedgesPerSecond
        if (hedged > most) this.broken('hedged-little', `${hedged} of ${requests} in ${seconds} s`)
      }
    }
  }

  /** An operator wants this many of a service from now on. */
  wants(service: string, replicas: number): void {
    this.#floors.set(service, Math.min(replicas, this.#floors.get(service) ?? 0))
  }

  /** A service is as it should be, with this many. */
  isWell(service: string, replicas: number): void {
    this.#floors.set(service, replicas)
  }

  #enough(service: string, up: number): void {
    const floor = this.#floors.get(service) ?? 0
    if (this.#seen.promised.enoughUp && up < floor) {
      this.broken('enough-up', `${up} of ${service} are up, ${floor} were wanted all along`)
    }
  }

  #passed(server: TableServer, core: Core): void {
    const seen = core.world().replicas.find(({ id }) => id === server.id)
    const guard = this.#seen.guards.guards().find(({ order }) => order.id === server.id)
    const process: Process | undefined = guard?.process
    if (seen === undefined || process === undefined) return
    // The agent hears of a restart a moment late: it is held to what it can know.
    if (seen.startedAt !== guard?.startedAt || seen.restarts !== guard.sighting().restarts) return
    if (process.passes === 0) this.broken('pass-first', `${server.id} is up in the table`)
  }
}
