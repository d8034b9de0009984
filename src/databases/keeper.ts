// Looks after one member: says what it sees of its server, carries out orders that are not of the
// past, and confirms to the guard that a primary may go on.

import { waker } from '../coordination/recipes/persevere.ts'
import { describeError } from '../foundation/fault.ts'
import {
  type Clock,
  type Instant,
  later,
  type Milliseconds,
  ms,
  since,
} from '../foundation/time.ts'
import type { DatabaseBoard, Order } from './board.ts'
import { keeperEvery } from './budget.ts'
import type { MemberAddress, MemberEngine, Progress, ServerSight, VouchPlan } from './engine.ts'
import type { ServerHost } from './host.ts'
import type { KeeperMemory, KeeperStore } from './memory.ts'
import type { FailoverBounds, MemberSighting, Position } from './model.ts'
import { goesOn, isLed, isSame } from './orders.ts'
import { reaches } from './position.ts'
import { WriteWatch } from './writes.ts'

/** What a keeper stands on. */
export interface KeeperOptions {
  readonly member: string
  readonly peers: readonly MemberAddress[]
  readonly engine: MemberEngine
  readonly host: ServerHost
  readonly board: DatabaseBoard
  readonly store: KeeperStore
  readonly clock: Clock
  readonly bounds: () => FailoverBounds
  /**
   * How its guard asks who follows; `undefined` where nobody else could be told to be primary: all
   * members are on this machine, and this process decides.
   */
  readonly lease: { readonly vouch: VouchPlan } | undefined
  /** Something for the journal: `why` completes "because …". */
  readonly event: (rule: string, why: string, seen?: Readonly<Record<string, unknown>>) => void
}

/** A keeper at work. */
export interface Keeper extends AsyncDisposable {
  /** What it saw last; undefined before its first look. */
  sighting(): MemberSighting | undefined
}

/** A look that takes longer says that the server does not answer. */
const lookWithin = ms(1500)
const lookEveryMeanwhile = ms(50)
/** An order that has been carried out and still stands is carried out again after so long. */
const againAfter = ms(1000)
/** For what clients of a planned move have under way. */
const quiesceWithin = ms(5000)

/** Begins to look after a member. */
export function openKeeper(options: KeeperOptions): Keeper {
  const keeper = new MemberKeeper(options)
  keeper.begin()
  return keeper
}

/** An order that is being carried out, or has been. */
interface Task {
  readonly order: Order
  readonly stop: AbortController
  ended: Instant | undefined
  running: Promise<void>
}

