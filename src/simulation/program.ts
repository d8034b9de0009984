// How the programs behave that a simulated machine runs: well, badly, slowly.

import { type Milliseconds, ms } from '../foundation/time.ts'
import type { RunTemplate } from '../services/model.ts'

/** What a process does from its start on, if nobody interferes. */
export interface Program {
  readonly name: string
  /** Whether a replica of it comes up when nobody interferes. */
  readonly good: boolean
  /** It cannot even be started: the command does not exist. */
  readonly unstartable: boolean
  /** From its start until it listens. */
  readonly listensAfter: Milliseconds
  /** From then on until it answers well; before, it answers 503. */
  readonly readyAfter: Milliseconds
  /** It ends by itself so long after its start; `undefined` for one that stays. */
  readonly endsAfter: Milliseconds | undefined
  /** Its exit code then. */
  readonly exitCode: number
  /** What it answers with while it is well. */
  readonly status: number
  /** From the stop signal to its end, in which it finishes what it has; `undefined`: it does not
   * hear the signal. */
  readonly stopsAfter: Milliseconds | undefined
}

/** A program that comes up soon, answers fast and stops when it is told. */
export const goodProgram: Program = {
  name: 'good',
  good: true,
  unstartable: false,
  listensAfter: ms(80),
  readyAfter: ms(0),
  endsAfter: undefined,
  exitCode: 1,
  status: 200,
  stopsAfter: ms(20),
}

/** The ways in which a revision can be bad. */
export const badPrograms: Readonly<Record<string, Partial<Program>>> = {
  'not-startable': { unstartable: true },
  'ends-at-once': { endsAfter: ms(30) },
  'ends-later': { endsAfter: ms(400) },
  'never-listens': { listensAfter: ms(1e9) },
  'never-ready': { readyAfter: ms(1e9) },
}

/** The program of a template: its name stands in the place of the arguments. */
export function programOf(template: RunTemplate, programs: ReadonlyMap<string, Program>): Program {
  const program = programs.get(template.argv[1] ?? '')
  if (program === undefined) throw new Error(`no simulated program ${template.argv.join(' ')}`)
  return program
}
