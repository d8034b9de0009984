// One simulated world: a machine, its guards and edges, the real agent, operators and clients, put
// together from one seed, with a stream of chance for each of them.

import type { JournalEntry } from '../control/journal.ts'
import { type Random, seededRandom } from '../foundation/random.ts'
import { type Instant, later, type Milliseconds, ms } from '../foundation/time.ts'
import { type Sabotage, SimulatedAgent } from './agent.ts'
import { SimulatedEdges } from './balancer.ts'
import { SimulatedClients } from './clients.ts'
import { VirtualClock } from './clock.ts'
import { noAilments, type Victims } from './faults.ts'
import { SimulatedGuards } from './host.ts'
import { BrokenPromise } from './invariants.ts'
import { SimulatedMachine } from './machine.ts'
import { SimulatedNetwork } from './network.ts'
import { SimulatedOperator } from './operator.ts'
import { openSimulatedProber } from './prober.ts'
import type { Program } from './program.ts'
import { doorPorts } from './spec.ts'
import { type OpenTrace, silent, type Trace } from './trace.ts'
import { type Promised, Watcher } from './watch.ts'

/** How a world is made. */
export interface WorldOptions {
  readonly seed: number
  /** How many services its file has at first. */
  readonly services: number
  readonly edges: number
  readonly requestsPerSecond: number
  readonly promised: Promised
  /** Ports that lie; none, unless it is said. */
  readonly sabotage?: Sabotage
  /** Who takes down what happens; nobody, unless it is said. */
  readonly trace?: OpenTrace
}

/** A world. Time passes in it only while `run` is awaited. */
export class SimulatedWorld {
  readonly clock = new VirtualClock()
  readonly ailments = noAilments()
  readonly programs = new Map<string, Program>()
  /** The rules that decided, with how often. */
  readonly rules = new Map<string, number>()
  readonly trace: Trace
  readonly network: SimulatedNetwork
  readonly machine: SimulatedMachine
  readonly guards: SimulatedGuards
  readonly edges: SimulatedEdges
  readonly agent: SimulatedAgent
  readonly operator: SimulatedOperator
  readonly clients: SimulatedClients
  readonly watcher: Watcher
  readonly #options: WorldOptions
  /** Something ran that may have left promises to settle. */
  #stirred = false
  readonly #stir = (): void => {
    this.#stirred = true
  }
  #steps = 0

  constructor(options: WorldOptions) {
    this.#options = options
    const { clock, programs } = this
    const trace = options.trace?.(clock) ?? silent
    this.trace = trace
    this.network = new SimulatedNetwork(clock, this.random('sockets'))
    this.machine = new SimulatedMachine({
      ...{ clock, network: this.network, trace },
      works: (id, process) => this.clients.executes(id, process),
    })
    this.guards = this.#openGuards()
    this.edges = this.#openEdges()
    this.agent = this.#openAgent()
    const { machine, guards, edges, agent } = this
    const core = () => agent.core
    const { promised } = options
    this.watcher = new Watcher({ clock, machine, guards, edges, core, promised })
    const wants = (service: string, replicas: number): void => this.watcher.wants(service, replicas)
    this.operator = new SimulatedOperator(
      { clock, random: this.random('operator'), agent, programs, trace, wants },
      options.services,
    )
    this.clients = this.#openClients()
  }

  /** A stream of chance of its own: one draw more in it changes nothing elsewhere. */
  random(stream: string): Random {
    return seededRandom(this.#options.seed, stream)
  }

  /** Whom trouble befalls. */
  get victims(): Victims {
    const { clock, machine, guards, edges, agent, trace } = this
    return { clock, random: this.random('faults'), machine, guards, edges, agent, trace }
  }

  /** How many wakers were woken. */
  get steps(): number {
    return this.#steps
  }

  /** Lets `wait` pass. Throws a `BrokenPromise` as soon as one is broken. */
  async run(wait: Milliseconds): Promise<void> {
    await this.runUntil(later(this.clock.now(), wait))
  }

  async runUntil(end: Instant): Promise<void> {
    const { clock, watcher } = this
    await this.#settle()
    for (let at = clock.next(); at !== undefined && at <= end; at = clock.next()) {
      clock.step()
      this.#steps += 1
      watcher.step()
      if (this.#stirred) await this.#settle()
    }
    clock.runUntil(end)
  }

  /** Lets every promise settle: ticks are served only when no promise is left to. */
  async #settle(): Promise<void> {
    this.#stirred = false
    await new Promise<void>((resolve) => process.nextTick(resolve))
    const { breach } = this.watcher
    if (breach !== undefined) throw new BrokenPromise(breach)
  }

  #openGuards(): SimulatedGuards {
    const { clock, machine, programs, trace } = this
    return new SimulatedGuards({
      ...{ clock, random: this.random('guards'), machine, programs, trace },
      starts: (guard) => this.watcher.starts(guard),
      stops: (guard) => this.watcher.stops(guard),
    })
  }

  #openEdges(): SimulatedEdges {
    const { clock, network, trace, ailments } = this
    const chance = this.random('network')
    const delay = (): Milliseconds =>
      ms(0.1 + chance.next() * (clock.now() < ailments.slowUntil ? 800 : 4))
    const stirred = this.#stir
    const parts = { clock, random: this.random('edges'), network, trace, delay, stirred }
    return new SimulatedEdges(parts, this.#options.edges)
  }

  #openAgent(): SimulatedAgent {
    const { clock, machine, guards, edges, trace, ailments } = this
    const cannotAsk = (): boolean => clock.now() < ailments.cannotAskUntil
    return new SimulatedAgent({
      ...{ clock, random: this.random('agent'), guards, edges, trace },
      prober: openSimulatedProber(clock, machine, { cannotAsk }),
      diskIsFull: () => clock.now() < ailments.diskFullUntil,
      pushes: (table, core) => this.watcher.pushes(table, core),
      records: (entry) => this.#record(entry),
      sabotage: this.#options.sabotage ?? {},
      stirred: this.#stir,
    })
  }

  #openClients(): SimulatedClients {
    const { clock, network } = this
    const takes = this.random('answers')
    return new SimulatedClients(
      {
        ...{ clock, random: this.random('clients'), network },
        doors: () => this.#doors(),
        takes: () => 2 + 40 * takes.next() ** 3,
        over: (request, status) => this.watcher.over(request, status),
      },
      this.#options.requestsPerSecond,
    )
  }

  /** The doors of what is wanted: nobody asks for what was taken out of the file. */
  #doors(): ReadonlyMap<string, number> {
    const wanted = [...this.operator.wanted().keys()]
    return new Map(wanted.map((name) => [name, doorPorts.get(name) ?? 0]))
  }

  #record(entry: JournalEntry): void {
    this.rules.set(entry.rule, (this.rules.get(entry.rule) ?? 0) + 1)
    this.trace.note(entry.subject, () => {
      const actions = entry.actions.length === 0 ? '' : `: ${entry.actions.join('; ')}`
      return `${entry.rule}${actions} (${entry.why})`
    })
  }
}