class MemberKeeper implements Keeper {
  readonly #options: KeeperOptions
  readonly #stop = new AbortController()
  readonly #bell = waker()
  readonly #opened = new DisposableStack()
  #memory: KeeperMemory
  #seen: MemberSighting | undefined
  #task: Task | undefined
  #trouble: string | undefined
  #busy: Progress | undefined
  readonly #writes: WriteWatch
  #telling = false
  #isUntold = false
  #running: Promise<void> = Promise.resolve()

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#memory = options.store.load()
    this.#writes = new WriteWatch(options, this.#stop.signal)
  }

  begin(): void {
    const { host, board } = this.#options
    this.#opened.use(host.onChange(this.#bell.wake))
    this.#opened.use(board.onChange(this.#bell.wake))
    this.#running = this.#run().catch((thrown: unknown) => {
      if (!this.#stop.signal.aborted) throw thrown
    })
  }

  sighting(): MemberSighting | undefined {
    return this.#seen
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the agent ends'))
    this.#task?.stop.abort(this.#stop.signal.reason)
    this.#opened.dispose()
    await this.#running
    await this.#task?.running
    await this.#options.engine[Symbol.asyncDispose]()
  }

  async #run(): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#stop
    let looked = later(clock.now(), ms(-keeperEvery))
    let process = ''
    for (;;) {
      this.#obey()
      const now = clock.now()
      const there = this.#options.host.observe().kind
      // What others tell is no reason to ask the server; what its guard or a task tells is.
      const every = this.#lookEvery()
      if (since(looked, now) >= every || there !== process || this.#isUntold) {
        this.#isUntold = false
        looked = now
        process = there
        await this.#look(signal)
        this.#writes.try(this.#seen)
        void this.#tell()
      }
      const rest = ms(Math.max(5, every - since(looked, clock.now())))
      using _timer = clock.after(rest, this.#bell.wake)
      await this.#bell.wait(signal)
    }
  }

  /** While a primary is being changed clients wait for what is seen. */
  #lookEvery(): Milliseconds {
    const kind = this.#options.board.view().record?.phase.kind ?? 'new'
    return kind === 'serving' || kind === 'new' ? keeperEvery : lookEveryMeanwhile
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { engine, clock } = this.#options
    const stop = new AbortController()
    using _ = clock.after(lookWithin, () => stop.abort(new Error('its server does not answer')))
    try {
      const sight = await engine.look(AbortSignal.any([signal, stop.signal]))
      this.#follow(sight)
      this.#seen = this.#sightingOf(sight)
    } catch (thrown) {
      signal.throwIfAborted()
      // What was seen before is kept: it is hung, not gone. Its guard knows whether it lives.
      const trouble = describeError(thrown)
      if (this.#seen !== undefined) {
        this.#seen = {
          ...this.#seen,
          ...{ heard: clock.now(), upstream: undefined, trouble },
          ...{ received: undefined, applied: undefined, waitingSince: undefined },
          failingSince: this.#writes.failingSince,
        }
      }
    }
  }

  /** Something has come from whom it was told to follow: it takes part in that one's epoch. */
  #follow({ upstream, diverged }: ServerSight): void {
    const { source, epoch } = this.#memory
    if (source === undefined || diverged || upstream !== source.member) return
    if (epoch !== source.epoch) this.#remember({ epoch: source.epoch })
  }

  #sightingOf(sight: ServerSight): MemberSighting {
    const { member, clock } = this.#options
    const { epoch, promised, acksVersion, acksSince, copiedFor } = this.#memory
    const isPrimary = sight.server === 'primary'
    this.#writes.saw(sight)
    return {
      ...{ member, heard: clock.now(), server: sight.server, epoch, promised },
      ...{ writable: sight.writable, received: sight.received, applied: sight.applied },
      ...{ upstream: sight.upstream, receivedAt: sight.receivedAt, diverged: sight.diverged },
      ...{ acks: sight.acks, acksVersion, acksSince: isPrimary ? acksSince : undefined },
      failingSince: isPrimary ? this.#writes.failingSince : undefined,
      ...{ waitingSince: this.#writes.waitingSince, copiedFor },
      ...{ lag: sight.lag, trouble: sight.why ?? this.#trouble, clients: sight.clients },
      ...(this.#busy === undefined ? {} : { busy: this.#busy }),
    }
  }

  async #tell(): Promise<void> {
    const seen = this.#seen
    if (this.#telling || seen === undefined) return
    const { board, clock } = this.#options
    const sent = clock.now()
    this.#telling = true
    const stop = new AbortController()
    const timer = clock.after(lookWithin, () => stop.abort(new Error('not taken in time')))
    try {
      const signal = AbortSignal.any([stop.signal, this.#stop.signal])
      const isConfirmed = await board.tell(seen, this.#memory.epoch, signal)
      if (isConfirmed) this.#renew(seen, sent)
    } catch {
      // Nobody can be told: others see the silence, and the guard that nothing was confirmed.
    } finally {
      timer[Symbol.dispose]()
      this.#telling = false
    }
  }

  /** Nobody held a later epoch when this was sent: the lease is counted from there. */
  #renew(seen: MemberSighting, sent: Instant): void {
    const { host, lease, bounds, clock } = this.#options
    if (lease === undefined || seen.server !== 'primary') return
    const left = ms(bounds().lease - since(sent, clock.now()))
    if (left <= 0) return
    const vouch =
      seen.acks === undefined || seen.acks.needed === 0
        ? undefined
        : { plan: lease.vouch, acks: seen.acks }
    host.renew({ for: left, vouch })
  }

  #obey(): void {
    const { board, member, clock } = this.#options
    const order = board.view().orders.get(member)
    const task = this.#task
    if (order === undefined || this.#isPast(order)) {
      if (task?.ended !== undefined) this.#task = undefined
      return
    }
    if (task?.ended === undefined && task !== undefined && goesOn(task.order, order)) return
    if (task?.ended !== undefined && isSame(task.order, order)) {
      if (since(task.ended, clock.now()) < againAfter) return
    } else if (task !== undefined && task.ended === undefined) {
      // What is under way is given up for what is asked now, once it has come to an end.
      task.stop.abort(new Error('something else was ordered'))
      return
    }
    this.#begin(order)
  }

  #isPast({ epoch, version }: Order): boolean {
    const { promised, version: last } = this.#memory
    return epoch < promised || (epoch === promised && version < last)
  }

  #begin(order: Order): void {
    const stop = new AbortController()
    const task: Task = { order, stop, ended: undefined, running: Promise.resolve() }
    this.#task = task
    task.running = this.#carryOut(order, AbortSignal.any([stop.signal, this.#stop.signal]))
      .then(
        () => {
          this.#trouble = undefined
        },
        (thrown: unknown) => {
          if (stop.signal.aborted || this.#stop.signal.aborted) return
          const why = describeError(thrown)
          if (why !== this.#trouble) this.#options.event('order-failed', why, { order })
          this.#trouble = why
        },
      )
      .finally(() => {
        task.ended = this.#options.clock.now()
        this.#busy = undefined
        this.#isUntold = true
        this.#bell.wake()
      })
  }

  async #carryOut(order: Order, signal: AbortSignal): Promise<void> {
    const { engine, host } = this.#options
    const { action, epoch, version } = order
    // Versions count within a record; one that had to begin anew is of a far later epoch.
    const isLater = epoch > this.#memory.promised
    this.#remember({ version: isLater ? version : Math.max(this.#memory.version, version) })
    switch (action.kind) {
      case 'initialise':
        return await engine.initialise(signal)
      case 'freeze':
        return await this.#freeze(epoch, signal)
      case 'fence':
        return await host.end('SIGKILL', ms(0))
      case 'quiesce':
        return await engine.quiesce(quiesceWithin, signal)
      case 'promote':
        return await this.#promote(order, action, signal)
      case 'set-acks':
        if (this.#memory.epoch !== epoch) return
        await engine.setAcks(action.acks, signal)
        return await this.#enforced(version, signal)
      case 'follow':
        return await this.#followOrder(order, action, signal)
    }
  }

  /**
   * The promise is given when it is true: nothing is received any more. One that is stopped, and of
   * which it is known what it has, is not started for it.
   */
  async #freeze(epoch: number, signal: AbortSignal): Promise<void> {
    const { engine } = this.#options
    this.#remember({ source: undefined })
    const { server, received } = await engine.look(signal)
    if (server !== 'stopped' || received === undefined) await engine.freeze(signal)
    if (epoch > this.#memory.promised) this.#remember({ promised: epoch })
  }

  async #promote(
    { epoch, version }: Order,
    { acks, start }: Extract<Order['action'], { kind: 'promote' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { engine, board, member, lease, host, bounds, clock } = this.#options
    const record = await board.fresh(signal)
    if (record === undefined || !isLed(record, member, epoch)) return
    this.#remember({ promised: Math.max(this.#memory.promised, epoch), source: undefined })
    await this.#mayServe(epoch, start, signal)
    await engine.promote({ epoch, acks }, signal)
    if (lease !== undefined) {
      // It may have taken long: the lease is counted from when the record still named it.
      const asked = clock.now()
      const still = await board.fresh(signal)
      const left = ms(bounds().lease - since(asked, clock.now()))
      if (still === undefined || !isLed(still, member, epoch) || left <= 0) {
        return await host.end('SIGKILL', ms(0))
      }
      host.renew({ for: left, vouch: undefined })
    }
    if (this.#memory.epoch !== epoch) this.#remember({ epoch })
    await this.#enforced(version, signal)
  }

  /**
   * Nobody is primary twice at one epoch: what it had not been acknowledged for may be seen only
   * after another election. And one that has lost what it was elected for is not promoted.
   */
  async #mayServe(epoch: number, start: Position, signal: AbortSignal): Promise<void> {
    const { engine } = this.#options
    let sight = await engine.look(signal)
    if (sight.server === 'primary') return
    if (this.#memory.epoch === epoch)
      throw new Error('it was primary at this epoch, and is no more')
    if (sight.received === undefined) {
      await engine.freeze(signal)
      sight = await engine.look(signal)
    }
    if (sight.received === undefined || !reaches(sight.received, start)) {
      throw new Error('it does not have any more what it was elected for')
    }
  }

  /** From here on it acknowledges as the order of `version` says. */
  async #enforced(version: number, signal: AbortSignal): Promise<void> {
    const { received } = await this.#options.engine.look(signal)
    this.#remember({ acksVersion: version, acksSince: received })
  }

  async #followOrder(
    { epoch }: Order,
    { primary, way, copyFor }: Extract<Order['action'], { kind: 'follow' }>,
    signal: AbortSignal,
  ): Promise<void> {
    if (copyFor !== undefined && copyFor === this.#memory.copiedFor) return
    const address = this.#options.peers.find((each) => each.member === primary)
    if (address === undefined) throw new Error(`nothing is known of a member ${primary}`)
    this.#remember({
      promised: Math.max(this.#memory.promised, epoch),
      source: { member: primary, epoch },
    })
    await this.#options.engine.follow(
      {
        ...{ primary: address, way, label: `epoch-${this.#memory.epoch}-to-${epoch}` },
        progress: (progress) => this.#progress(progress),
      },
      signal,
    )
    // What it has now is that one's history, whether or not it streams yet.
    if (way !== 'follow') this.#remember({ epoch })
    if (copyFor !== undefined) this.#remember({ copiedFor: copyFor })
  }

  #progress(progress: Progress): void {
    this.#busy = progress
    if (this.#seen !== undefined) this.#seen = { ...this.#seen, busy: progress }
  }

  #remember(news: Partial<KeeperMemory>): void {
    const next = { ...this.#memory, ...news }
    if (JSON.stringify(next) === JSON.stringify(this.#memory)) return
    this.#options.store.save(next)
    this.#memory = next
  }
}
