// One machine of a simulated cluster: the real membership over the simulated coordinator, and
// replicas that start a moment later and stop at once.

import { type ClusterMembership, openMember } from '../../cluster/member.ts'
import type { Beside } from '../../cluster/member-parts.ts'
import { type ClusterMemory, nothingSeen } from '../../cluster/memory.ts'
import type { AppliedDocument } from '../../cluster/model.ts'
import { type Part, wishHere } from '../../cluster/share.ts'
import { untilAborted } from '../../cluster/together.ts'
import type { Random } from '../../foundation/random.ts'
import { type Clock, instant, type Milliseconds, ms } from '../../foundation/time.ts'
import type { Ensemble } from '../coordinator/ensemble.ts'
import type { Cuts } from '../coordinator/link.ts'
import { SimulatedProcess } from '../coordinator/process.ts'
import { SimulatedSession } from '../coordinator/session.ts'

/** What a machine stands on. */
export interface MachineWorld {
  readonly names: readonly string[]
  readonly wire: Clock
  readonly ensemble: Ensemble
  readonly random: Random
  readonly delay: () => Milliseconds
  readonly session: Milliseconds
  readonly stirred: () => void
  /** A control: machines rely on others whatever placement those act on. */
  readonly hasty: boolean
  readonly trace: (line: () => string) => void
}

/** How long a replica takes until it is up. */
const startsWithin = ms(150)
const lookEvery = ms(50)

/** How many replicas a file of these lives asks for: that is all that stands in it. */
export const replicasIn = (text: string): number => Number(text)

export class ClusterMachine {
  readonly name: string
  readonly #world: MachineWorld
  #memory: ClusterMemory = nothingSeen
  #process: SimulatedProcess
  #session: SimulatedSession | undefined
  #member: ClusterMembership
  #cuts: Cuts = { up: false, down: false }
  #lives = 0
  /** When each replica is up; they outlive the agent. */
  #replicas: number[] = []

  constructor(name: string, world: MachineWorld) {
    this.name = name
    this.#world = world
    this.#process = this.#born()
    this.#member = this.#join()
  }

  get member(): ClusterMembership {
    return this.#member
  }

  get isStopped(): boolean {
    return this.#process.isStopped
  }

  get running(): number {
    return this.#replicas.length
  }

  /** How many replicas answer at this moment. */
  get up(): number {
    const now = this.#world.wire.now()
    return this.#replicas.filter((at) => at <= now).length
  }

  cut(cuts: Cuts): void {
    this.#cuts = cuts
    this.#session?.cut(() => cuts)
  }

  reset(): void {
    this.#session?.reset()
  }

  stop(): void {
    this.#process.stop()
  }

  continue(): void {
    this.#process.continue()
  }

  /** The agent dies, and another takes its place; with `power` the replicas die, too. */
  kill(power: boolean): void {
    this.end()
    if (power) this.#replicas = []
    this.#process = this.#born()
    this.#member = this.#join()
  }

  end(): void {
    this.#process.kill()
    this.#session?.kill()
    void this.#member[Symbol.asyncDispose]()
    this.#world.stirred()
  }

  /** An operator applies a file here. Resolves to its version, or undefined if it was refused. */
  async apply(replicas: number): Promise<number | undefined> {
    const { base } = this.#member.view()
    const text = String(replicas)
    const document: AppliedDocument = {
      ...{ text, name: 'life.yaml', env: {}, by: this.name, at: instant(0) },
    }
    const never = new AbortController().signal
    try {
      return await this.#member.apply(document, { text, base, over: undefined }, never)
    } catch {
      // Refused, cut off, or not known: what counts is what the coordinator has accepted.
      return undefined
    }
  }

  #born(): SimulatedProcess {
    const { wire, stirred, random } = this.#world
    const rate = 1 + (random.next() - 0.5) * 0.008
    return new SimulatedProcess(wire, stirred, rate, Math.floor(random.next() * 1e9))
  }

  #join(): ClusterMembership {
    const { names } = this.#world
    const process = this.#process
    this.#lives += 1
    const life = this.#lives
    let tries = 0
    const member = openMember({
      machine: this.name,
      card: {
        ...{ incarnation: `${this.name}${life}`, version: 'simulated', address: this.name },
        ...{ zone: undefined, door: 0, since: process.clock.now() },
      },
      clock: process.clock,
      newId: () => {
        tries += 1
        return `${this.name}-${life}-${tries}`
      },
      open: (signal) => this.#open(process, signal),
      beside: nothingBeside,
      store: {
        load: () => this.#memory,
        save: (memory) => {
          this.#memory = memory
        },
      },
      policy: { moveAfter: ms(600), gatherFor: ms(200) },
      wanted: () => {
        const applied = member.view().applied
        if (applied === undefined) return undefined
        const machines = names.map((name) => ({
          ...{ name, address: name, zone: undefined, capacity: 1 },
        }))
        const replicas = replicasIn(applied.document.text)
        const services = [{ name: 'web', replicas, on: undefined }]
        return { applied: applied.version, machines, services }
      },
      answering: () => new Set(),
      listener: {
        changed: () => {},
        event: (rule, _, why) => this.#world.trace(() => `${this.name}: ${rule} ${why}`),
      },
    })
    this.#look(process, member)
    return member
  }

  async #open(process: SimulatedProcess, signal: AbortSignal): Promise<SimulatedSession> {
    const { ensemble, wire, random, delay, session: timeout, stirred } = this.#world
    const session = new SimulatedSession({
      ...{ ensemble, wire, clock: process.clock, random, delay, timeout, stirred },
      arrives: process.arrives,
      cuts: () => this.#cuts,
    })
    this.#session = session
    const stop = (): void => void session[Symbol.asyncDispose]()
    signal.addEventListener('abort', stop, { once: true })
    await session.connected
    return session
  }

  /** Does what an agent does with its part: starts, keeps and stops replicas, and reports them. */
  #look(process: SimulatedProcess, member: ClusterMembership): void {
    const { applied, placement, reports } = member.view()
    const shares = placement?.value.shares.web
    if (applied !== undefined && shares !== undefined) {
      member.follows(applied.version)
      const others = Object.entries(shares)
        .filter(([name]) => name !== this.name)
        .map(([machine, share]): Part => {
          const report = reports.get(machine)
          const up = report?.replicas.filter((replica) => replica.up).length ?? 0
          const agrees = this.#world.hasty || report?.placement === placement?.version
          return { machine, share, up, agrees }
        })
      const here = { share: shares[this.name] ?? 0, running: this.running }
      this.#settle(wishHere(replicasIn(applied.document.text), here, others))
    }
    const now = this.#world.wire.now()
    member.report({
      replicas: this.#replicas.map((at, index) => ({
        ...{ id: `web-${index + 1}.${this.name}`, service: 'web', revision: 1, host: this.name },
        ...{ port: index, startedAt: instant(0), restarts: 0, running: true, draining: false },
        up: at <= now,
      })),
      placement: placement?.version ?? -1,
      ...{ heard: {}, active: {}, left: false },
    })
    process.clock.after(lookEvery, () => this.#look(process, member))
  }

  #settle(wish: number): void {
    while (this.#replicas.length > wish) this.#replicas.pop()
    while (this.#replicas.length < wish) {
      this.#replicas.push(this.#world.wire.now() + startsWithin)
    }
  }
}

/** Clusters in memory have no databases. */
const nothingBeside: Beside = {
  attend: (_coordinator, signal) => untilAborted(signal),
  lead: (_role, _coordinator, signal) => untilAborted(signal),
}
