// A replica that has a guard, as its agent knows it: told by the guard, or read from its record
// while the guard is silent. Whatever goes wrong between the two ends in a state that is shown.

import { existsSync } from 'node:fs'
import { type Link, openLink } from '../../../control/link.ts'
import { isAlive, signalProcess } from '../../../control/processes.ts'
import { type Instant, later, type Milliseconds, ms, since } from '../../../foundation/time.ts'
import { markOf } from '../../guard/launch.ts'
import {
  type GuardEvent,
  type GuardMessage,
  type GuardRecord,
  type GuardStatus,
  guardProtocol,
  type HostMessage,
} from '../../guard/protocol.ts'
import { type GuardPaths, guardPaths, isStatus } from '../../guard/record.ts'
import type { ProcessState, ReplicaProcess } from '../../model.ts'
import { endFamily, endGently } from './end-family.ts'
import type { HostedReplica, ReplicaPorts } from './model.ts'
import { removeRecord } from './records.ts'
import { troubleOf } from './spawn-guard.ts'

/** A replica whose guard is, or was, at work. */
export interface GuardedReplica extends HostedReplica {
  /** Resolves when its guard has answered for the first time, or is gone. */
  readonly met: Promise<void>
}

/** How long a guard that was told to stop may take to say that it does so. */
const obeyWithin = ms(3000)
/** Between two tries to reach a guard that lives but does not answer. */
const retryAfter = ms(200)
/** A guard that has said nothing for so long, although asked, is reported. */
const silentAfter = ms(10_000)
/** A replica whose process is gone, and whose guard does not say so, is lost after this. */
const noticeWithin = ms(5000)
/** A guard that has not ended so long after a stop's deadline, and is silent, is passed over. */
const graceAfterDeadline = ms(2000)
/** An event that is told so much later than it happened is noted with its time. */
const lateAfter = ms(1000)
/** Every so many sweeps a guard is asked how it is. */
const sweepsPerReport = 5

/** Knows the replica by `record`, and looks for its guard. */
export const openGuarded = (record: GuardRecord, ports: ReplicaPorts): GuardedReplica =>
  new Guarded(record, ports)

class Guarded implements GuardedReplica {
  readonly #ports: ReplicaPorts
  readonly #paths: GuardPaths
  readonly #record: GuardRecord
  readonly #met = Promise.withResolvers<void>()
  #status: GuardStatus
  #protocol = guardProtocol
  #link: Link<HostMessage> | undefined
  #timer: Disposable | undefined
  /** Its guard lives; it does not; nobody is asked any more, all is ended by signals. */
  #phase: 'guarded' | 'lost' | 'ending' | 'over' = 'guarded'
  #stop: { readonly since: Instant; readonly deadline: Instant } | undefined
  #heardAt: Instant
  #missedAt: Instant | undefined
  #silenceTold = false
  #sweeps = 0

  constructor(record: GuardRecord, ports: ReplicaPorts) {
    this.#ports = ports
    this.#record = record
    this.#status = record.status
    this.#paths = guardPaths(ports.state, record.status.id)
    this.#heardAt = ports.clock.now()
    this.#connect()
  }

  get met(): Promise<void> {
    return this.#met.promise
  }

