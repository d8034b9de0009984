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
import type { SimulatedNetwork, Stack } from './network.ts'
import type { Program } from './program.ts'
import { ServerConnection } from './server.ts'
import type { Trace } from './trace.ts'

/** What becomes of a check that was sent to a process. */
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
  readonly stack: Stack
  readonly ended: (exit: Exit) => void
  alive: boolean
  listening: boolean
  /** It was told to stop: it takes nothing new and finishes what it has. */
  stopping: boolean
  /** Stopped by SIGSTOP: the kernel takes connections for it, and nothing answers. */
  frozen: boolean
  /** Until then it answers 500, to checks and to traffic. */
  failsUntil: Instant
  /** Until then its checks fail, while traffic is answered well. */
  checksFailUntil: Instant
  /** Until then it takes longer for everything but checks, by `slowness`. */
  slowUntil: Instant
  /** How many of its checks passed: nobody may be sent to a process that never passed one. */
  passes: number
  /** Requests that it works on. */
  working: number
  readonly connections: Set<ServerConnection>
  readonly checks: Set<(answer: Answer) => void>
  /** What is due, but cannot be done while it is frozen. */
  readonly due: (() => void)[]
}

/** What a machine needs. */
export interface MachineParts {
  readonly clock: Clock
  readonly network: SimulatedNetwork
  readonly trace: Trace
  /** A process begins to work on the request of this number. */
  readonly works: (id: number, process: Process) => void
}

/** How much longer a slow process takes: it stays below what a server may take. */
const slowness = 700

/** The processes of one machine. */
export class SimulatedMachine {
  readonly #parts: MachineParts
  readonly #processes = new Set<Process>()
  #pid = 100

  constructor(parts: MachineParts) {
    this.#parts = parts
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

  /** Who answers at a port, if anybody does. */
  listener(port: number): Process | undefined {
    for (const process of this.#processes) {
      if (process.port === port && process.listening) return process
    }
    return undefined
  }

  /** Starts a process that will listen on `port`; `ended` hears of its end, once. */
  spawn(owner: string, program: Program, port: number, ended: (exit: Exit) => void): Process {
    const { clock, network, trace } = this.#parts
    this.#pid += 1
    const never = instant(0)
    const process: Process = {
      ...{ pid: this.#pid, owner, program, port, startedAt: clock.now(), stack: network.open() },
      ...{ ended, alive: true, listening: false, stopping: false, frozen: false },
      ...{ failsUntil: never, checksFailUntil: never, slowUntil: never, passes: 0, working: 0 },
      ...{ connections: new Set(), checks: new Set(), due: [] },
    }
    this.#processes.add(process)
    trace.note(owner, () => `process ${process.pid} starts ${program.name} on ${port}`)
    this.#in(process, program.listensAfter, () => this.#listen(process))
    if (program.endsAfter !== undefined) {
      const exit: Exit = { kind: 'code', code: program.exitCode }
      this.#in(process, program.endsAfter, () => this.#end(process, exit))
    }
    return process
  }

  /** Sends a signal. */
  signal(process: Process, signal: NodeJS.Signals): void {
    if (!process.alive) return
    this.#parts.trace.note(process.owner, () => `process ${process.pid} gets ${signal}`)
    if (signal === 'SIGKILL') this.#end(process, { kind: 'signal', signal })
    else if (signal === 'SIGSTOP') process.frozen = true
    else if (signal === 'SIGCONT') {
      process.frozen = false
      for (const act of process.due.splice(0)) act()
    } else this.#stop(process)
  }

  /** Asks as a health check does. */
  check(process: Process, answered: (answer: Answer) => void): void {
    process.checks.add(answered)
    this.#in(process, ms(1), () => {
      if (!process.checks.delete(answered)) return
      const sick = this.#parts.clock.now() < process.checksFailUntil
      answered({ kind: 'status', status: sick ? 500 : this.#status(process) })
    })
  }

  /** The asker gave up: nobody hears the answer any more. */
  giveUp(process: Process, answered: (answer: Answer) => void): void {
    process.checks.delete(answered)
  }

  #listen(process: Process): void {
    if (process.stopping) return
    process.listening = true
    const { connections } = process
    process.stack.listenAt({ host: '127.0.0.1', port: process.port }, (connection) => {
      const over = (it: ServerConnection): void => void connections.delete(it)
      const server = new ServerConnection(connection, this.#answerer(process), over)
      connections.add(server)
      return server
    })
  }

  #answerer(process: Process) {
    return {
      whenAwake: (deed: () => void): void => {
        if (process.frozen) process.due.push(deed)
        else deed()
      },
      work: (id: number, takes: Milliseconds, done: (status: number) => void): void => {
        process.working += 1
        this.#parts.works(id, process)
        const late = this.#parts.clock.now() < process.slowUntil ? slowness : 0
        this.#in(process, ms(takes + late), () => {
          process.working -= 1
          done(this.#status(process))
        })
      },
      get stopping(): boolean {
        return process.stopping
      },
    }
  }

  #status(process: Process): number {
    const now = this.#parts.clock.now()
    const { listensAfter, readyAfter, status } = process.program
    if (now < later(process.startedAt, ms(listensAfter + readyAfter))) return 503
    return now < process.failsUntil ? 500 : status
  }

  #stop(process: Process): void {
    const { stopsAfter } = process.program
    if (stopsAfter === undefined || process.stopping) return
    this.#in(process, ms(0), () => {
      process.stopping = true
      process.listening = false
      process.stack.closeDoors()
      for (const connection of [...process.connections]) connection.closeIfIdle()
    })
    this.#endWhenIdle(process, stopsAfter)
  }

  #endWhenIdle(process: Process, wait: Milliseconds): void {
    this.#in(process, wait, () => {
      if (process.working > 0) this.#endWhenIdle(process, ms(10))
      else this.#end(process, { kind: 'code', code: 0 })
    })
  }

  /** Does something in the life of a process: later while it is frozen, never once it is dead. */
  #in(process: Process, wait: Milliseconds, deed: () => void): void {
    const act = (): void => {
      if (!process.alive) return
      if (process.frozen) process.due.push(act)
      else deed()
    }
    this.#parts.clock.after(wait, act)
  }

  #end(process: Process, exit: Exit): void {
    process.alive = false
    process.listening = false
    this.#processes.delete(process)
    process.stack.kill()
    this.#parts.trace.note(process.owner, () => `process ${process.pid} has ended`)
    const checks = [...process.checks]
    process.checks.clear()
    process.ended(exit)
    for (const answered of checks) answered({ kind: 'reset' })
  }
}
