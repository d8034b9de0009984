// How is an order carried out by the keeper of one member? Whether it is of the past has been asked
// before.

import { type Clock, type Instant, type Milliseconds, ms, since } from '../foundation/time.ts'
import type { DatabaseBoard, Order } from './board.ts'
import type { MemberAddress, MemberEngine, Progress } from './engine.ts'
import type { ServerHost } from './host.ts'
import { leaveClients } from './leave-clients.ts'
import type { Remembered } from './memory.ts'
import type { FailoverBounds, Position } from './model.ts'
import { isLed } from './orders.ts'
import { reaches } from './position.ts'

/** What orders are carried out with. */
export interface CarryOutOptions {
  readonly member: string
  readonly peers: readonly MemberAddress[]
  readonly engine: MemberEngine
  readonly host: ServerHost
  readonly board: DatabaseBoard
  readonly clock: Clock
  readonly bounds: () => FailoverBounds
  /** Others could be told to be primary meanwhile: it serves on a lease. */
  readonly isLeased: boolean
  readonly progress: (progress: Progress) => void
  /** All that it has is given up, for what another has. */
  readonly copied: () => void
}

type Action<Kind extends Order['action']['kind']> = Extract<Order['action'], { kind: Kind }>

/** For what clients of a planned move have under way. */
const quiesceWithin = ms(5000)

/** Carries out what a keeper is told. */
export class CarryOut {
  readonly #options: CarryOutOptions
  readonly #memory: Remembered

  constructor(options: CarryOutOptions, memory: Remembered) {
    this.#options = options
    this.#memory = memory
  }

