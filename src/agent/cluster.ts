// One machine's agent in its cluster: acts on the file that all share, tells what runs here, and
// follows what operators ask of all.

import { randomUUID } from 'node:crypto'
import type { InForce } from '../cluster/applied.ts'
import { type ClusterMembership, openMember } from '../cluster/member.ts'
import type { Beside, MemberListener, Wanted } from '../cluster/member-parts.ts'
import { openClusterStore } from '../cluster/memory.ts'
import type { AppliedDocument, ClusterPolicy, Orders } from '../cluster/model.ts'
import { countsOf } from '../cluster/orders.ts'
import { type Door, type Peers, usualPort } from '../cluster/sight/door.ts'
import type { ClusterView } from '../cluster/views.ts'
import { openAll, type Seal, sealAll } from '../control/seal.ts'
import type { Machine } from '../coordination/model.ts'
import type { OpenCoordination } from '../coordination/open.ts'
import { describeError, Fault } from '../foundation/fault.ts'
import { type Clock, ms } from '../foundation/time.ts'
import type { Spec } from '../spec/model.ts'
import { clusterStatusOf } from './cluster-status.ts'
import type { OtherMachines } from './core-ports.ts'
import type { AppliedFile, ClusterStatus } from './model.ts'
import { type ClusterSight, sightOf } from './remote.ts'
import { reportOf } from './report.ts'
import { verdictOf, type World } from './world.ts'

/** A file as it is read: what stands in it, and the variables it refers to. */
export type FileRead = Omit<AppliedFile, 'at'>

/** What it stands on. */
export interface AgentClusterOptions {
  readonly machine: Machine
  /** The machines of the file that this agent began with. */
  readonly machines: Spec['machines']
  readonly coordination: OpenCoordination
  readonly seal: Seal
  /** Speaks with the other machines, and hears them; told who they are by `peers`. */
  readonly door: Door
  readonly life: string
  readonly memoryPath: string
  readonly clock: Clock
  readonly version: string
  /** The file on this machine's disk, as it was when the agent began. */
  readonly own: FileRead
  readonly event: MemberListener['event']
  /** Reads a text; throws a Fault `bad-file`. */
  readonly parse: (file: FileRead) => Promise<Spec>
  readonly beside: Beside
}

/** What it asks of the agent, once there is a mind. */
export interface AgentClusterDeeds {
  /** Makes a file the one that is acted on here. */
  apply(spec: Spec, file: FileRead): Promise<void>
  poke(): void
  deploy(service: string): void
  restart(subject: string): void
  endAsTold(): Promise<void>
}

/** The delays of every cluster; what a machine ran moves after the first. */
export const clusterPolicy: ClusterPolicy = { moveAfter: ms(5000), gatherFor: ms(3000) }

/** How long an operator waits for the coordinator, and for a file to be taken up here. */
const patience = ms(10_000)

/** A file that could not be taken up (a port in use) is tried again. */
const againAfter = ms(5000)

/** See the first line. */
export class AgentCluster implements OtherMachines, AsyncDisposable {
  readonly #options: AgentClusterOptions
  readonly #member: ClusterMembership
  #deeds: AgentClusterDeeds | undefined
  #world: World | undefined
  #heard: Readonly<Record<string, number>> = {}
  /** The version that is acted on here, and what it asks for. */
  #taken: { readonly version: number; readonly spec: Spec } | undefined
  #taking: Promise<void> | undefined
  #refused: { readonly version: number; readonly fault: unknown } | undefined
  #greeted = false
  #left = false

