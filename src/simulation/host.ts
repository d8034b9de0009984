// The guards of a simulated machine behind the port of a host: they outlive their agents.

import { Fault } from '../foundation/fault.ts'
import { below, type Random } from '../foundation/random.ts'
import { type Clock, type Milliseconds, ms } from '../foundation/time.ts'
import type { HostListener, ReplicaHost, StartOrder } from '../services/host.ts'
import type { ReplicaProcess } from '../services/model.ts'
import { type Channel, openChannel } from './channel.ts'
import { SimulatedGuard } from './guard.ts'
import type { SimulatedMachine } from './machine.ts'
import { type Program, programOf } from './program.ts'
import type { Trace } from './trace.ts'

/** What a simulated host needs. */
export interface HostParts {
  readonly clock: Clock
  readonly random: Random
  readonly machine: SimulatedMachine
  readonly programs: ReadonlyMap<string, Program>
  readonly trace: Trace
  /** A guard is about to start its process. */
  readonly starts?: (guard: SimulatedGuard) => void
  /** A replica is ordered to stop. */
  readonly stops?: (guard: SimulatedGuard) => void
}

/** All guards of one machine; an agent sees them through `open`. */
export class SimulatedGuards {
  readonly #parts: HostParts
  readonly #guards = new Map<string, SimulatedGuard>()
  readonly #hosts = new Set<GuardHost>()

  constructor(parts: HostParts) {
    this.#parts = parts
  }

  /** The guards as they are, whoever has heard of it yet. */
  guards(): readonly SimulatedGuard[] {
    return [...this.#guards.values()]
  }

  /** What one agent sees of them and orders, from now on until it leaves or is killed. */
  open(listener: HostListener): ReplicaHost {
    const host = new GuardHost(this, this.#parts, listener)
    this.#hosts.add(host)
    return host
  }

  leave(host: GuardHost): void {
    this.#hosts.delete(host)
  }

  begin(order: StartOrder): SimulatedGuard {
    const { clock, random, machine, programs, trace, starts } = this.#parts
    const { id } = order
    const guard = new SimulatedGuard(order, {
      ...{ clock, random, machine, program: programOf(order.template, programs) },
      port: this.#freePort(),
      starts: (guard) => starts?.(guard),
      changed: (guard) => this.#each((host) => host.hear(guard)),
      tell: (guard, rule, why) => {
        trace.note(id, () => `${rule} (${why})`)
        this.#each((host) => host.event(guard, rule, why))
      },
      finished: (guard) => this.remove(guard),
    })
    this.#guards.set(id, guard)
    clock.after(ms(2 + below(random, 20)), () => guard.begin())
    return guard
  }

  /** An order to stop arrives: at the guard, or at what is left of its replica. */
  end(guard: SimulatedGuard, within: Milliseconds): void {
    if (this.#guards.get(guard.order.id) !== guard) return
    if (guard.dead) this.#endBySignals(guard, within)
    else if (guard.starting) this.#parts.clock.after(ms(1), () => this.end(guard, within))
    else guard.stop(within)
  }

  /** Kills a guard; what it ran lives on, or not, as `withProcess` says. */
  kill(guard: SimulatedGuard, withProcess: boolean): void {
    if (guard.dead) return
    this.#parts.trace.note(guard.order.id, () => 'its guard is killed')
    guard.kill()
    if (withProcess && guard.process) this.#parts.machine.signal(guard.process, 'SIGKILL')
  }

  remove(guard: SimulatedGuard): void {
    if (this.#guards.get(guard.order.id) !== guard) return
    this.#guards.delete(guard.order.id)
    this.#each((host) => host.vanish(guard))
  }

  /** Without a guard's help, as the host of real processes does it. */
  #endBySignals(guard: SimulatedGuard, within: Milliseconds): void {
    const { clock, machine } = this.#parts
    const { process } = guard
    if (process?.alive) {
      machine.signal(process, 'SIGTERM')
      machine.signal(process, 'SIGCONT')
      clock.after(within, () => machine.signal(process, 'SIGKILL'))
    }
    const look = (): void => {
      if (process?.alive) clock.after(ms(10), look)
      else this.remove(guard)
    }
    clock.after(ms(1), look)
  }

  #each(tell: (host: GuardHost) => void): void {
    for (const host of this.#hosts) tell(host)
  }

  /** Few enough ports that one is used again soon, as on a machine that is full of them. */
  #freePort(): number {
    const { random, machine } = this.#parts
    const taken = new Set(this.guards().map(({ port }) => port))
    for (;;) {
      const port = 20_000 + below(random, 60)
      if (machine.isFree(port) && !taken.has(port)) return port
    }
  }
}

/** What an agent knows of one replica. */
interface Known {
  seen: ReplicaProcess
  readonly guard: SimulatedGuard
  stopping: boolean
}

/** A message between a guard and its agent takes a moment. */
const linkDelay = ms(0.5)

/** The guards as one agent sees them: a moment late, as over a socket. */
class GuardHost implements ReplicaHost {
  readonly #guards: SimulatedGuards
  readonly #parts: HostParts
  readonly #listener: HostListener
  readonly #known = new Map<string, Known>()
  readonly #channel: Channel

  constructor(guards: SimulatedGuards, parts: HostParts, listener: HostListener) {
    this.#guards = guards
    this.#parts = parts
    this.#listener = listener
    this.#channel = openChannel(parts.clock, () => linkDelay)
    for (const guard of guards.guards()) {
      this.#known.set(guard.order.id, { seen: guard.sighting(), guard, stopping: false })
    }
  }

  observe(): readonly ReplicaProcess[] {
    return [...this.#known.values()].map(({ seen }) => seen)
  }

  start(order: StartOrder): void {
    if (this.#known.has(order.id)) throw new Fault('already-running', `${order.id} is there`)
    const guard = this.#guards.begin(order)
    this.#known.set(order.id, { seen: guard.sighting(), guard, stopping: false })
  }

  stop(id: string, within: Milliseconds): void {
    const known = this.#known.get(id)
    if (known === undefined || known.stopping) return
    this.#parts.stops?.(known.guard)
    known.stopping = true
    known.seen = { ...known.seen, state: { kind: 'stopping', since: this.#parts.clock.now() } }
    this.#channel(() => this.#guards.end(known.guard, within))
  }

  leave(): void {
    this.#guards.leave(this)
  }

  hear(guard: SimulatedGuard): void {
    const news = guard.sighting()
    this.#about(guard, (known) => {
      if (news.state.kind === 'lost' && known.seen.state.kind !== 'lost') {
        this.#listener.event('guard-lost', news.id, 'its guard is gone', {})
      }
      known.seen = known.stopping ? { ...news, state: known.seen.state } : news
      if (guard.dead && known.stopping) this.#guards.end(guard, guard.order.template.stopWithin)
    })
  }

  event(guard: SimulatedGuard, rule: string, why: string): void {
    this.#channel(() => this.#listener.event(rule, guard.order.id, why, {}))
  }

  vanish(guard: SimulatedGuard): void {
    this.#about(guard, () => this.#known.delete(guard.order.id))
  }

  #about(guard: SimulatedGuard, hear: (known: Known) => void): void {
    this.#channel(() => {
      const known = this.#known.get(guard.order.id)
      if (known?.guard !== guard) return
      hear(known)
      this.#listener.changed()
    })
  }
}