  /** Resolves when it is done; rejects if it cannot be, or the signal is aborted. */
  async do(order: Order, signal: AbortSignal): Promise<void> {
    const { engine, host } = this.#options
    const { action, epoch, version } = order
    const { promised, version: last } = this.#memory.now
    // Versions count within a record; one that had to begin anew is of a far later epoch.
    const counted = epoch > promised ? version : Math.max(last, version)
    // Who serves and may not is ended also where nothing can be kept any more.
    if (action.kind === 'fence') await host.end('SIGKILL', ms(0))
    // At one time: each time takes as long as the disk does, and clients may be waiting.
    const source = action.kind === 'freeze' ? undefined : this.#memory.now.source
    this.#memory.note({ version: counted, source })
    switch (action.kind) {
      case 'initialise':
        return await engine.initialise(signal)
      case 'freeze':
        return await this.#freeze(epoch, signal)
      case 'fence':
        return
      case 'quiesce':
        return await engine.quiesce(quiesceWithin, signal)
      case 'promote':
        return await this.#promote(order, action, signal)
      case 'set-acks':
        if (this.#memory.now.epoch !== epoch) return
        await engine.setAcks(action.acks, signal)
        return await this.#enforced(version, signal)
      case 'restore':
        return await this.#takeRestored(order, action.id, signal)
      case 'follow':
        return await this.#follow(order, action, signal)
      case 'restart':
        this.#options.progress({ step: 'restarting', done: 0, of: undefined })
        await leaveClients(engine, this.#options.clock, signal)
        await engine.quiesce(quiesceWithin, signal)
        return await this.#follow(order, { ...action, kind: 'follow', way: 'follow' }, signal)
    }
  }

  /**
   * The promise is given when it is true: nothing is received any more. One that is stopped, and of
   * which it is known what it has, is not started for it.
   */
  async #freeze(epoch: number, signal: AbortSignal): Promise<void> {
    const { engine } = this.#options
    const { server, received } = await engine.look(signal)
    if (server !== 'stopped' || received === undefined) await engine.freeze(signal)
    if (epoch > this.#memory.now.promised) this.#memory.note({ promised: epoch })
  }

  async #promote(
    { epoch, version }: Order,
    { acks, start }: Action<'promote'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { engine, clock, isLeased, host } = this.#options
    const asked = clock.now()
    if (!(await this.#isNamed(epoch, signal))) return
    this.#memory.note({ promised: Math.max(this.#memory.now.promised, epoch), source: undefined })
    await this.#mayServe(epoch, start, signal)
    const opens = isLeased ? () => this.#opens(epoch, asked, signal) : undefined
    await engine.promote({ epoch, acks, opens }, signal)
    // It has served: if it is ended now, it is not promoted at this epoch any more.
    if (this.#memory.now.epoch !== epoch) this.#memory.note({ epoch })
    // Where that cannot be asked any more, its guard ends it with the lease that it has.
    if (isLeased && !(await this.#confirm(epoch, signal))) return await host.end('SIGKILL', ms(0))
    await this.#enforced(version, signal)
  }

  async #isNamed(epoch: number, signal: AbortSignal): Promise<boolean> {
    const { board, member } = this.#options
    const record = await board.fresh(signal)
    return record !== undefined && isLed(record, member, epoch)
  }

  /**
   * Before anybody is let in the guard has a lease: whoever is primary when its agent or the
   * coordinator goes must end. It may have taken long to come so far: then it is asked again.
   */
  async #opens(epoch: number, asked: Instant, signal: AbortSignal): Promise<void> {
    if (this.#lease(asked, ms(this.#options.bounds().lease / 2))) return
    if (await this.#confirm(epoch, signal)) return
    throw new Error('nobody confirms any more that it is to be primary: no client was let in')
  }

  /** Whether the record names it still; its lease is counted from then. */
  async #confirm(epoch: number, signal: AbortSignal): Promise<boolean> {
    const asked = this.#options.clock.now()
    return (await this.#isNamed(epoch, signal)) && this.#lease(asked, ms(0))
  }

  /** Gives a lease that is counted from `asked`, if more than `least` is left of it. */
  #lease(asked: Instant, least: Milliseconds): boolean {
    const { host, bounds, clock } = this.#options
    const left = ms(bounds().lease - since(asked, clock.now()))
    if (left <= least) return false
    host.renew({ for: left, vouch: undefined })
    return true
  }

  /**
   * Nobody is primary twice at one epoch: what it had not been acknowledged for may be seen only
   * after another election. And one that has lost what it was elected for is not promoted.
   */
  async #mayServe(epoch: number, start: Position, signal: AbortSignal): Promise<void> {
    const { engine } = this.#options
    let sight = await engine.look(signal)
    if (sight.server === 'primary') return
    if (this.#memory.now.epoch === epoch) {
      throw new Error('it was primary at this epoch, and is no more')
    }
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
    this.#memory.note({ acksVersion: version, acksSince: received })
  }

  /** It has no part in any history that others know: what it has now is of none of their epochs. */
  async #takeRestored({ epoch }: Order, id: string, signal: AbortSignal): Promise<void> {
    const { engine, copied } = this.#options
    const { copiedFor, promised } = this.#memory.now
    if (copiedFor === id) return
    // What was restored may have been made anew, and is then known by another name.
    this.#memory.note({ promised: Math.max(promised, epoch), source: undefined, origin: undefined })
    // Before its data are replaced: from then on it speaks for nothing that it had.
    const nothing = { copiedFor: undefined, restoredAt: undefined }
    this.#memory.note({ epoch: 0, acksVersion: 0, acksSince: undefined, ...nothing })
    copied()
    await engine.takeRestored(id, signal)
    this.#memory.note({ copiedFor: id, restoredAt: epoch })
  }

  async #follow(
    { epoch }: Order,
    { primary, way, copyFor }: Action<'follow'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { peers, engine, progress, copied } = this.#options
    const { copiedFor, promised, epoch: before } = this.#memory.now
    if (copyFor !== undefined && copyFor === copiedFor) return
    const address = peers.find((each) => each.member === primary)
    if (address === undefined) throw new Error(`nothing is known of a member ${primary}`)
    const source = { member: primary, epoch }
    const replaced = way === 'follow' ? {} : { restoredAt: undefined }
    this.#memory.note({ promised: Math.max(promised, epoch), source, ...replaced })
    const label = `epoch-${before}-to-${epoch}`
    await engine.follow({ primary: address, way, label, progress }, signal)
    if (way !== 'follow') {
      // Not before: where nothing could be copied, what it had once is still missing.
      copied()
      // What it has now is that one's history, whether or not it streams yet.
      this.#memory.note({ epoch, origin: undefined })
    }
    if (copyFor !== undefined) this.#memory.note({ copiedFor: copyFor })
  }
}