  constructor(options: AgentClusterOptions) {
    this.#options = options
    const { machine, clock, coordination, memoryPath, version } = options
    const { address, zone } = machine
    this.#member = openMember({
      machine: machine.name,
      card: {
        ...{ incarnation: options.life, version, address, zone },
        ...{ door: options.door.port, since: clock.now() },
      },
      ...{ clock, newId: randomUUID, policy: clusterPolicy, beside: options.beside },
      open: (signal) => coordination.open(signal),
      store: openClusterStore(memoryPath),
      wanted: () => this.#wanted(),
      answering: () => this.#answering(),
      listener: { event: options.event, changed: () => this.#changed() },
    })
  }

  get machine(): string {
    return this.#options.machine.name
  }

  get address(): string {
    return this.#options.machine.address
  }

  status(): ClusterStatus {
    const { door, machines, clock, coordination } = this.#options
    const known = this.#taken?.spec.machines ?? machines
    const servers = coordination.servers()
    return clusterStatusOf(this.view(), door.ears, known, servers, clock.now())
  }

  /** Where the doors of the other machines are. */
  peers(): Peers {
    const { members } = this.view()
    return new Map(
      Object.values(this.#taken?.spec.machines ?? this.#options.machines).map((machine) => {
        const card = members.find((one) => one.machine === machine.name)
        return [machine.name, { address: machine.address, port: card?.door ?? usualPort }]
      }),
    )
  }

  view(): ClusterView {
    return this.#member.view()
  }

  /** The file to begin with: the last that was seen of all, or the one on this machine's disk. */
  async first(own: { readonly spec: Spec; readonly file: FileRead }) {
    const { applied } = this.view()
    if (applied === undefined) return own
    const file = this.#fileOf(applied.document)
    const spec = await this.#options.parse(file)
    await this.#options.coordination.follow(spec.coordination)
    this.#take(applied.version, spec)
    return { spec, file }
  }

  /** From now on there is a mind that acts. */
  begin(deeds: AgentClusterDeeds): void {
    this.#deeds = deeds
    this.#changed()
  }

  observe(): ClusterSight {
    return sightOf(this.view())
  }

  looked(world: World): void {
    this.#world = world
    const report = reportOf(world, this.#heard, this.#left)
    this.#heard = report.heard
    this.#member.report(report)
  }

  /** Makes a file the one that all machines act on; resolves once this one does. */
  async apply(file: FileRead, over: number | undefined): Promise<void> {
    const signal = AbortSignal.timeout(patience)
    try {
      const wanted = { text: file.text, base: this.view().base, over }
      const version = await this.#member.apply(this.#documentOf(file), wanted, signal)
      this.#refused = undefined
      await this.#untilTaken(version, signal)
    } catch (thrown) {
      throw signal.aborted ? tooLate(thrown) : thrown
    }
  }

  /** Changes what is asked of the whole cluster. */
  async order(change: (orders: Orders) => Orders): Promise<void> {
    const signal = AbortSignal.timeout(patience)
    try {
      await this.#member.order(change, signal)
    } catch (thrown) {
      throw signal.aborted ? tooLate(thrown) : thrown
    }
  }

  /** Ends for good: what ran here may be run elsewhere at once. */
  leave(): void {
    this.#left = true
    if (this.#world !== undefined) this.looked(this.#world)
  }

  /** Ends its part; the coordinator's server that runs here goes on, for the next agent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end()
    await this.#options.coordination[Symbol.asyncDispose]()
  }

  /** Ends its part, and the coordinator's server that runs here. */
  async stop(): Promise<void> {
    await this.#end()
    await this.#options.coordination.stop(patience)
  }

  async #end(): Promise<void> {
    this.#deeds = undefined
    this.#options.door[Symbol.dispose]()
    await this.#member[Symbol.asyncDispose]()
  }

  #changed(): void {
    const deeds = this.#deeds
    if (deeds === undefined) return
    const { connected, applied, orders } = this.view()
    if (connected && !this.#greeted) this.#greet()
    if (applied !== undefined && applied.version !== this.#taken?.version) this.#takeUp(applied)
    this.#obey(orders, deeds)
    deeds.poke()
  }

  /** Once connected: this machine's own file is the first of all, or follows the one in force. */
  #greet(): void {
    this.#greeted = true
    const { own, event, clock } = this.#options
    const wanted = { text: own.text, base: this.view().base, over: undefined }
    const signal = AbortSignal.timeout(patience)
    this.#member.apply(this.#documentOf(own), wanted, signal).catch((thrown: unknown) => {
      if (thrown instanceof Fault && thrown.code === 'refused') {
        const { message, remedy } = thrown
        return event('file-not-in-force', own.path, `${message}; ${remedy}`)
      }
      event('file-not-told', own.path, describeError(thrown))
      clock.after(againAfter, () => {
        this.#greeted = false
        this.#changed()
      })
    })
  }

  #takeUp(applied: InForce): void {
    const { version } = applied
    if (this.#taking !== undefined || this.#refused?.version === version) return
    this.#taking = this.#takeUpNow(applied)
      .catch((fault: unknown) => {
        this.#refused = { version, fault }
        const { clock, event } = this.#options
        event('file-refused', `version ${version}`, describeError(fault))
        clock.after(againAfter, () => {
          if (this.#refused?.version === version) this.#refused = undefined
          this.#changed()
        })
      })
      .finally(() => {
        this.#taking = undefined
        this.#changed()
      })
  }

  async #takeUpNow({ version, document }: InForce): Promise<void> {
    const file = this.#fileOf(document)
    const spec = await this.#options.parse(file)
    await this.#options.coordination.follow(spec.coordination)
    await this.#deeds?.apply(spec, file)
    this.#take(version, spec)
    this.#options.event('file-taken-up', `version ${version}`, `it was applied on ${document.by}`)
  }

  #take(version: number, spec: Spec): void {
    this.#taken = { version, spec }
    this.#member.follows(version)
    this.#member.poke()
  }

  async #untilTaken(version: number, signal: AbortSignal): Promise<void> {
    while ((this.#taken?.version ?? -1) < version) {
      signal.throwIfAborted()
      if (this.#refused?.version === version) throw this.#refused.fault
      await new Promise<void>((resolve) => this.#options.clock.after(ms(10), resolve))
    }
  }

  /** Counted orders: each machine follows a count that it has not followed yet. */
  #obey(orders: Orders, deeds: AgentClusterDeeds): void {
    for (const [order, count] of Object.entries(countsOf(orders))) {
      if (!this.#member.takeOrder(order, count)) continue
      const [verb, subject = ''] = order.split(' ')
      if (subject === everywhere) void deeds.endAsTold()
      else this.#try(() => (verb === 'deploy' ? deeds.deploy(subject) : deeds.restart(subject)))
    }
  }

  /** What is not here cannot be done here: a replica of another machine, a service that left. */
  #try(act: () => void): void {
    try {
      act()
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
    }
  }

  #wanted(): Wanted | undefined {
    if (this.#taken === undefined) return undefined
    const { version, spec } = this.#taken
    return {
      applied: version,
      machines: Object.values(spec.machines).map((machine) => ({ capacity: 1, ...machine })),
      services: Object.values(spec.services).flatMap((service) =>
        service.kind === 'run'
          ? [{ name: service.name, replicas: service.replicas, on: service.on }]
          : [],
      ),
    }
  }

  #answering(): ReadonlySet<string> {
    const world = this.#world
    if (world?.cluster === undefined) return new Set()
    const up = [...world.cluster.byId.values()].filter(({ id }) => verdictOf(world, id) === 'up')
    return new Set(up.map(({ machine }) => machine))
  }

  #documentOf({ path, text, env }: FileRead): AppliedDocument {
    const { seal, clock, machine } = this.#options
    const name = path.slice(path.lastIndexOf('/') + 1)
    const shared = Object.fromEntries(Object.entries(env).filter(([key]) => !isOwn(key)))
    return { text, name, env: sealAll(seal, shared), by: machine.name, at: clock.now() }
  }

  /** The shared file, as if it stood where this machine's own does. */
  #fileOf({ text, name, env }: AppliedDocument): FileRead {
    const { own, seal } = this.#options
    const folder = own.path.slice(0, own.path.lastIndexOf('/') + 1)
    const mine = Object.entries(process.env).filter(([key]) => isOwn(key))
    const known = { ...openAll(seal, env), ...Object.fromEntries(mine) }
    return { path: `${folder}${name}`, text, env: known as FileRead['env'] }
  }
}

/** Variables that each machine has for itself: they are not shared with the file. */
const isOwn = (name: string): boolean => name.startsWith('ALWAYSON_')

/** The subject of an order that is for everything. */
export const everywhere = '*'

const tooLate = (cause: unknown): Fault =>
  new Fault('timed-out', 'the coordinator did not answer in time', {
    cause,
    remedy: 'whether it was done is not known: alwayson status shows the version in force',
  })
