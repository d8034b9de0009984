// One machine's part in the cluster: takes part as long as a session lives, keeps in view what the
// others do, stands for leadership, and goes on with what it knows while nobody can be asked.

import { type Coordinator, whyNot } from '../coordination/coordinator.ts'
import { type Document, openDocument } from '../coordination/recipes/documents.ts'
import { whileLeading } from '../coordination/recipes/leadership.ts'
import { join, type Membership } from '../coordination/recipes/membership.ts'
import { ensure, persevere, type Waker, waker } from '../coordination/recipes/persevere.ts'
import { describeError, Fault } from '../foundation/fault.ts'
import { ms, sleep } from '../foundation/time.ts'
import { judgeFile, type WantedFile } from './applied.ts'
import { appliedCodec, cardCodec, noOrders, ordersCodec, places, reportCodec } from './codecs.ts'
import { followAll, type Heard, put } from './following.ts'
import { type LeaderSight, leadCluster } from './lead.ts'
import type { MemberOptions, Running } from './member-parts.ts'
import type { ClusterStore } from './memory.ts'
import type { AppliedDocument, MemberCard, Orders, RunReport } from './model.ts'
import { countsOf } from './orders.ts'
import { together } from './together.ts'
import { type ClusterView, nothingKnown } from './views.ts'

/** See the first line. */
export interface ClusterMembership extends AsyncDisposable {
  view(): ClusterView
  /** Tells the others what runs here; the last that was told is what counts. */
  report(running: Running): void
  /** The file in force here is this version: others see it in the card. */
  follows(version: number): void
  /** Makes a file the one in force, if it follows the one that is; returns its version. */
  apply(document: AppliedDocument, wanted: WantedFile, signal: AbortSignal): Promise<number>
  /** Changes what is asked of the whole cluster. */
  order(change: (orders: Orders) => Orders, signal: AbortSignal): Promise<void>
  /**
   * Whether a counted order (`deploy web`, `restart web-1.a`) has not been followed here yet; then
   * it counts as followed.
   */
  takeOrder(kind: string, count: number): boolean
  /** Something outside has changed that a leader may have to decide about. */
  poke(): void
}

/** A holder of leadership that is silent for so long is deposed: every deed of it is guarded. */
const silence = ms(150)
/** So that a missed one or two are no reason to depose anybody. */
const beatEvery = ms(40)
/** Between two sessions: one that could not even begin is not tried again at once. */
const retryEvery = ms(200)

/** Takes part from now on, whether or not the coordinator answers yet. */
export const openMember = (options: MemberOptions): ClusterMembership => new Member(options)

class Member implements ClusterMembership {
  readonly #options: MemberOptions
  readonly #stop = new AbortController()
  readonly #bell: Waker = waker()
  readonly #tell: Waker = waker()
  readonly #running: Promise<void>
  #memory
  #view: ClusterView
  #report: RunReport | undefined
  #follows: number
  #coordinator: Coordinator | undefined
  #membership: Membership<MemberCard> | undefined

