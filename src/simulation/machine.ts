// A machine in memory: processes that listen on ports, answer requests, hang and die.

import {
  type Clock,
  type Instant,
  instant,
  later,
  type Milliseconds,
  ms,
} from '../foundation/time.ts'
import type { Exit } from '../services/model.ts'
import type { Program } from './program.ts'
import type { Trace } from './trace.ts'

/** What becomes of something that was sent to a process. */
export type Answer =
  | { readonly kind: 'status'; readonly status: number }
  /** The process ended before it had answered. */
  | { readonly kind: 'reset' }

/** One process of the simulated machine. */
export interface Process {
  readonly pid: number
  readonly owner: string
  readonly program: Program
  readonly port: number
  readonly startedAt: Instant
  alive: boolean
  /** It was told to stop: it takes nothing new and finishes what it has. */
  stopping: boolean
  /** Stopped by SIGSTOP: the kernel takes connections for it, and nothing answers. */
  frozen: boolean
  /** Until then it answers 500, to checks and to traffic. */
  failsUntil: Instant
  /** Until then its checks fail, while traffic is answered well. */
  checksFailUntil: Instant
  /** How many of its checks passed: nobody may be sent to a process that never passed one. */
  passes: number
  readonly ended: (exit: Exit) => void
  readonly unanswered: Set<(answer: Answer) => void>
  /** What is due, but cannot be said while it is frozen. */
  readonly due: (() => void)[]
}

/** The processes of one machine. */
export class SimulatedMachine {
  readonly #clock: Clock
  readonly #trace: Trace
  readonly #byPort = new Map<number, Process>()
  readonly #processes = new Set<Process>()
  #pid = 100

  constructor(clock: Clock, trace: Trace) {
    this.#clock = clock
    this.#trace = trace
  }

  /** Everything that lives. */
  processes(): ReadonlySet<Process> {
    return this.#processes
  }

  /** Whether a port can be taken. */
  isFree(port: number): boolean {
    for (const process of this.#processes) if (process.port === port) return false
    return true
  }

  /** Starts a process that will listen on `port`; `ended` hears of its end, once. */
  spawn(owner: string, program: Program, port: number, ended: (exit: Exit) => void): Process {
    this.#pid += 1
    const never = instant(0)
    const process: Process = {
      ...{ pid: this.#pid, owner, program, port, startedAt: this.#clock.now() },
      ...{ alive: true, stopping: false, frozen: false, passes: 0 },
      ...{ failsUntil: never, checksFailUntil: never, ended },
      ...{ unanswered: new Set<(answer: Answer) => void>(), due: [] },
    }
    this.#processes.add(process)
    this.#trace.note(owner, () => `process ${process.pid} starts ${program.name} on ${port}`)
    this.#in(process, program.listensAfter, () => {
      if (!process.stopping) this.#byPort.set(port, process)
    })
    if (program.endsAfter !== undefined) {
      const exit: Exit = { kind: 'code', code: program.exitCode }
      this.#in(process, program.endsAfter, () => this.#end(process, exit))
    }
    return process
  }

  /** Sends a signal. */
  signal(process: Process, signal: NodeJS.Signals): void {
    if (!process.alive) return
    this.#trace.note(process.owner, () => `process ${process.pid} gets ${signal}`)
    if (signal === 'SIGKILL') this.#end(process, { kind: 'signal', signal })
    else if (signal === 'SIGSTOP') process.frozen = true
    else if (signal === 'SIGCONT') {
      process.frozen = false
      for (const say of process.due.splice(0)) say()
    } else if (process.program.stopsAfter !== undefined && !process.stopping) {
      this.#in(process, ms(0), () => {
        process.stopping = true
        this.#stopListening(process)
      })
      this.#endWhenIdle(process, process.program.stopsAfter)
    }
  }

  /** Who answers at a port, if anybody does. */
  listener(port: number): Process | undefined {
    return this.#byPort.get(port)
  }

  /** Sends a request to a process that listens; `answered` hears what became of it, once. */
  request(process: Process, takes: Milliseconds, answered: (answer: Answer) => void): void {
    process.unanswered.add(answered)
    this.#in(process, takes, () => {
      if (!process.unanswered.delete(answered)) return
      answered({ kind: 'status', status: this.#status(process) })
    })
  }

  /** Asks as a health check does. */
  check(process: Process, answered: (answer: Answer) => void): void {
    process.unanswered.add(answered)
    this.#in(process, ms(1), () => {
      if (!process.unanswered.delete(answered)) return
      const sick = this.#clock.now() < process.checksFailUntil
      answered({ kind: 'status', status: sick ? 500 : this.#status(process) })
    })
  }

  /** The asker gave up: nobody hears the answer any more. */
  giveUp(process: Process, answered: (answer: Answer) => void): void {
    process.unanswered.delete(answered)
  }

  #status(process: Process): number {
    const now = this.#clock.now()
    const { listensAfter, readyAfter } = process.program
    if (now < later(process.startedAt, ms(listensAfter + readyAfter))) return 503
    return now < process.failsUntil ? 500 : process.program.status
  }

  /** Does something in the life of a process: later while it is frozen, never once it is dead. */
  #in(process: Process, wait: Milliseconds, deed: () => void): void {
    const act = (): void => {
      if (!process.alive) return
      if (process.frozen) process.due.push(act)
      else deed()
    }
    this.#clock.after(wait, act)
  }

  #endWhenIdle(process: Process, wait: Milliseconds): void {
    this.#in(process, wait, () => {
      if (process.unanswered.size > 0) this.#endWhenIdle(process, ms(10))
      else this.#end(process, { kind: 'code', code: 0 })
    })
  }

  #stopListening(process: Process): void {
    if (this.#byPort.get(process.port) === process) this.#byPort.delete(process.port)
  }

  #end(process: Process, exit: Exit): void {
    process.alive = false
    this.#processes.delete(process)
    this.#stopListening(process)
    this.#trace.note(process.owner, () => `process ${process.pid} has ended`)
    const unanswered = [...process.unanswered]
    process.unanswered.clear()
    process.ended(exit)
    for (const answered of unanswered) answered({ kind: 'reset' })
  }
}
