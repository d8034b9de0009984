// One guard of a simulated machine: the real steps of a guard, over simulated processes.

import { unreachable } from '../foundation/invariant.ts'
import type { Random } from '../foundation/random.ts'
import { type Clock, type Milliseconds, ms } from '../foundation/time.ts'
import {
  newSupervision,
  type Supervision,
  type SupervisionEffect,
  type SupervisionEvent,
  step,
} from '../services/guard/step.ts'
import type { StartOrder } from '../services/host.ts'
import type { ReplicaProcess } from '../services/model.ts'
import type { Process, SimulatedMachine } from './machine.ts'
import type { Program } from './program.ts'

/** What a guard needs, and whom it tells. */
export interface GuardParts {
  readonly clock: Clock
  readonly random: Random
  readonly machine: SimulatedMachine
  readonly program: Program
  readonly port: number
  /** It is about to start its process. */
  readonly starts: (guard: SimulatedGuard) => void
  /** Its state changed. */
  readonly changed: (guard: SimulatedGuard) => void
  readonly tell: (guard: SimulatedGuard, rule: string, why: string) => void
  /** Nothing of the replica is left, and none is wanted. */
  readonly finished: (guard: SimulatedGuard) => void
}

/** A guard, and the replica it runs. */
export class SimulatedGuard {
  readonly order: StartOrder
  readonly startedAt: ReplicaProcess['startedAt']
  readonly port: number
  readonly #parts: GuardParts
  #state: Supervision
  #process: Process | undefined
  #timer: Disposable | undefined
  #phase: 'starting' | 'guarding' | 'dead' | 'over' = 'starting'

  constructor(order: StartOrder, parts: GuardParts) {
    this.order = order
    this.#parts = parts
    this.port = parts.port
    this.startedAt = parts.clock.now()
    this.#state = newSupervision(this.startedAt)
  }

  /** The process of the replica, while there is one. */
  get process(): Process | undefined {
    return this.#process
  }

  /** Killed: it does nothing any more, and what it ran goes on without it. */
  get dead(): boolean {
    return this.#phase === 'dead'
  }

  /** It has not opened its door yet: orders wait. */
  get starting(): boolean {
    return this.#phase === 'starting'
  }

  /** What it would say if it was asked. */
  sighting(): ReplicaProcess {
    const { id, service, revision } = this.order
    const { failures, restarts, process } = this.#state
    return {
      ...{ id, service, revision, host: '127.0.0.1', port: this.port, startedAt: this.startedAt },
      ...{ failures, restarts, state: this.dead ? { kind: 'lost' } : process },
    }
  }

  begin(): void {
    if (this.#phase !== 'starting') return
    this.#phase = 'guarding'
    this.#take({ kind: 'began' })
  }

  stop(within: Milliseconds): void {
    this.#take({ kind: 'told-to-stop', within })
  }

  /** SIGKILL to the guard alone. */
  kill(): void {
    this.#phase = 'dead'
    this.#timer?.[Symbol.dispose]()
    this.#parts.changed(this)
  }

  #take(event: SupervisionEvent): void {
    if (this.#phase !== 'guarding') return
    const { clock, random, changed } = this.#parts
    const moment = { now: clock.now(), chance: random.next() }
    const [next, ...effects] = step(this.#state, event, this.order.template, moment)
    const isNews = next.process !== this.#state.process
    this.#state = next
    if (isNews) changed(this)
    for (const effect of effects) this.#do(effect)
  }

  #do(effect: SupervisionEffect): void {
    const { clock, machine, tell, finished } = this.#parts
    switch (effect.kind) {
      case 'spawn':
        this.#spawn()
        return
      case 'signal':
        if (this.#process !== undefined) machine.signal(this.#process, effect.signal)
        return
      case 'kill':
        if (this.#process !== undefined) machine.signal(this.#process, 'SIGKILL')
        return
      case 'wake':
        this.#timer?.[Symbol.dispose]()
        this.#timer = clock.after(ms(Math.max(0, effect.wait)), () =>
          this.#take({ kind: 'woken', leftovers: false }),
        )
        return
      case 'tell':
        tell(this, effect.rule, effect.why)
        return
      case 'finish':
        this.#phase = 'over'
        finished(this)
        return
      default:
        unreachable(effect)
    }
  }

  #spawn(): void {
    const { machine, program, starts } = this.#parts
    if (program.unstartable) {
      const reason = `no such program: ${program.name}`
      this.#take({ kind: 'ended', exit: { kind: 'unstartable', reason }, leftovers: false })
      return
    }
    starts(this)
    const process = machine.spawn(this.order.id, program, this.port, (exit) => {
      this.#process = undefined
      this.#take({ kind: 'ended', exit, leftovers: false })
    })
    this.#process = process
    this.#take({ kind: 'spawned', pid: process.pid })
  }
}