  constructor(options: MemberOptions) {
    this.#options = options
    this.#memory = options.store.load()
    const { applied, base, placement, orders } = this.#memory
    this.#follows = applied?.version ?? -1
    this.#view = {
      ...nothingKnown(options.machine, options.clock.now()),
      ...{ applied, base, orders },
      // Its version is not known until it is read again: nobody writes over it before.
      placement: placement === undefined ? undefined : { value: placement, version: -1 },
    }
    this.#running = this.#run()
  }

  view(): ClusterView {
    return this.#view
  }

  poke(): void {
    this.#bell.wake()
  }

  report(running: Running): void {
    const { serial: _, ...before } = this.#report ?? { serial: 0 }
    if (JSON.stringify(before) === JSON.stringify(running)) return
    const serial = this.#memory.serial + 1
    const told = new Map(this.#view.drainTold)
    const draining = new Set(running.replicas.filter((r) => r.draining).map(({ id }) => id))
    for (const id of draining) if (!told.has(id)) told.set(id, serial)
    for (const id of told.keys()) if (!draining.has(id)) told.delete(id)
    this.#report = { ...running, serial }
    this.#remember({ serial })
    this.#see({ drainTold: told })
    this.#tell.wake()
  }

  follows(version: number): void {
    this.#follows = version
    this.#tell.wake()
  }

  takeOrder(kind: string, count: number): boolean {
    const { done } = this.#memory
    if (done === undefined || (done[kind] ?? 0) >= count) return false
    this.#remember({ done: { ...done, [kind]: count } })
    return true
  }

  async apply(document: AppliedDocument, wanted: WantedFile, signal: AbortSignal): Promise<number> {
    const file = this.#document(places.applied, appliedCodec)
    for (;;) {
      await persevere(() => this.#reached().sync(signal))
      const seen = await persevere(() => file.read(signal))
      const inForce = seen === undefined ? undefined : { ...seen, document: seen.value }
      const verdict = judgeFile(wanted, inForce)
      const version =
        verdict.kind === 'same'
          ? verdict.version
          : await this.#replace(file, document, verdict.version, signal)
      // Another was faster: it may have applied the very same, as machines do that begin together.
      if (version === undefined) continue
      this.#follow(version)
      return version
    }
  }

  async order(change: (orders: Orders) => Orders, signal: AbortSignal): Promise<void> {
    const orders = this.#document(places.orders, ordersCodec)
    const { value } = await orders.update((before) => change(before ?? noOrders), [], signal)
    // Followed here before it is answered: whoever asked looks at once how far it is.
    this.#heard({ orders: value })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the agent ends'))
    await this.#running
  }

  /** The file on this machine's disk follows this version now. */
  #follow(version: number): void {
    this.#remember({ base: version })
    this.#see({ base: version })
  }

  /** The version it got; undefined where somebody was faster. */
  async #replace(
    file: Document<AppliedDocument>,
    document: AppliedDocument,
    version: number | undefined,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    try {
      return await file.replace(document, version, [], signal)
    } catch (thrown) {
      const why = whyNot(thrown)
      if (why !== 'version' && why !== 'exists') throw thrown
      return undefined
    }
  }

  #document<T>(path: string, codec: Parameters<typeof openDocument<T>>[2]): Document<T> {
    return openDocument(this.#reached(), path, codec)
  }

  #reached(): Coordinator {
    if (this.#coordinator !== undefined) return this.#coordinator
    const { trouble } = this.#view
    throw new Fault('unreachable', `the coordinator does not answer: ${trouble ?? 'not yet'}`, {
      remedy: 'nothing can be decided meanwhile; what runs goes on',
    })
  }

  async #run(): Promise<void> {
    const { clock, open } = this.#options
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        await using coordinator = await open(signal)
        await this.#inSession(coordinator, AbortSignal.any([signal, coordinator.over]))
      } catch (thrown) {
        if (signal.aborted) return
        this.#cutOff(thrown)
        await sleep(clock, retryEvery, signal).catch(() => {})
      }
    }
  }

  #cutOff(thrown: unknown): void {
    const trouble = describeError(thrown)
    const { clock, listener } = this.#options
    if (this.#view.connected || this.#view.trouble !== trouble) {
      listener.event('coordinator-lost', this.#options.machine, trouble)
    }
    const since = this.#view.connected ? clock.now() : this.#view.since
    this.#see({ connected: false, since, trouble, leader: undefined, members: [] })
  }

  async #inSession(coordinator: Coordinator, signal: AbortSignal): Promise<void> {
    const { machine, clock, listener } = this.#options
    for (const path of [places.members, places.runs, `${places.leader}/epoch`]) {
      await ensure(coordinator, path, signal)
    }
    await using membership = await join(
      coordinator,
      places.members,
      machine,
      this.#card(),
      cardCodec,
      signal,
    )
    this.#coordinator = coordinator
    this.#membership = membership
    listener.event('takes-part', machine, 'the coordinator answers')
    this.#see({ connected: true, since: clock.now(), trouble: undefined })
    this.#tell.wake()
    try {
      await together(AbortSignal.any([signal, membership.lost]), [
        ...followAll(coordinator, (seen) => this.#heard(seen)),
        (at) => this.#tellAll(coordinator, at),
        (at) => this.#stand(coordinator, at),
        (at) => this.#options.beside.attend(coordinator, at),
      ])
    } finally {
      this.#coordinator = undefined
      this.#membership = undefined
    }
  }

  /** What was heard of the documents is kept, for when nobody can be asked. */
  #heard(seen: Heard): void {
    const { applied, orders, placement } = seen
    const first = orders !== undefined && this.#memory.done === undefined
    const kept = {
      // What was ordered before this machine took part concerns what it has not begun.
      ...(first ? { done: countsOf(orders) } : {}),
      ...(applied === undefined ? {} : { applied }),
      ...(orders === undefined ? {} : { orders }),
      ...(placement === undefined ? {} : { placement: placement.value }),
    }
    if (Object.keys(kept).length > 0) this.#remember(kept)
    this.#see(seen)
  }

  #card(): MemberCard {
    return { ...this.#options.card, applied: this.#follows }
  }

  /** Tells the others what runs here and which file is followed, whenever it is something else. */
  async #tellAll(coordinator: Coordinator, signal: AbortSignal): Promise<never> {
    const path = `${places.runs}/${this.#options.machine}`
    let told = ''
    let follows = -2
    for (;;) {
      if (this.#follows !== follows && this.#membership !== undefined) {
        follows = this.#follows
        await this.#membership.update(this.#card(), signal)
      }
      const data = this.#report === undefined ? '' : reportCodec.format(this.#report)
      if (data !== told && data !== '') {
        await persevere(() => put(coordinator, path, data, signal))
        told = data
      }
      await this.#tell.wait(signal)
    }
  }

  /** Stands for leadership, except while drained: who is to be taken away should not lead. */
  async #stand(coordinator: Coordinator, signal: AbortSignal): Promise<never> {
    const { machine, clock, newId, listener } = this.#options
    const policy = {
      ...{ path: places.leader, id: machine, lease: coordinator.timeout },
      ...{ every: beatEvery, silence },
    }
    for (;;) {
      if (this.#isDrained()) {
        await sleep(clock, retryEvery, signal)
        continue
      }
      try {
        await whileLeading(coordinator, policy, { clock, newId }, signal, (role, leading) => {
          const { epoch, before } = role
          const why = before === undefined ? 'nobody has led before' : `after ${before.id}`
          listener.event('leads', machine, why, [], { epoch })
          return together(leading, [
            (at) => leadCluster(role, this.#leaderPorts(), at),
            (at) => this.#untilDrained(at),
            (at) => this.#options.beside.lead(role, coordinator, at),
          ])
        })
      } catch (thrown) {
        if (signal.aborted) throw thrown
        listener.event('leads-no-longer', machine, describeError(thrown))
      }
    }
  }

  #isDrained(): boolean {
    return this.#view.orders.drainedMachines.includes(this.#options.machine)
  }

  async #untilDrained(signal: AbortSignal): Promise<void> {
    while (!this.#isDrained()) await sleep(this.#options.clock, retryEvery, signal)
  }

  #leaderPorts(): Parameters<typeof leadCluster>[1] {
    const { machine, clock, policy, listener } = this.#options
    return {
      ...{ machine, clock, policy, bell: this.#bell },
      sight: () => this.#sight(),
      decided: (rule, why, moves) => listener.event(rule, 'cluster', why, moves),
      wrote: ({ epoch, rule }, version) =>
        listener.event('placement-accepted', 'cluster', rule, [], { epoch, version }),
    }
  }

  #sight(): LeaderSight | undefined {
    const wanted = this.#options.wanted()
    const { applied, members: there, reports, orders, placement } = this.#view
    // It decides by the file that is in force, and by no other.
    if (wanted === undefined || wanted.applied !== applied?.version) return undefined
    if (placement !== undefined && placement.version < 0) return undefined
    const left = [...reports].filter(([, report]) => report.left)
    return {
      ...wanted,
      ...{ placement, answering: this.#options.answering() },
      members: new Set(there.map(({ machine }) => machine)),
      known: new Set(reports.keys()),
      drained: new Set(orders.drainedMachines),
      left: new Set(left.map(([machine]) => machine)),
    }
  }

  #see(news: Partial<ClusterView>): void {
    this.#view = { ...this.#view, ...news }
    this.#bell.wake()
    this.#options.listener.changed()
  }

  #remember(news: Partial<ReturnType<ClusterStore['load']>>): void {
    this.#memory = { ...this.#memory, ...news }
    try {
      this.#options.store.save(this.#memory)
    } catch (thrown) {
      // A full disk is no reason to stop: the next that is seen is written again.
      this.#options.listener.event('cluster-not-kept', this.#options.machine, describeError(thrown))
    }
  }
}
