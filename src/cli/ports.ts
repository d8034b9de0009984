// What a verb may touch, and nothing else: two screens, the time, an agent, the wish to stop. A
// test hands in its own and reads what was written.

import type { AgentApi, EventLine } from '../agent/api.ts'
import type { Clock } from '../foundation/time.ts'

/** Somewhere to write for a person, or for the next program of a pipe. */
export interface Screen {
  write(text: string): void
  /** Lines longer than this wrap; without end where nobody looks. */
  readonly columns: number
  readonly rows: number
  /** Whether a line may be redrawn. */
  readonly isTerminal: boolean
  readonly hasColor: boolean
  /** Aborted once nobody reads any more: the other end of the pipe, or the terminal, is gone. */
  readonly closed: AbortSignal
}

/** A running agent, as the verbs see it. */
export interface AgentDoor {
  /** Throws the agent's own Fault, `not-running`, or `refused` where it is another user's. */
  ask<Path extends keyof AgentApi>(
    path: Path,
    question: AgentApi[Path]['ask'],
    signal?: AbortSignal,
  ): Promise<AgentApi[Path]['answer']>
  /** The journal; with `follow` it goes on until `signal` or the agent's end. */
  events(
    options: { readonly last: number; readonly follow: boolean },
    signal?: AbortSignal,
  ): AsyncIterable<EventLine>
}

/** All that a verb is given beside its own arguments. */
export interface Ports {
  readonly out: Screen
  readonly err: Screen
  readonly clock: Clock
  /** The time zone in which times are shown: `Europe/Paris`, `UTC`. */
  readonly zone: string
  readonly agent: AgentDoor
  /** Aborted at the first Ctrl-C or SIGTERM. */
  readonly interrupted: AbortSignal
  /** Aborted at the second. */
  readonly hurried: AbortSignal
}
