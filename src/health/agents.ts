// Asks the agents beside the servers in their turn; what they say is judged elsewhere.

import type { Random } from '../foundation/random.ts'
import { type Clock, ms } from '../foundation/time.ts'
import type { AgentCheck, AgentReport, Target } from './model.ts'
import type { AgentAsker } from './prober.ts'

/** What the rounds need. */
export interface RoundsParts {
  readonly clock: Clock
  readonly random: Random
  readonly agents: AgentAsker
  readonly heard: (server: string, report: AgentReport) => void
}

interface Round {
  readonly target: Target
  readonly agent: AgentCheck
  timer: Disposable
}

/** One agent a server, asked at its own pace. */
export class AgentRounds implements Disposable {
  readonly #parts: RoundsParts
  readonly #rounds = new Map<string, Round>()

  constructor(parts: RoundsParts) {
    this.#parts = parts
  }

  /** Asks the agents of these targets and no others; who was asked already keeps its turn. */
  watch(targets: readonly Target[]): void {
    const isAsked = ({ check }: Target): boolean =>
      check.kind !== 'none' && check.agent !== undefined
    if (this.#rounds.size === 0 && !targets.some(isAsked)) return
    const wanted = new Map(targets.map((target) => [target.id, target]))
    for (const [id, round] of this.#rounds) {
      const target = wanted.get(id)
      if (target !== undefined && isSameRound(round, target)) continue
      round.timer[Symbol.dispose]()
      this.#rounds.delete(id)
    }
    for (const target of targets) {
      const { check } = target
      if (check.kind === 'none' || check.agent === undefined) continue
      if (!this.#rounds.has(target.id)) this.#begin(target, check.agent)
    }
  }

  /** The first question comes within a tenth of the interval: many do not ask in step. */
  #begin(target: Target, agent: AgentCheck): void {
    const { clock, random } = this.#parts
    const first = ms((agent.every / 10) * random.next())
    const round: Round = { target, agent, timer: clock.after(first, () => this.#ask(round)) }
    this.#rounds.set(target.id, round)
  }

  #ask(round: Round): void {
    const { clock, agents, heard } = this.#parts
    const { target, agent } = round
    const isCurrent = (): boolean => this.#rounds.get(target.id) === round
    round.timer = clock.after(agent.every, () => this.#ask(round))
    agents.ask(target, agent, (report) => {
      if (report !== undefined && isCurrent()) heard(target.id, report)
    })
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#rounds.values()) timer[Symbol.dispose]()
    this.#rounds.clear()
  }
}

const isSameRound = (round: Round, { check, host, incarnation }: Target): boolean =>
  check.kind !== 'none' &&
  JSON.stringify(check.agent) === JSON.stringify(round.agent) &&
  host === round.target.host &&
  incarnation === round.target.incarnation
