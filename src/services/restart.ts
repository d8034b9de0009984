// A process ended by itself: when is it started again, and when is that a crash loop? Pure.

import { backoff } from '../control/backoff.ts'
import { type Instant, later, since } from '../foundation/time.ts'
import type { Exit, ProcessState, RestartPolicy } from './model.ts'

/** What one run of a process came to. */
export interface EndedRun {
  readonly exit: Exit
  readonly startedAt: Instant
  readonly endedAt: Instant
  /** Exits in a row before this one, none of them well. */
  readonly failures: number
}

/**
 * What the guard does next. A crash loop is a verdict, not the end: the process is still tried, at
 * the longest wait, because what it misses may come back.
 */
export function afterExit(
  run: EndedRun,
  policy: RestartPolicy,
  chance: number,
): { readonly failures: number; readonly state: ProcessState } {
  const well = since(run.startedAt, run.endedAt) >= policy.wellAfter
  const failures = well ? 1 : run.failures + 1
  const until = later(run.endedAt, backoff(policy.backoff, failures, chance))
  const kind = failures >= policy.loopAfter ? 'crash-looping' : 'waiting'
  return { failures, state: { kind, exit: run.exit, until } }
}

/** Says how a process ended: `exit code 1`, `SIGKILL`, `cannot start: …`. */
export function describeExit(exit: Exit): string {
  switch (exit.kind) {
    case 'code':
      return `exit code ${exit.code}`
    case 'signal':
      return exit.signal
    case 'unstartable':
      return `cannot start: ${exit.reason}`
  }
}
