// One that stands for the role in a simulated life: the real recipe, in a process that may be
// stopped, killed and born again, over a network that may be cut.

import type { Coordinator } from '../../coordination/coordinator.ts'
import type { Leadership } from '../../coordination/model.ts'
import { whileLeading } from '../../coordination/recipes/leadership.ts'
import { inSessions } from '../../coordination/zookeeper.ts'
import type { Random } from '../../foundation/random.ts'
import { type Clock, type Milliseconds, ms, sleep } from '../../foundation/time.ts'
import type { Ensemble } from '../coordinator/ensemble.ts'
import type { Cuts } from '../coordinator/link.ts'
import { SimulatedProcess } from '../coordinator/process.ts'
import { SimulatedSession } from '../coordinator/session.ts'
import type { ElectionPlan } from './plan.ts'

/** How a leader of the life acts: rightly, or as a control does. */
export type Manner = 'guarded' | 'unguarded'

/** What a candidate stands on. */
export interface CandidateWorld {
  readonly plan: ElectionPlan
  readonly wire: Clock
  readonly ensemble: Ensemble
  readonly random: Random
  readonly delay: () => Milliseconds
  readonly stirred: () => void
  readonly manner: Manner
  /** A leader does something that only one may do at a time. */
  readonly acts: (id: string, epoch: number) => void
  readonly trace: (line: () => string) => void
}

/** The node that leaders write. */
export const work = '/work'

export class Candidate {
  readonly id: string
  readonly #world: CandidateWorld
  #process: SimulatedProcess
  #session: SimulatedSession | undefined
  #stop = new AbortController()
  #cuts: Cuts = { up: false, down: false }
  #tries = 0

  constructor(id: string, world: CandidateWorld) {
    this.id = id
    this.#world = world
    this.#process = this.#born()
    this.#stand()
  }

  get isStopped(): boolean {
    return this.#process.isStopped
  }

  cut(cuts: Cuts): void {
    this.#cuts = cuts
    this.#session?.cut(() => cuts)
  }

  reset(): void {
    this.#session?.reset()
  }

  stop(): void {
    this.#process.stop()
  }

  continue(): void {
    this.#process.continue()
    this.#world.stirred()
  }

  /** Dies, and another takes its place at once. */
  kill(): void {
    this.#process.kill()
    this.#session?.kill()
    this.#stop.abort(new Error('killed'))
    this.#world.stirred()
    this.#stop = new AbortController()
    this.#process = this.#born()
    this.#stand()
  }

  /** Ends for good: the life is over. */
  end(): void {
    this.#process.kill()
    this.#session?.kill()
    this.#stop.abort(new Error('the life is over'))
  }

  #born(): SimulatedProcess {
    const { wire, stirred, random } = this.#world
    // Clocks drift by far more than real ones do, and show what they like.
    const rate = 1 + (random.next() - 0.5) * 0.008
    return new SimulatedProcess(wire, stirred, rate, Math.floor(random.next() * 1e9))
  }

  #stand(): void {
    const { wire, ensemble, random, delay, stirred, plan } = this.#world
    const process = this.#process
    const stop = this.#stop.signal
    const open = async (): Promise<SimulatedSession> => {
      const session = new SimulatedSession({
        ...{ ensemble, wire, clock: process.clock, random, delay, stirred },
        arrives: process.arrives,
        timeout: plan.session,
        cuts: () => this.#cuts,
      })
      this.#session = session
      try {
        await session.connected
      } catch (thrown) {
        if (!session.over.aborted) throw thrown
      }
      return session
    }
    const again = async (): Promise<void> => {
      await inSessions(
        open,
        (coordinator, signal) => this.#lead(process, coordinator, signal),
        stop,
      )
    }
    again().catch((thrown: unknown) => {
      if (!stop.aborted) throw thrown
    })
  }

  async #lead(
    process: SimulatedProcess,
    coordinator: Coordinator,
    signal: AbortSignal,
  ): Promise<never> {
    const { plan } = this.#world
    const { lease, every, silence } = plan
    const policy = {
      ...{ path: '/role', id: this.id, lease, every },
      ...(silence === undefined ? {} : { silence }),
    }
    const newId = (): string => {
      this.#tries += 1
      return `${this.id}-${process.clock.now()}-${this.#tries}`
    }
    for (;;) {
      try {
        await whileLeading(
          coordinator,
          policy,
          { clock: process.clock, newId },
          signal,
          (role, at) => this.#act(process, coordinator, role, at),
        )
      } catch (thrown) {
        if (signal.aborted) throw thrown
      }
    }
  }

  /** Does what only a leader may, until it is one no longer. */
  async #act(
    process: SimulatedProcess,
    coordinator: Coordinator,
    role: Leadership,
    signal: AbortSignal,
  ): Promise<void> {
    const { trace, acts, manner, random } = this.#world
    trace(() => `${this.id} leads at epoch ${role.epoch}`)
    while (!signal.aborted) {
      if (process.clock.now() < role.validUntil()) acts(this.id, role.epoch)
      const write = { kind: 'set', path: work, data: `${this.id} ${role.epoch}` } as const
      const ask = manner === 'guarded' ? role.write([write]) : coordinator.write([write])
      // What became of it is the servers' to say: they are asked, not we.
      await ask.catch(() => {})
      await sleep(process.clock, ms(20 + random.next() * 60), signal).catch(() => {})
    }
    trace(() => `${this.id} leads no longer at epoch ${role.epoch}`)
  }
}
