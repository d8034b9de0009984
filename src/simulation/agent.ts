// The agent in a simulated life: the real mind and the real health room, killed and born again.

import { type Core, openCore } from '../agent/core.ts'
import type { AgentState } from '../agent/model.ts'
import type { StateStore } from '../agent/store.ts'
import type { BalancerEngine } from '../balancing/engine.ts'
import { noCertificates } from '../certificates/keeper.ts'
import type { JournalEntry } from '../control/journal.ts'
import { describeError } from '../foundation/fault.ts'
import type { Random } from '../foundation/random.ts'
import type { Clock } from '../foundation/time.ts'
import type { TrafficSignal } from '../health/model.ts'
import { openMonitor } from '../health/monitor.ts'
import type { Prober } from '../health/prober.ts'
import type { ReplicaHost } from '../services/host.ts'
import type { Spec } from '../spec/model.ts'
import type { SimulatedEdges } from './balancer.ts'
import type { SimulatedGuards } from './host.ts'
import { simulatedSpec } from './spec.ts'
import type { Trace } from './trace.ts'

/** What agents of one life share. */
export interface AgentParts {
  readonly clock: Clock
  readonly random: Random
  readonly prober: Prober
  readonly guards: SimulatedGuards
  readonly edges: SimulatedEdges
  readonly trace: Trace
  /** The disk refuses to write. */
  readonly diskIsFull: () => boolean
  /** Sees each table before it is pushed. */
  readonly pushes: (table: Parameters<BalancerEngine['apply']>[0], core: Core) => void
  readonly records: (entry: JournalEntry) => void
  /** Something ran that may have left promises to settle. */
  readonly stirred: () => void
  readonly sabotage: Sabotage
}

/** Ports that lie, for control runs: a world whose parts are broken must break a promise. */
export interface Sabotage {
  readonly host?: (host: ReplicaHost) => ReplicaHost
  readonly balancer?: (balancer: BalancerEngine) => BalancerEngine
  readonly prober?: (prober: Prober) => Prober
}

/** The agents of one life: at most one lives at a time. */
export class SimulatedAgent {
  readonly #parts: AgentParts
  /** The file that is wanted. */
  #spec: Spec = simulatedSpec([])
  #kept: AgentState | undefined
  #life: { core: Core; leave: () => void } | undefined
  #refusal: string | undefined

  constructor(parts: AgentParts) {
    this.#parts = parts
  }

  /** The mind, while there is an agent. */
  get core(): Core | undefined {
    return this.#life?.core
  }

  /** Why the last file was refused, if it was. */
  get refusal(): string | undefined {
    return this.#refusal
  }

  /** Starts an agent that adopts what runs. */
  start(): void {
    if (this.#life !== undefined) return
    const { trace } = this.#parts
    trace.note('agent', () => 'starts')
    this.#life = this.#open()
    this.#apply(this.#life.core)
  }

  /** Kills it, as SIGKILL does: it writes nothing, says nothing and lets go of nothing. */
  kill(): void {
    this.#parts.trace.note('agent', () => 'is killed')
    this.#life?.leave()
    this.#life = undefined
  }

  /** Makes another file the one that is wanted, now or when the agent is back. */
  apply(spec: Spec): void {
    this.#spec = spec
    if (this.#life !== undefined) this.#apply(this.#life.core)
  }

  #apply(core: Core): void {
    const file = { path: 'life.yaml', text: '', env: {} }
    core.apply(this.#spec, file).then(
      () => {
        this.#refusal = undefined
      },
      (thrown: unknown) => {
        this.#refusal = describeError(thrown)
      },
    )
    this.#parts.stirred()
  }

  #open(): { core: Core; leave: () => void } {
    let alive = true
    const whileAlive = <Args extends readonly unknown[]>(deed: (...args: Args) => void) => {
      return (...args: Args): void => {
        if (!alive) return
        deed(...args)
        this.#parts.stirred()
      }
    }
    const parts = this.#parts
    const clock: Clock = {
      now: () => parts.clock.now(),
      after: (wait, wake) => parts.clock.after(wait, whileAlive(wake)),
    }
    const changed = whileAlive(() => core.poke())
    const record = whileAlive((entry: JournalEntry) => parts.records(entry))
    const honest = <Port>(port: Port): Port => port
    const { host: hostOf = honest, balancer: balancerOf = honest } = parts.sabotage
    const { prober: proberOf = honest } = parts.sabotage
    const host = onlyWhile(() => alive, hostOf(parts.guards.open({ changed, event() {} })))
    const signal = whileAlive((signal: TrafficSignal) => core.signal(signal))
    const balancer = balancerOf(parts.edges.open({ changed, signal, counted() {}, event() {} }))
    const prober = proberOf(parts.prober)
    const monitor = openMonitor({
      clock,
      random: parts.random,
      prober: {
        probe: (target, seen) => prober.probe(target, whileAlive(seen)),
      },
      listener: {
        changed: ({ server: subject, from, to, rule, why }, _health, expected) => {
          const actions = [`${subject} is ${to}`]
          const entry = { room: 'health', subject, rule, why, actions, seen: { from } }
          if (!expected) record({ at: clock.now(), ...entry })
          core.poke()
        },
      },
    })
    const core: Core = openCore({
      clock,
      host,
      monitor,
      certificates: noCertificates,
      store: this.#store(() => alive),
      journal: { record },
      balancer: {
        ...{ name: balancer.name, can: balancer.can },
        observe: () => balancer.observe(),
        entrust: (secrets) => balancer.entrust(secrets),
        stop: (within) => balancer.stop(within),
        leave: () => balancer.leave(),
        apply: (table, edges) => {
          if (!alive) return new Promise(() => {})
          parts.pushes(table, core)
          return balancer.apply(table, edges)
        },
      },
    })
    return {
      core,
      leave() {
        alive = false
        host.leave()
        balancer.leave()
      },
    }
  }

  #store(isAlive: () => boolean): StateStore {
    return {
      // The state is plain data that nobody changes: copying what is read is as good as writing.
      load: () => (this.#kept === undefined ? undefined : JSON.parse(JSON.stringify(this.#kept))),
      save: (state) => {
        if (!isAlive()) return
        if (this.#parts.diskIsFull()) throw new Error('no space left on device')
        this.#kept = state
      },
    }
  }
}

/** A host that takes no orders from an agent that is dead. */
const onlyWhile = (isAlive: () => boolean, host: ReplicaHost): ReplicaHost => ({
  observe: () => host.observe(),
  start: (order) => {
    if (isAlive()) host.start(order)
  },
  stop: (id, within) => {
    if (isAlive()) host.stop(id, within)
  },
  leave: () => host.leave(),
})
