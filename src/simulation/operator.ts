// The operators of a simulated life: they deploy what is good and what is not, scale and drain.

import { deploy, drain, restart, undrain } from '../agent/operator.ts'
import { Fault } from '../foundation/fault.ts'
import { below, pick, type Random } from '../foundation/random.ts'
import { type Clock, type Milliseconds, ms } from '../foundation/time.ts'
import type { SimulatedAgent } from './agent.ts'
import { badPrograms, goodProgram, type Program } from './program.ts'
import { simulatedService, simulatedSpec } from './spec.ts'
import type { Trace } from './trace.ts'

/** The kinds of wishes. */
export const wishKinds = ['good', 'bad', 'again', 'scale', 'restart', 'drain', 'remove'] as const

export type WishKind = (typeof wishKinds)[number]

/** What one service should be. */
interface Wanted {
  program: string
  replicas: number
}

/** What operators work with. */
export interface OperatorParts {
  readonly clock: Clock
  readonly random: Random
  readonly agent: SimulatedAgent
  readonly programs: Map<string, Program>
  readonly trace: Trace
  /** Hears how many of a service are wanted from now on. */
  readonly wants: (service: string, replicas: number) => void
}

/** Operators, with the file that they have in mind. */
export class SimulatedOperator {
  readonly #parts: OperatorParts
  readonly #wanted = new Map<string, Wanted>()
  readonly #removed = new Map<string, Wanted>()
  #programs = 0

  constructor(parts: OperatorParts, services: number) {
    this.#parts = parts
    for (const name of ['web', 'api'].slice(0, services)) {
      this.#wanted.set(name, { program: this.#program(true), replicas: 1 + below(parts.random, 4) })
    }
  }

  /** The services that are wanted, with how many of each. */
  wanted(): ReadonlyMap<string, Readonly<Wanted>> {
    return this.#wanted
  }

  /** The file as it is now. */
  spec() {
    return simulatedSpec(
      [...this.#wanted].map(([name, { program, replicas }]) =>
        simulatedService(program, replicas, { name }),
      ),
    )
  }

  /** Wishes for things of these kinds, one about `every`, until it is disposed. */
  keepWishing(kinds: readonly WishKind[], every: Milliseconds): Disposable {
    const { clock, random } = this.#parts
    let over = false
    const plan = (): void => {
      clock.after(ms(-Math.log(1 - random.next()) * every), () => {
        if (over) return
        const kind = pick(random, kinds)
        if (kind !== undefined) this.wish(kind)
        plan()
      })
    }
    plan()
    return {
      [Symbol.dispose]() {
        over = true
      },
    }
  }

  /** One wish, now. */
  wish(kind: WishKind): void {
    const { random, trace } = this.#parts
    const service = pick(random, [...this.#wanted.keys()]) ?? 'web'
    trace.note('operator', () => `${kind} ${service}`)
    switch (kind) {
      case 'good':
        this.want(service, { program: this.#program(true) })
        return
      case 'bad':
        this.want(service, { program: this.#program(false) })
        return
      case 'scale':
        this.want(service, { replicas: 1 + below(random, 4) })
        return
      case 'remove':
        this.#removeForAWhile(service)
        return
      default:
        this.#operate(kind, service)
    }
  }

  /** Takes back whatever keeps a service, or one of its servers, from taking requests. */
  settle(): void {
    for (const service of [...this.#removed.keys()]) this.#putBack(service)
    const { core } = this.#parts.agent
    for (const server of core?.world().state.drained ?? []) {
      core?.operate('undrain', server, (world) => undrain(world, server))
    }
  }

  /** Asks for a program that comes up, where there is nothing to go back to from a bad one. */
  mend(): void {
    const services = this.#parts.agent.core?.world().state.services ?? {}
    for (const [service, { program }] of this.#wanted) {
      const isGood = this.#parts.programs.get(program)?.good ?? false
      const canRollBack = services[service]?.state.stable !== undefined
      if (!isGood && !canRollBack) this.want(service, { program: this.#program(true) })
    }
  }

  /** Writes into the file what a service should be from now on, and applies it. */
  want(service: string, change: Partial<Wanted>): void {
    const before = this.#wanted.get(service) ?? { program: this.#program(true), replicas: 0 }
    const after = { ...before, ...change }
    this.#wanted.set(service, after)
    this.#parts.wants(service, after.replicas)
    this.#parts.agent.apply(this.spec())
  }

  /** Takes a service out of the file. */
  remove(service: string): void {
    const before = this.#wanted.get(service)
    if (before === undefined) return
    this.#wanted.delete(service)
    this.#removed.set(service, before)
    this.#parts.wants(service, 0)
    this.#parts.agent.apply(this.spec())
  }

  #removeForAWhile(service: string): void {
    const { random, clock } = this.#parts
    if (this.#wanted.size < 2) return
    this.remove(service)
    clock.after(ms(below(random, 3000)), () => this.#putBack(service))
  }

  #putBack(service: string): void {
    const before = this.#removed.get(service)
    if (this.#removed.delete(service) && before !== undefined) this.want(service, before)
  }

  #operate(kind: 'again' | 'restart' | 'drain', service: string): void {
    const { agent, random } = this.#parts
    const { core } = agent
    if (core === undefined) return
    const replicas = core.world().replicas.filter((replica) => replica.service === service)
    const { id } = pick(random, replicas) ?? { id: service }
    const force = random.next() < 0.2
    try {
      if (kind === 'again') {
        core.operate('deploy', service, (world, now) => deploy(world, service, now))
      } else if (kind === 'restart') {
        const subject = random.next() < 0.3 ? service : id
        core.operate('restart', subject, (world, now) => restart(world, subject, now))
      } else core.operate('drain', id, (world) => drain(world, id, force))
    } catch (thrown) {
      // What an operator may not ask is refused, and said: that is no trouble of this life.
      if (!(thrown instanceof Fault)) throw thrown
      this.#parts.trace.note('operator', () => `is refused: ${thrown.message}`)
    }
  }

  /** Writes a program that did not exist before. */
  #program(good: boolean): string {
    const { random, programs } = this.#parts
    this.#programs += 1
    const kind = pick(random, Object.keys(badPrograms)) ?? ''
    const name = `${good ? 'good' : kind}-${this.#programs}`
    programs.set(name, {
      ...goodProgram,
      name,
      good,
      listensAfter: ms(10 + 500 * random.next() ** 2),
      readyAfter: ms(random.next() < 0.3 ? 600 * random.next() : 0),
      stopsAfter: random.next() < 0.1 ? undefined : ms(1 + 100 * random.next()),
      ...(good ? {} : badPrograms[kind]),
    })
    return name
  }
}
