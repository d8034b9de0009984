// What does a guard do when something happens to its replica? State and event in, state and
// effects out: no process, no timer, no chance of its own. Pure.

import { invariant, unreachable } from '../../foundation/invariant.ts'
import {
  formatDuration,
  type Instant,
  later,
  type Milliseconds,
  ms,
  since,
} from '../../foundation/time.ts'
import type { Exit, ProcessState, RunTemplate } from '../model.ts'
import { afterExit, describeExit } from '../restart.ts'

/** The part of a template by which a replica is kept up. */
export type SupervisionPolicy = Pick<RunTemplate, 'restart' | 'stopSignal' | 'stopWithin'>

/** How far a replica's life has come. */
export interface Supervision {
  readonly process: ProcessState
  readonly failures: number
  readonly restarts: number
  /** When the last run began. */
  readonly spawnedAt: Instant
  /** Whether the leader of the group is alive. */
  readonly leader: boolean
  /** Set once it is told to stop: when patience ends, and whether it has. */
  readonly stop: { readonly deadline: Instant; readonly forced: boolean } | undefined
}

/** What happens to a replica. `leftovers`: something of it is alive beside its leader. */
export type SupervisionEvent =
  | { readonly kind: 'began' }
  | { readonly kind: 'spawned'; readonly pid: number }
  | { readonly kind: 'ended'; readonly exit: Exit; readonly leftovers: boolean }
  /** The time asked for by `wake` has come. */
  | { readonly kind: 'woken'; readonly leftovers: boolean }
  | { readonly kind: 'told-to-stop'; readonly within: Milliseconds }

/** What a guard does about it. */
export type SupervisionEffect =
  /** Start a run; answered by `spawned`, or by `ended` with an exit that says why not. */
  | { readonly kind: 'spawn' }
  /** To all that is alive of the replica. */
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  /** SIGKILL to everything that is left of the replica. */
  | { readonly kind: 'kill' }
  /** Answered by `woken`; replaces what was asked before. */
  | { readonly kind: 'wake'; readonly wait: Milliseconds }
  | { readonly kind: 'tell'; readonly rule: string; readonly why: string; readonly exit?: Exit }
  /** Nothing of the replica is left, and none is wanted. */
  | { readonly kind: 'finish' }

/** The time, and a draw of chance in [0, 1). */
export interface Moment {
  readonly now: Instant
  readonly chance: number
}

type Step = readonly [Supervision, ...SupervisionEffect[]]

/** How often to look whether what was killed is gone. */
const lookEvery = ms(25)

/** A life before it begins. */
export const newSupervision = (now: Instant): Supervision => ({
  process: { kind: 'starting' },
  failures: 0,
  restarts: 0,
  spawnedAt: now,
  leader: false,
  stop: undefined,
})

/** One step of a replica's life. */
export function step(
  state: Supervision,
  event: SupervisionEvent,
  policy: SupervisionPolicy,
  moment: Moment,
): Step {
  const { now } = moment
  if (state.process.kind === 'stopped') return [state]
  switch (event.kind) {
    case 'began':
      return [{ ...state, spawnedAt: now }, { kind: 'spawn' }]
    case 'spawned':
      return [
        { ...state, leader: true, process: { kind: 'running', pid: event.pid, since: now } },
        { kind: 'tell', rule: 'replica-started', why: `it runs as process ${event.pid}` },
      ]
    case 'ended':
      return state.stop === undefined
        ? endedByItself(state, event.exit, event.leftovers, policy, moment)
        : endedAsTold(state, event.exit, event.leftovers, now)
    case 'woken':
      return woken(state, event.leftovers, now)
    case 'told-to-stop':
      return toldToStop(state, event.within, policy, now)
    default:
      return unreachable(event)
  }
}

/**
 * What the leader left behind may finish while the guard waits, and is killed before the next run:
 * two runs must not share a port.
 */
