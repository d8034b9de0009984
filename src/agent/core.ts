// The agent's mind: holds what is wanted, looks at what is, and lets each room decide. It knows the
// ports alone, so that the same mind runs on a machine and in the simulated world.

import { isDeepStrictEqual } from 'node:util'
import type { Table } from '../balancing/model.ts'
import type { Decision } from '../control/rules.ts'
import { describeError } from '../foundation/fault.ts'
import { type Instant, ms } from '../foundation/time.ts'
import type { TrafficSignal } from '../health/model.ts'
import { decide } from '../services/decide.ts'
import { describeAction } from '../services/describe.ts'
import type { ServiceAction } from '../services/model.ts'
import { enact, forgetGone, wish } from '../services/state.ts'
import type { Spec } from '../spec/model.ts'
import { certificateWishes } from './certificates.ts'
import type { CorePorts } from './core-ports.ts'
import { type Asked, askedAgain } from './meanwhile.ts'
import type { AgentState, AppliedFile, ServiceMemory } from './model.ts'
import { wishesHere } from './part.ts'
import { forgetWords } from './routes.ts'
import { emptyState } from './store.ts'
import { forgetTemplates, rememberRunning, wishSpec } from './templates.ts'
import {
  beliefOf,
  replicaOf,
  replicasOf,
  sightingsOf,
  tableOf,
  targetsOf,
  verdictOf,
  type World,
} from './world.ts'

/** The mind of one agent. */
export interface Core extends Disposable {
  /** Something was seen: look and decide soon. Any number of calls before then are one. */
  poke(): void
  /** Traffic met something: a probe should look now. */
  signal(signal: TrafficSignal): void
  /**
   * Makes `spec` what is wanted. Rejects with a Fault, and nothing is changed, when the balancer
   * cannot take it (a port is in use).
   */
  apply(spec: Spec, file: Omit<AppliedFile, 'at'>): Promise<void>
  /** Does as an operator asks: `verb` is the state after it, or throws a Fault. */
  operate(rule: string, subject: string, verb: (world: World, now: Instant) => AgentState): void
  world(): World
  now(): Instant
  /** What was decided last about a service that Always On runs. */
  decision(service: string): Decision<ServiceAction> | undefined
}

/** How often the mind looks although nothing was reported: deadlines pass in silence. */
const lookEvery = ms(200)

const nothing: Spec = {
  name: '',
  machines: {},
  coordination: { kind: 'embedded' },
  ...{ services: {}, frontends: {}, databases: {} },
  edges: 0,
  written: {},
}

/** Opens a mind that goes on from what `store` kept. It does nothing before `apply` or `poke`. */
export function openCore(ports: CorePorts): Core {
  return new AgentCore(ports)
}

class AgentCore implements Core {
  readonly #ports: CorePorts
  readonly #believed: Set<string>
  readonly #decisions = new Map<string, Decision<ServiceAction>>()
  #spec: Spec = nothing
  #state: AgentState
  #saved: AgentState
  #table: Table | undefined
  #edges = 0
  #pushing: Promise<unknown> | undefined
  #wake: Disposable | undefined
  #wakeIsSoon = false
  /** Something has been seen or told since the last look. */
  #isStirred = true
  /** While the balancer may still refuse a file, nothing else of it is begun. */
  #applying = false
  /** What was asked of services since that file was begun. */
  #meanwhile: Asked[] = []
  /** Files are taken one after the other: one that is refused must not undo another. */
  #turn: Promise<unknown> = Promise.resolve()
  #over = false
  readonly #troubles = new Map<string, string>()

  constructor(ports: CorePorts) {
    this.#ports = ports
    this.#state = ports.store.load() ?? emptyState
    this.#saved = this.#state
    this.#believed = new Set(this.#state.up)
  }

  world(): World {
    const { host, monitor, balancer, certificates } = this.#ports
    return {
      spec: this.#spec,
      state: this.#state,
      replicas: host.observe(),
      health: monitor.observe(),
      edges: balancer.observe(),
      certificates: certificates.observe(),
      believed: this.#believed,
      table: this.#table,
      cluster: this.#ports.cluster?.observe(),
      databases: this.#ports.databases?.views(),
      now: this.#ports.clock.now(),
    }
  }

  now(): Instant {
    return this.#ports.clock.now()
  }

  decision(service: string): Decision<ServiceAction> | undefined {
    return this.#decisions.get(service)
  }

