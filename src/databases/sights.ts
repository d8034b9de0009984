// What does a keeper see of its member? It asks the server, tries to write, and looks at the disk.

import { describeError } from '../foundation/fault.ts'
import { type Clock, ms } from '../foundation/time.ts'
import type { DatabaseBoard } from './board.ts'
import type { MemberEngine, Progress, ServerSight } from './engine.ts'
import type { ServerHost } from './host.ts'
import type { Remembered } from './memory.ts'
import type { Encryption, FailoverBounds, MemberSighting } from './model.ts'
import { newOrigin, ofOrigin } from './origin.ts'
import { Recall } from './recall.ts'
import { RestartWatch } from './restart-watch.ts'
import { Room } from './room.ts'
import { saidOf, type Trouble, troubleOf } from './trouble.ts'
import { WriteWatch } from './writes.ts'

/** What is looked at, and by what. */
export interface SightsOptions {
  readonly member: string
  readonly engine: MemberEngine
  readonly host: ServerHost
  readonly board: DatabaseBoard
  readonly clock: Clock
  readonly bounds: () => FailoverBounds
  /** Free bytes of the disk of its data. */
  readonly freeBytes: () => Promise<number>
  /** The step towards TLS that its engine goes by; `undefined`: there is none to take. */
  readonly encryption?: Encryption | undefined
}

/** A look that takes longer says that the server does not answer. */
export const lookWithin = ms(1500)

/** Sees one member. */
export class Sights {
  /** What was seen last; undefined before the first look. */
  seen: MemberSighting | undefined
  /** Why the last order could not be carried out. */
  trouble: Trouble | undefined
  /** Whether its server should be started anew, and has been. */
  readonly restarts: RestartWatch
  /** What it has received, against what it once had. */
  readonly recall: Recall
  readonly #options: SightsOptions
  readonly #memory: Remembered
  readonly #writes: WriteWatch
  readonly #room: Room
  readonly #signal: AbortSignal
  #busy: Progress | undefined
  /** Why it could not be kept what was asked for last. */
  #unkept: Trouble | undefined

  constructor(options: SightsOptions, memory: Remembered, signal: AbortSignal) {
    this.#options = options
    this.#memory = memory
    this.#signal = signal
    this.recall = new Recall(memory.now.lost)
    this.#writes = new WriteWatch(options, signal)
    this.#room = new Room(options.freeBytes)
    this.restarts = new RestartWatch(options, signal)
  }

  /** Looks once. Never rejects because of the server: one that does not answer is seen, too. */
  async look(): Promise<void> {
    const { engine, clock, board, member } = this.#options
    const stop = new AbortController()
    using _ = clock.after(lookWithin, () => stop.abort(new Error('its server does not answer')))
    this.#room.look()
    // Before it is looked at: a server that hangs keeps whoever looks, and has failed since then.
    this.#writes.try(this.seen)
    try {
      const { all, promised } = await this.#ask(AbortSignal.any([this.#signal, stop.signal]))
      const sight = ofOrigin(all, this.#memory.now)
      this.#follow(sight)
      this.#memory.note(newOrigin(sight, this.#memory.now))
      if (engine.can.forgets === true) {
        const isFirst = this.seen === undefined
        if (isFirst) this.recall.recall(board.view().members.find((e) => e.member === member))
        this.recall.saw(sight)
        this.#memory.note({ lost: this.recall.lost })
      }
      this.seen = this.#sightingOf(sight, promised)
    } catch (thrown) {
      this.#signal.throwIfAborted()
      this.#writes.judge()
      // What was seen before is kept: it is hung, not gone. Its guard knows whether it lives.
      const trouble = describeError(thrown)
      if (this.seen !== undefined) {
        this.seen = {
          ...this.seen,
          ...{ heard: clock.now(), upstream: undefined, trouble, unfit: this.#room.unfit },
          ...{ received: undefined, applied: undefined, waitingSince: undefined },
          failingSince: this.#writes.failingSince,
        }
      }
    }
  }

  /**
   * What is promised while it is looked at may not be true yet of what is seen. What comes to
   * another epoch meanwhile is looked at again: one that has just become primary would be seen as
   * a replica of the epoch that it serves at, and be taken for one that has served.
   */
  async #ask(signal: AbortSignal): Promise<{ all: ServerSight; promised: number }> {
    for (;;) {
      const { promised, epoch } = this.#memory.now
      const all = await this.#options.engine.look(signal)
      if (epoch === this.#memory.now.epoch) return { all, promised }
    }
  }

  /** Notes what is asked for, and what process is the server. */
  seeRestarts(): void {
    const { host, board } = this.#options
    const { request } = board.view().wish
    const news = this.restarts.see(host.observe(), request, this.#memory.now, this.seen?.server)
    try {
      this.#memory.note(news)
      this.#unkept = undefined
    } catch (thrown) {
      // It is no news until it is kept: the next look tries again.
      this.#unkept = troubleOf(thrown)
    }
  }

  /** How far something long is; `undefined`: it has ended. */
  progress(progress: Progress | undefined): void {
    this.#busy = progress
    if (progress !== undefined && this.seen !== undefined) {
      this.seen = { ...this.seen, busy: progress }
    }
  }

  /** Something has come from whom it was told to follow: it takes part in that one's epoch. */
  #follow({ upstream, diverged, server, writtenAt = 0 }: ServerSight): void {
    const { source, epoch, promised } = this.#memory.now
    // That may have come and ended between two looks.
    const isNews = server !== 'primary' && writtenAt > epoch && writtenAt <= promised
    if (isNews && !diverged) this.#memory.note({ epoch: writtenAt })
    if (source === undefined || diverged || upstream !== source.member) return
    if (epoch !== source.epoch) this.#memory.note({ epoch: source.epoch })
  }

  #sightingOf(sight: ServerSight, promised: number): MemberSighting {
    const { member, clock } = this.#options
    const { epoch, acksVersion, acksSince, copiedFor, restoredAt } = this.#memory.now
    const isPrimary = sight.server === 'primary'
    const { outdated, refused, inReview } = this.restarts
    const restartedFor = this.restarts.restartedFor(this.#options.host.observe(), this.#memory.now)
    this.#writes.saw(sight)
    this.#writes.judge()
    return {
      ...{ member, heard: clock.now(), server: sight.server, epoch, promised },
      ...{ writable: sight.writable, received: sight.received, applied: sight.applied },
      ...{ upstream: sight.upstream, receivedAt: sight.receivedAt, diverged: sight.diverged },
      ...{ acks: sight.acks, acksVersion, acksSince: isPrimary ? acksSince : undefined },
      ...{ forgot: this.recall.forgot, unfit: this.#room.unfit },
      failingSince: isPrimary ? this.#writes.failingSince : undefined,
      ...{ waitingSince: this.#writes.waitingSince, copiedFor },
      restoredAt: epoch === 0 ? restoredAt : undefined,
      ...{ lag: sight.lag, clients: sight.clients },
      ...{ outdated, inReview, restartedFor },
      encryption: this.restarts.isUpToDate ? this.#options.encryption : undefined,
      ...saidOf(sight, this.trouble ?? this.#unkept ?? refused),
      ...(this.#busy === undefined ? {} : { busy: this.#busy }),
    }
  }
}