function endedByItself(
  state: Supervision,
  exit: Exit,
  leftovers: boolean,
  policy: SupervisionPolicy,
  { now, chance }: Moment,
): Step {
  const run = { exit, startedAt: state.spawnedAt, endedAt: now, failures: state.failures }
  const { failures, state: process } = afterExit(run, policy.restart, chance)
  const wait = untilOf(process, now)
  const next = `it is tried again in ${formatDuration(wait)}`
  return [
    { ...state, leader: false, failures, process },
    failures === policy.restart.loopAfter
      ? tell(
          'crash-loop',
          `it ended ${failures} times in a row, last: ${lifeOf(run)}; ${next}`,
          exit,
        )
      : tell(ruleOf(exit), `${lifeOf(run)}; ${next}`, exit),
    ...(leftovers ? [{ kind: 'signal', signal: policy.stopSignal } as const] : []),
    { kind: 'wake', wait },
  ]
}

function endedAsTold(state: Supervision, exit: Exit, leftovers: boolean, now: Instant): Step {
  const [next, ...effects] = leaving({ ...state, leader: false }, leftovers, now)
  const run = { exit, startedAt: state.spawnedAt, endedAt: now }
  return [next, tell('replica-stopped', `it was told to: ${lifeOf(run)}`, exit), ...effects]
}

const tell = (rule: string, why: string, exit?: Exit): SupervisionEffect => ({
  kind: 'tell',
  rule,
  why,
  ...(exit === undefined ? {} : { exit }),
})

const ruleOf = (exit: Exit): string =>
  exit.kind === 'unstartable' ? 'replica-unstartable' : 'replica-exited'

function lifeOf(run: { exit: Exit; startedAt: Instant; endedAt: Instant }): string {
  if (run.exit.kind === 'unstartable') return describeExit(run.exit)
  const after = formatDuration(since(run.startedAt, run.endedAt))
  return `${describeExit(run.exit)} after ${after}`
}

const untilOf = (process: ProcessState, now: Instant): Milliseconds =>
  ms(process.kind === 'waiting' || process.kind === 'crash-looping' ? process.until - now : 0)

function woken(state: Supervision, leftovers: boolean, now: Instant): Step {
  if (state.stop !== undefined) return leaving(state, leftovers, now)
  if (state.leader) return [state]
  const wait = untilOf(state.process, now)
  if (wait > 0) return [state, { kind: 'wake', wait }]
  if (leftovers) return [state, { kind: 'kill' }, { kind: 'wake', wait: lookEvery }]
  const restarts = state.restarts + 1
  return [{ ...state, process: { kind: 'starting' }, restarts, spawnedAt: now }, { kind: 'spawn' }]
}

/** A second order may shorten the patience of the first, never lengthen it. */
function toldToStop(
  state: Supervision,
  within: Milliseconds,
  policy: SupervisionPolicy,
  now: Instant,
): Step {
  const deadline = later(now, within)
  if (state.stop !== undefined) {
    if (deadline >= state.stop.deadline) return [state]
    return [
      { ...state, stop: { ...state.stop, deadline } },
      { kind: 'wake', wait: within },
    ]
  }
  const stopping: Supervision = {
    ...state,
    stop: { deadline, forced: false },
    process: { kind: 'stopping', since: now },
  }
  if (!state.leader) return [stopping, { kind: 'wake', wait: ms(0) }]
  return [
    stopping,
    { kind: 'signal', signal: policy.stopSignal },
    // A process that somebody froze takes the signal only after this one.
    { kind: 'signal', signal: 'SIGCONT' },
    { kind: 'wake', wait: within },
  ]
}

/** On the way out: over when nothing is left, by force when patience has ended. */
function leaving(state: Supervision, leftovers: boolean, now: Instant): Step {
  const { stop } = state
  invariant(stop !== undefined, 'only what was told to stop is on the way out')
  if (!state.leader && !leftovers) {
    return [{ ...state, process: { kind: 'stopped' } }, { kind: 'finish' }]
  }
  const patience = ms(stop.deadline - now)
  if (patience > 0) {
    const wait = state.leader ? patience : ms(Math.min(lookEvery, patience))
    return [state, { kind: 'wake', wait }]
  }
  const why = state.leader ? 'it did not end by itself in time' : 'it left processes behind'
  return [
    { ...state, stop: { ...stop, forced: true } },
    ...(stop.forced ? [] : [tell('replica-killed', why)]),
    { kind: 'kill' },
    { kind: 'wake', wait: lookEvery },
  ]
}
