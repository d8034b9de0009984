// Looks after one member: says what it sees of its server, carries out orders that are not of the
// past, and confirms to the guard that a primary may go on.

import { waker } from '../coordination/recipes/persevere.ts'
import { type Instant, later, type Milliseconds, ms, since } from '../foundation/time.ts'
import type { Order } from './board.ts'
import { keeperEvery } from './budget.ts'
import { CarryOut, type CarryOutOptions } from './carry-out.ts'
import type { VouchPlan } from './engine.ts'
import { type KeeperStore, Remembered } from './memory.ts'
import type { AckSet, MemberSighting } from './model.ts'
import { goesOn, isSame } from './orders.ts'
import { lookWithin, Sights, type SightsOptions } from './sights.ts'
import { troubleOf } from './trouble.ts'

/** What a keeper stands on. */
export interface KeeperOptions
  extends SightsOptions,
    Omit<CarryOutOptions, 'isLeased' | 'progress' | 'copied'> {
  readonly store: KeeperStore
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
  /** The programs of its server may be others by now: asks whether it should be restarted. */
  review(): void
}

const lookEveryMeanwhile = ms(50)
/** What is seen and is no news is told again after so long. */
const tellEvery = ms(200)
/** An order that has been carried out and still stands is carried out again after so long. */
const againAfter = ms(1000)

/** Begins to look after a member. */
export function openKeeper(options: KeeperOptions): Keeper {
  const keeper = new MemberKeeper(options)
  keeper.begin()
  return keeper
}

/** All that others could decide by, but for how fresh it is. */
const newsOf = (seen: MemberSighting): string =>
  JSON.stringify({ ...seen, heard: 0, receivedAt: 0, lag: 0, clients: 0 })

/** What was told last. */
interface Told {
  readonly at: Instant
  readonly news: string
}

