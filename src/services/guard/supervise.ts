// Keeps one replica's life going: feeds what happens into `step` and carries out what it says.
// Knows no socket, no record and no log file.

import type { Random } from '../../foundation/random.ts'
import { type Clock, type Milliseconds, ms } from '../../foundation/time.ts'
import type { Exit } from '../model.ts'
import type { Run, Runner } from './runner.ts'
import {
  newSupervision,
  type Supervision,
  type SupervisionEffect,
  type SupervisionEvent,
  type SupervisionPolicy,
  step,
} from './step.ts'

/** What a supervisor touches and whom it tells. */
export interface SupervisorPorts {
  readonly clock: Clock
  readonly random: Random
  readonly runner: Runner
  /** A run has begun: its output is to be read. Resolves when the last of it has been. */
  listen(run: Run): Promise<unknown>
  /** What `state()` says is another than before. */
  changed(): void
  tell(rule: string, why: string, exit: Exit | undefined): void
  /** Nothing of the replica is left, and none is wanted. Called once, last. */
  finished(): void
}

/** One replica, kept up. */
export interface Supervisor {
  /** Starts the first run; called once. */
  begin(): void
  state(): Supervision
  run(): Run | undefined
  stop(within: Milliseconds): void
}

type EffectHandlers = {
  readonly [K in SupervisionEffect['kind']]: (
    effect: Extract<SupervisionEffect, { kind: K }>,
  ) => void
}

/** How long an exit is held back for the last words, when something still holds the pipes. */
const lastWordsWithin = ms(100)

/** Keeps a replica up, from `begin` until it is told to stop. */
export function supervise(policy: SupervisionPolicy, ports: SupervisorPorts): Supervisor {
  const { clock, random, runner } = ports
  let state = newSupervision(clock.now())
  let run: Run | undefined
  let timer: Disposable | undefined

  const feed = (event: SupervisionEvent): void => {
    const moment = { now: clock.now(), chance: random.next() }
    const [next, ...effects] = step(state, event, policy, moment)
    const changed = next.process !== state.process
    state = next
    if (changed) ports.changed()
    for (const effect of effects) enact(effect)
  }
  const handlers: EffectHandlers = {
    spawn: () => start(),
    signal: ({ signal }) => runner.signal(signal),
    kill: () => runner.kill(),
    wake: ({ wait }) => {
      timer?.[Symbol.dispose]()
      timer = clock.after(wait, () => feed({ kind: 'woken', leftovers: runner.hasLeftovers() }))
    },
    tell: ({ rule, why, exit }) => ports.tell(rule, why, exit),
    finish: () => {
      timer?.[Symbol.dispose]()
      ports.finished()
    },
  }
  const enact = (effect: SupervisionEffect): void =>
    (handlers[effect.kind] as (effect: SupervisionEffect) => void)(effect)
  const start = (): void => {
    let heard: Promise<unknown> = Promise.resolve()
    run = runner.start((exit) => {
      void lastWords(heard, clock).then(() => {
        run = undefined
        feed({ kind: 'ended', exit, leftovers: runner.hasLeftovers() })
      })
    })
    if (run === undefined) return
    heard = ports.listen(run)
    feed({ kind: 'spawned', pid: run.process.pid })
  }
  return {
    begin: () => feed({ kind: 'began' }),
    state: () => state,
    run: () => run,
    stop: (within) => feed({ kind: 'told-to-stop', within }),
  }
}

/** Waits for the end of the output, for a moment: a process left behind may hold the pipes open. */
function lastWords(heard: Promise<unknown>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(lastWordsWithin, resolve)
    void heard.finally(() => {
      timer[Symbol.dispose]()
      resolve()
    })
  })
}
