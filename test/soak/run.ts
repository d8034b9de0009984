// One soak: load for a long time, a fault each turn, and what became of it.

import { setTimeout as pause } from 'node:timers/promises'
import { cleansUp, isClean } from '../../bench/lib/cleanup.ts'
import type { Status } from '../../src/agent/model.ts'
import { Clients, type Stretch } from './clients.ts'
import { faultOf, type SoakFaultName, soakFaults } from './faults.ts'
import type { Mark } from './picture.ts'
import { openStage, type Stage } from './stage.ts'
import { type Judgement, judge, type Life } from './verdict.ts'
import { Watch } from './watch.ts'

/** What to do, and for how long. */
export interface SoakOptions {
  /** An empty folder for all of it; it is removed at the end. */
  readonly folder: string
  readonly turns: number
  /** Milliseconds from fault to fault. */
  readonly turn: number
  /** Requests a second; half of what was measured at the start, when left out. */
  readonly rate: number | undefined
  /** Told what happens. */
  readonly tell: (line: string) => void
}

/** What became of one turn. */
export interface Turn extends Stretch {
  readonly fault: SoakFaultName | undefined
  /** Seconds from the beginning to its end. */
  readonly at: number
}

/** What became of all of it. */
export interface Soaked {
  readonly capacity: number
  readonly rate: number
  readonly seconds: number
  readonly turns: readonly Turn[]
  readonly marks: readonly Mark[]
  readonly lives: readonly Life[]
  readonly judgements: readonly Judgement[]
  readonly requests: number
  readonly failed: number
  readonly slow: number
  readonly end: Status
}

const connections = 24

/** Requests a second over these connections, in a closed loop, for so many ms. */
async function capacityOf(port: number, within: number): Promise<number> {
  const clients = new Clients(port, connections, undefined)
  await pause(within)
  const { requests, failed } = clients.take()
  await clients.stop()
  if (failed > 0) throw new Error(`${failed} requests failed before the first fault`)
  return (requests * 1000) / within
}

/** Runs it. All that it started has ended when it resolves or rejects, and on a signal. */
export async function soak(options: SoakOptions): Promise<Soaked> {
  const stage = await openStage(options.folder)
  const cleaning = cleansUp({ [Symbol.asyncDispose]: () => stage.end() })
  try {
    const capacity = await capacityOf(stage.port, Math.min(5000, options.turn))
    const rate = Math.round(options.rate ?? capacity / 2)
    options.tell(`capacity ${Math.round(capacity)} requests a second; soaking at ${rate}`)
    return await new Course(stage, options, capacity, rate).run()
  } finally {
    isClean(cleaning)
    await stage.end()
  }
}

class Course {
  readonly #stage: Stage
  readonly #options: SoakOptions
  readonly #capacity: number
  readonly #rate: number
  readonly #watch: Watch
  readonly #began = performance.now()
  readonly #turns: Turn[] = []
  readonly #marks: Mark[] = []

  constructor(stage: Stage, options: SoakOptions, capacity: number, rate: number) {
    this.#stage = stage
    this.#options = options
    this.#capacity = capacity
    this.#rate = rate
    this.#watch = new Watch(stage.state)
  }

  get #seconds(): number {
    return (performance.now() - this.#began) / 1000
  }

  async run(): Promise<Soaked> {
    const { turns, turn } = this.#options
    const clients = new Clients(this.#stage.port, connections, this.#rate)
    const looking = this.#look(Math.min(5000, turn / 6))
    try {
      for (let index = 0; index < turns; index += 1) await this.#takeTurn(index, clients)
    } finally {
      looking.stop()
      await looking.over
      await clients.stop()
    }
    const rest = clients.take()
    this.#turns.push({ fault: undefined, at: this.#seconds, ...rest })
    return this.#result(await this.#stage.steady())
  }

  /** Looks at the processes again and again until it is stopped. */
  #look(every: number): { readonly over: Promise<void>; stop(): void } {
    let isOver = false
    const look = async (): Promise<void> => {
      while (!isOver) {
        this.#watch.look(this.#seconds, await this.#stage.status())
        await pause(every)
      }
    }
    return {
      over: look(),
      stop: () => {
        isOver = true
      },
    }
  }

  /** The first turn passes in peace; in each other a fault is met a little after its start. */
  async #takeTurn(index: number, clients: Clients): Promise<void> {
    const { turn, turns, tell } = this.#options
    const ends = performance.now() + turn
    const fault = index === 0 ? undefined : faultOf(index, turns)
    if (fault !== undefined) {
      await pause(Math.random() * (turn / 10))
      this.#marks.push({ at: this.#seconds, name: fault })
      await soakFaults[fault](this.#stage, Math.min(8000, turn / 4))
      await this.#stage.steady()
    }
    await pause(Math.max(0, ends - performance.now()))
    const seen = { fault, at: this.#seconds, ...clients.take() }
    this.#turns.push(seen)
    tell(describeTurn(index, turns, seen, this.#watch.lives))
  }

  #result(end: Status): Soaked {
    const { lives } = this.#watch
    const sum = (pick: (turn: Turn) => number): number =>
      this.#turns.reduce((total, turn) => total + pick(turn), 0)
    const [warm, least] = [Math.min(180, this.#seconds / 5), Math.min(600, this.#seconds / 4)]
    return {
      ...{ capacity: this.#capacity, rate: this.#rate, seconds: this.#seconds },
      ...{ turns: this.#turns, marks: this.#marks, lives, end },
      judgements: lives
        .map((life) => judge(life, warm, least))
        .filter((judgement) => judgement !== undefined),
      requests: sum((turn) => turn.requests),
      failed: sum((turn) => turn.failed),
      slow: sum((turn) => turn.slow),
    }
  }
}

function describeTurn(index: number, turns: number, turn: Turn, lives: readonly Life[]): string {
  const now = Math.max(...lives.map(({ samples }) => samples.at(-1)?.at ?? 0))
  const held = lives
    .filter(({ samples, name }) => samples.at(-1)?.at === now && !name.startsWith('guard'))
    .map(({ name, samples }) => {
      const last = samples.at(-1)
      return `${name} ${last?.memory.toFixed(0)} MiB ${last?.files} fds`
    })
  const answered =
    `${turn.requests} requests, ${turn.failed} failed ${turn.failures}, ${turn.slow} later than ` +
    `1 s, p50 ${turn.p50.toFixed(1)} p99 ${turn.p99.toFixed(0)} most ${turn.most.toFixed(0)} ms`
  return `${index + 1}/${turns} ${turn.fault ?? 'peace'}: ${answered}; ${held.join(', ')}`
}