/** The lease that its guard was given last: when what confirmed it was sent, and who may vouch. */
interface Leased {
  readonly epoch: number
  readonly sent: Instant
  readonly acks: AckSet | undefined
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
  readonly #orders = waker()
  readonly #opened = new DisposableStack()
  readonly #memory: Remembered
  readonly #sights: Sights
  readonly #work: CarryOut
  #task: Task | undefined
  #telling = false
  #told: Told | undefined
  #leased: Leased | undefined
  #isUntold = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#memory = new Remembered(options.store)
    const sights = new Sights(options, this.#memory, this.#stop.signal)
    this.#sights = sights
    this.#work = new CarryOut(
      {
        ...options,
        isLeased: options.lease !== undefined,
        progress: (progress) => sights.progress(progress),
        copied: () => sights.recall.renew(),
      },
      this.#memory,
    )
  }

  begin(): void {
    const { host, board } = this.#options
    this.#opened.use(host.onChange(this.#bell.wake))
    this.#opened.use(board.onChange(this.#bell.wake))
    this.#opened.use(board.onChange(this.#orders.wake))
    const both = [this.#watch(), this.#serve()].map((each) => this.#untilStopped(each))
    this.#running = Promise.all(both)
  }

  async #untilStopped(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (thrown) {
      if (!this.#stop.signal.aborted) throw thrown
    }
  }

  sighting(): MemberSighting | undefined {
    return this.#sights.seen
  }

  review(): void {
    this.#sights.restarts.review()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the agent ends'))
    this.#task?.stop.abort(this.#stop.signal.reason)
    this.#opened.dispose()
    await this.#running
    await this.#task?.running
    await this.#options.engine[Symbol.asyncDispose]()
  }

  /** Begins what is ordered at once, also while a look at the server takes its time. */
  async #serve(): Promise<void> {
    for (;;) {
      this.#obey()
      using _timer = this.#options.clock.after(keeperEvery, this.#orders.wake)
      await this.#orders.wait(this.#stop.signal)
    }
  }

  async #watch(): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#stop
    let looked = later(clock.now(), ms(-keeperEvery))
    let process = ''
    for (;;) {
      this.#sights.seeRestarts()
      const now = clock.now()
      const there = this.#options.host.observe().kind
      // What others tell is no reason to ask the server; what its guard or a task tells is.
      const every = this.#lookEvery()
      if (since(looked, now) >= every || there !== process || this.#isUntold) {
        this.#isUntold = false
        looked = now
        process = there
        await this.#sights.look()
        void this.#tell()
      }
      const rest = ms(Math.max(5, every - since(looked, clock.now())))
      using _timer = clock.after(rest, this.#bell.wake)
      await this.#bell.wait(signal)
    }
  }

  /**
   * While a primary is being changed clients wait for what is seen; at the end of what was ordered
   * it is looked at once.
   */
  #lookEvery(): Milliseconds {
    if (this.#task !== undefined && this.#task.ended === undefined) return keeperEvery
    const kind = this.#options.board.view().record?.phase.kind ?? 'new'
    return kind === 'serving' || kind === 'new' ? keeperEvery : lookEveryMeanwhile
  }

  /** Tells what is seen until that is no news. One by one: a late one cannot be overtaken. */
  async #tell(): Promise<void> {
    if (this.#telling) return
    this.#telling = true
    try {
      let last: MemberSighting | undefined
      for (let { seen } = this.#sights; seen !== last; { seen } = this.#sights) {
        if (seen === undefined) return
        const told = { at: this.#options.clock.now(), news: newsOf(seen) }
        if (!this.#isToTell(told)) return
        last = seen
        await this.#tellOnce(seen)
        this.#told = told
      }
    } catch {
      // Nobody can be told: others see the silence, and the guard that nothing was confirmed.
    } finally {
      this.#telling = false
    }
  }

  #isToTell({ at, news }: Told): boolean {
    const last = this.#told
    return last === undefined || last.news !== news || since(last.at, at) >= tellEvery
  }

  async #tellOnce(seen: MemberSighting): Promise<void> {
    const { board, clock } = this.#options
    const sent = clock.now()
    const { epoch } = this.#memory.now
    const leased = this.#leased
    // Whoever hears that a set is used no more forgets it: nobody of it may vouch from then on,
    // also where the answer is lost.
    const isOther = JSON.stringify(leased?.acks) !== JSON.stringify(seen.acks)
    const isKnown = leased?.epoch === epoch && seen.acks !== undefined
    if (isKnown && isOther) this.#renew(seen, leased)
    const stop = new AbortController()
    using _ = clock.after(lookWithin, () => stop.abort(new Error('not taken in time')))
    const signal = AbortSignal.any([stop.signal, this.#stop.signal])
    const isConfirmed = await board.tell(seen, epoch, signal)
    if (isConfirmed) this.#renew(seen, { epoch, sent })
  }

  /** Nobody held a later epoch when that was sent: the lease is counted from there. */
  #renew(seen: MemberSighting, { epoch, sent }: Pick<Leased, 'epoch' | 'sent'>): void {
    const { host, lease, bounds, clock } = this.#options
    if (lease === undefined || seen.server !== 'primary') return
    const left = ms(bounds().lease - since(sent, clock.now()))
    if (left <= 0) return
    this.#leased = { epoch, sent, acks: seen.acks }
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
      if (task?.ended === undefined) return
      this.#task = undefined
      // Nobody asks for it any more, so that it could not be done is no trouble.
      this.#sights.trouble = undefined
      return
    }
    if (task?.ended === undefined && task !== undefined && goesOn(task.order, order)) return
    if (task?.ended !== undefined && isSame(task.order, order)) {
      // What was given up for another order, and is asked for again, was not done.
      const isGivenUp = task.stop.signal.aborted
      if (!isGivenUp && since(task.ended, clock.now()) < againAfter) return
    } else if (task !== undefined && task.ended === undefined) {
      // What is under way is given up for what is asked now, once it has come to an end.
      task.stop.abort(new Error('something else was ordered'))
      return
    }
    this.#begin(order)
  }

  #isPast({ epoch, version }: Order): boolean {
    const { promised, version: last } = this.#memory.now
    return epoch < promised || (epoch === promised && version < last)
  }

  #begin(order: Order): void {
    const stop = new AbortController()
    const task: Task = { order, stop, ended: undefined, running: Promise.resolve() }
    this.#task = task
    task.running = this.#work
      .do(order, AbortSignal.any([stop.signal, this.#stop.signal]))
      .then(
        () => {
          this.#sights.trouble = undefined
        },
        (thrown: unknown) => {
          if (stop.signal.aborted || this.#stop.signal.aborted) return
          const trouble = troubleOf(thrown)
          const isNew = trouble.why !== this.#sights.trouble?.why
          if (isNew) this.#options.event('order-failed', trouble.why, { order })
          this.#sights.trouble = trouble
        },
      )
      .finally(() => {
        task.ended = this.#options.clock.now()
        this.#sights.progress(undefined)
        this.#isUntold = true
        this.#bell.wake()
        this.#orders.wake()
      })
  }
}