  apply(spec: Spec, file: Omit<AppliedFile, 'at'>): Promise<void> {
    const turn = this.#turn.then(() => this.#apply(spec, file))
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #apply(spec: Spec, file: Omit<AppliedFile, 'at'>): Promise<void> {
    await this.#pushing
    const now = this.#ports.clock.now()
    const before = { spec: this.#spec, state: this.#state }
    this.#applying = true
    this.#spec = spec
    this.#state = {
      ...this.#state,
      applied: { ...file, at: now },
      services: wishSpec(
        rememberRunning(this.#state.services, this.#ports.host.observe()),
        spec,
        now,
        this.#state.former,
      ),
    }
    try {
      await this.#ports.certificates.watch(certificateWishes(spec))
      await this.#ports.databases?.plan(Object.values(spec.databases))
      await this.#push()
    } catch (thrown) {
      this.#spec = before.spec
      await this.#ports.databases?.plan(Object.values(before.spec.databases))
      await this.#unwatch(before.spec)
      const { applied, services } = before.state
      this.#state = { ...this.#state, applied, services }
      this.#askAgain()
      throw thrown
    } finally {
      this.#applying = false
      this.#meanwhile = []
    }
    this.#ports.certificates.order()
    await this.#ports.databases?.apply()
    this.#save()
    // At once, not soon: whoever applied a file may be busy loading what comes next.
    this.#isStirred = true
    this.#look()
  }

  /** Wants the certificates of an earlier file again: its refused successor's go. */
  async #unwatch(spec: Spec): Promise<void> {
    const { certificates } = this.#ports
    await certificates
      .watch(certificateWishes(spec))
      .catch((thrown) => this.#trouble('certificate-refused', 'certificates', thrown))
    certificates.order()
  }

  #askAgain(): void {
    const { services, undone } = askedAgain(this.world(), this.#meanwhile, this.now())
    this.#state = { ...this.#state, services }
    for (const { subject, why } of undone) this.#note('refused-with-its-file', subject, why)
  }

  operate(rule: string, subject: string, verb: Asked['verb']): void {
    const { services } = this.#state
    this.#state = verb(this.world(), this.#ports.clock.now())
    const isOfServices = this.#state.services !== services
    if (this.#applying && isOfServices) this.#meanwhile.push({ rule, subject, verb })
    this.#note(rule, subject, 'an operator asked for it')
    this.#save()
    this.poke()
  }

  signal(signal: TrafficSignal): void {
    this.#ports.monitor.signal(signal)
  }

  poke(): void {
    this.#isStirred = true
    if (this.#over || this.#wakeIsSoon) return
    this.#wake?.[Symbol.dispose]()
    this.#wakeIsSoon = true
    this.#wake = this.#ports.clock.after(ms(0), () => this.#look())
  }

  [Symbol.dispose](): void {
    this.#over = true
    this.#wake?.[Symbol.dispose]()
  }

  /** One round: every room looks, decides and acts, and the balancer hears of it. */
  #look(): void {
    if (this.#over) return
    this.#wake?.[Symbol.dispose]()
    this.#wakeIsSoon = false
    this.#wake = this.#ports.clock.after(lookEvery, () => this.#look())
    if (this.#applying || !this.#hasToLook()) return
    this.#isStirred = false
    this.#share()
    let acted = false
    for (const name of Object.keys(this.#state.services)) acted = this.#decide(name) || acted
    this.#forget()
    this.#ports.monitor.watch(targetsOf(this.world()))
    this.#remember()
    this.#pushLater()
    this.#ports.cluster?.looked(this.world())
    if (acted) this.poke()
  }

  /**
   * Time alone changes nothing where nothing runs here: whatever else may happen is told. With
   * thousands of servers a look for nothing would cost more than their checks do.
   */
  #hasToLook(): boolean {
    if (this.#isStirred || this.#ports.cluster !== undefined || this.#troubles.size > 0) return true
    return Object.keys(this.#state.services).length > 0 || this.#saved !== this.#state
  }

  /** Of several machines: how much of each service is to run on this one. */
  #share(): void {
    const now = this.#ports.clock.now()
    for (const [name, replicas] of wishesHere(this.world())) {
      const memory = this.#state.services[name]
      if (memory === undefined || memory.state.replicas === replicas) continue
      const state = wish(memory.state, { kind: 'run', replicas, changed: false }, now)
      this.#setService(name, { ...memory, state })
    }
  }

  #decide(name: string): boolean {
    const world = this.world()
    const memory = world.state.services[name]
    if (memory === undefined) return false
    const now = this.#ports.clock.now()
    const service = world.spec.services[name]
    const policy = service?.kind === 'run' ? service : lastPolicy
    const replicas = sightingsOf(world, name)
    const machine = world.cluster?.machine
    const decision = decide({ now, state: memory.state, policy, replicas, machine })
    const changed = this.#decisions.get(name)?.rule !== decision.rule
    this.#decisions.set(name, decision)
    if (changed || decision.actions.length > 0) {
      this.#ports.journal.record({
        at: now,
        room: 'services',
        subject: name,
        rule: decision.rule,
        why: decision.why,
        actions: decision.actions.map(describeAction),
        seen: { revision: memory.state.revision, wanted: memory.state.replicas, replicas },
      })
    }
    for (const action of decision.actions) this.#act(name, action)
    return decision.actions.length > 0
  }

  #act(name: string, action: ServiceAction): void {
    const { host, clock } = this.#ports
    const memory = this.#state.services[name]
    if (memory === undefined) return
    this.#setService(name, { ...memory, state: enact(memory.state, action, clock.now()) })
    if (action.kind === 'start') {
      const template = memory.templates[action.revision]
      if (template === undefined) throw new Error(`broken invariant: no template of ${name}`)
      host.start({ id: action.replica, service: name, revision: action.revision, template })
    }
    if (action.kind === 'stop') {
      const replica = replicaOf(this.world(), action.replica)
      const template = memory.templates[replica?.revision ?? memory.state.revision]
      host.stop(action.replica, template?.stopWithin ?? lastPolicy.stopWithin)
    }
  }

  /** Drops what is remembered of replicas, servers and services that are no more. */
  #forget(): void {
    const world = this.world()
    for (const [name, memory] of Object.entries(world.state.services)) {
      const mine = replicasOf(world, name)
      const left = world.spec.services[name]?.kind !== 'run'
      if (left && memory.state.replicas === 0 && mine.length === 0) {
        const { [name]: _gone, ...services } = this.#state.services
        const former = { ...this.#state.former, [name]: memory.state.latest }
        this.#state = { ...this.#state, services, former }
        this.#decisions.delete(name)
        continue
      }
      const state = forgetGone(memory.state, new Set(mine.map(({ id }) => id)))
      const kept = forgetTemplates(
        state === memory.state ? memory : { ...memory, state },
        new Set(mine.map(({ revision }) => revision)),
      )
      if (kept !== memory) this.#setService(name, kept)
    }
    this.#state = forgetWords(this.#state, world.spec, tableOf(world).pools)
  }

  /** Keeps who is up, for the next agent, and stops believing what has been asked by now. */
  #remember(): void {
    const world = this.world()
    const servers = tableOf(world).pools.flatMap((pool) => pool.servers.map(({ id }) => id))
    for (const id of servers) {
      const asked = (world.health.get(id)?.verdict ?? 'unknown') !== 'unknown'
      if (asked) this.#believed.delete(beliefOf(world, id))
    }
    const ups = servers.filter((id) => verdictOf(world, id) === 'up')
    const up = ups.map((id) => beliefOf(world, id))
    if (!isDeepStrictEqual(up, this.#state.up)) this.#state = { ...this.#state, up }
    this.#save()
  }

  #save(): void {
    if (this.#saved === this.#state) return
    try {
      this.#ports.store.save(this.#state)
      this.#saved = this.#state
      this.#troubles.delete('state-not-kept')
    } catch (thrown) {
      this.#trouble('state-not-kept', 'agent', thrown)
    }
  }

  #pushLater(): void {
    if (this.#pushing !== undefined) {
      this.#isStirred = true
      return
    }
    this.#pushing = this.#push()
      .then(() => this.#troubles.delete('table-refused'))
      .catch((thrown: unknown) => this.#trouble('table-refused', 'balancer', thrown))
      .finally(() => {
        this.#pushing = undefined
      })
  }

  /** Hands the balancer the table that follows from what is seen, if it is another one. */
  async #push(): Promise<void> {
    const world = this.world()
    const wanted = tableOf(world)
    const { version: held = 0, ...routes } = this.#table ?? {}
    const edges = wanted.frontends.length === 0 ? 0 : world.spec.edges
    if (edges === this.#edges && isDeepStrictEqual(wanted, routes)) return
    const heard = world.edges.map((edge) => edge.report?.table ?? 0)
    // The clock keeps it above tables that an agent before pushed and could not write down.
    const known = Math.max(held, this.#state.table, ...heard)
    const version = Math.max(known + 1, Math.ceil(this.#ports.clock.now()))
    const before = this.#table
    this.#table = { version, ...wanted }
    this.#state = { ...this.#state, table: version }
    try {
      await this.#ports.balancer.apply(this.#table, edges)
      this.#edges = edges
    } catch (thrown) {
      this.#table = before
      throw thrown
    }
  }

  #setService(name: string, memory: ServiceMemory): void {
    this.#state = { ...this.#state, services: { ...this.#state.services, [name]: memory } }
  }

  /** Notes a failure once, however often it is met again. */
  #trouble(rule: string, subject: string, thrown: unknown): void {
    const why = describeError(thrown)
    if (this.#troubles.get(rule) === why) return
    this.#troubles.set(rule, why)
    this.#note(rule, subject, why)
  }

  #note(rule: string, subject: string, why: string): void {
    const at = this.#ports.clock.now()
    this.#ports.journal.record({ at, room: 'agent', subject, rule, why, actions: [], seen: {} })
  }
}

/** For a service that has left the file: what its file said is gone. */
const lastPolicy = { readyWithin: ms(60_000), drainWithin: ms(30_000), stopWithin: ms(10_000) }