  process(): ReplicaProcess {
    const { child: _child, ...replica } = this.#status
    return { ...replica, state: this.#state() }
  }

  #state(): ProcessState {
    if (this.#stop !== undefined) return { kind: 'stopping', since: this.#stop.since }
    return this.#phase === 'lost' ? { kind: 'lost' } : this.#status.state
  }

  leave(): void {
    this.#phase = 'over'
    this.#timer?.[Symbol.dispose]()
    this.#link?.close()
    this.#met.resolve()
  }

  stop(within: Milliseconds): void {
    if (this.#phase === 'over') return
    const now = this.#ports.clock.now()
    const deadline = later(now, within)
    if (this.#stop !== undefined && this.#stop.deadline <= deadline) return
    this.#stop = { since: this.#stop?.since ?? now, deadline }
    this.#ports.changed()
    if (this.#phase === 'lost' || !this.#understands()) void this.#endBySignals()
    if (this.#phase !== 'guarded') return
    this.#link?.send({ kind: 'stop', within })
    this.#ports.clock.after(obeyWithin, () => {
      if (!this.#obeys()) void this.#endBySignals()
    })
  }

  sweep(): void {
    if (this.#phase !== 'guarded') return
    const now = this.#ports.clock.now()
    this.#sweeps += 1
    const doubted = this.#stop !== undefined || this.#missesChild(now)
    if (doubted || this.#sweeps % sweepsPerReport === 0) this.#link?.send({ kind: 'report' })
    const silent = since(this.#heardAt, now)
    if (silent >= silentAfter && !this.#silenceTold) this.#tellSilence(silent)
    if (this.#missedAt !== undefined && since(this.#missedAt, now) >= noticeWithin) {
      if (this.#heardAt < this.#missedAt) this.#lose('its process is gone and its guard is silent')
    }
    const overdue = this.#stop !== undefined && now > later(this.#stop.deadline, graceAfterDeadline)
    if (overdue && silent >= graceAfterDeadline) void this.#endBySignals()
  }

  /** Whether the process that the guard says is running is gone, and since when. */
  #missesChild(now: Instant): boolean {
    const { state, child } = this.#status
    const missed = state.kind === 'running' && child !== undefined && !isAlive(child)
    this.#missedAt = missed ? (this.#missedAt ?? now) : undefined
    return missed
  }

  #tellSilence(silent: Milliseconds): void {
    const { pid } = this.#record.guard
    this.#silenceTold = true
    const why = `its guard (process ${pid}) lives but has said nothing for ${silent} ms`
    this.#ports.event('guard-silent', `${why}; if somebody froze it: kill -CONT ${pid}`, { pid })
  }

  #understands(): boolean {
    return this.#protocol <= guardProtocol
  }

  #obeys(): boolean {
    return this.#status.state.kind === 'stopping' || this.#status.state.kind === 'stopped'
  }

  #connect(): void {
    openLink<HostMessage, GuardMessage>(this.#paths.socket, {
      message: (message) => this.#hear(message),
      ended: () => {
        this.#link = undefined
        this.#lookAtGuard()
      },
    }).then(
      (link) => {
        this.#link = link
        if (this.#phase === 'over') link.close()
      },
      () => this.#lookAtGuard(),
    )
  }

  /** The link is broken, or there never was one: is the guard gone, or only out of reach? */
  #lookAtGuard(): void {
    if (this.#phase !== 'guarded') return
    if (isAlive(this.#record.guard)) {
      this.#timer = this.#ports.clock.after(retryAfter, () => {
        if (this.#phase === 'guarded') this.#connect()
      })
      return
    }
    // A guard that has done its duty takes its record with it.
    if (!existsSync(this.#paths.record)) this.#vanish()
    else
      this.#lose(`its guard (process ${this.#record.guard.pid}) is gone: ${troubleOf(this.#paths)}`)
  }

  #hear(message: GuardMessage): void {
    if (this.#phase !== 'guarded') return
    this.#heardAt = this.#ports.clock.now()
    this.#silenceTold = false
    if (message.kind === 'hello') this.#greet(message)
    else if (!this.#understands()) return
    else if (message.kind === 'event') this.#note(message)
    else if (message.kind === 'status' && isStatus(message.status)) this.#take(message.status)
  }

  /** What happened before there was an agent to tell is noted with its time. */
  #note({ serial, at, rule, why, seen }: GuardEvent): void {
    const late = since(at, this.#ports.clock.now()) > lateAfter
    this.#ports.event(rule, why, late ? { ...seen, at } : seen)
    this.#link?.send({ kind: 'heard', serial })
  }

  #greet(hello: Extract<GuardMessage, { kind: 'hello' }>): void {
    this.#protocol = hello.protocol
    if (isStatus(hello.status) && hello.status.id === this.#status.id) this.#take(hello.status)
    this.#met.resolve()
    if (!this.#understands()) {
      const why = `its guard is of version ${hello.version}: it is shown, and ended by signals`
      this.#ports.event('guard-newer', why, { protocol: hello.protocol, version: hello.version })
    }
    const { clock } = this.#ports
    if (this.#stop === undefined) return
    const within = ms(Math.max(0, this.#stop.deadline - clock.now()))
    if (this.#understands()) this.#link?.send({ kind: 'stop', within })
    else void this.#endBySignals()
  }

  #take(status: GuardStatus): void {
    this.#status = status
    this.#ports.changed()
  }

  #lose(why: string): void {
    this.#phase = 'lost'
    this.#met.resolve()
    this.#ports.event('guard-lost', why, { guard: this.#record.guard.pid })
    this.#ports.changed()
    void this.#endBySignals()
  }

  /**
   * Without the guard's help. One that we understand is hung, and killed first, so that it starts
   * nothing anew; one of a newer version ends its replica itself when it is asked by SIGTERM.
   */
  async #endBySignals(): Promise<void> {
    if (this.#phase === 'ending' || this.#phase === 'over' || this.#stop === undefined) return
    const { clock } = this.#ports
    const { guard, stopSignal } = this.#record
    const { deadline } = this.#stop
    this.#phase = 'ending'
    this.#link?.close()
    this.#timer?.[Symbol.dispose]()
    if (!this.#understands()) await endGently(guard, later(deadline, graceAfterDeadline), clock)
    signalProcess(guard, 'SIGKILL')
    const kin = { leader: this.#status.child, mark: markOf(guard) }
    await endFamily({ kin, stopSignal, deadline: () => this.#stop?.deadline ?? deadline }, clock)
    removeRecord(this.#ports.state, this.#status.id)
    this.#vanish()
  }

  #vanish(): void {
    this.leave()
    this.#ports.gone()
  }
}
