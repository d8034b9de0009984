// What follows from the news of one server: the questions that the rules ask. Pure.

import { agentAfter } from './agent-words.ts'
import type { Check, HealthObservation, Verdict } from './model.ts'

/** The news, counted and compared with the limits of the check. */
export interface HealthFacts {
  readonly verdict: Verdict
  readonly checked: boolean
  readonly restarted: boolean
  /** Traffic met something on it just now. */
  readonly signalled: boolean
  readonly passed: boolean
  readonly failed: boolean
  readonly couldNotAsk: boolean
  /** Passes in a row and failures in a row, with this news counted; one of the two is zero. */
  readonly passes: number
  readonly failures: number
  /** The passes in a row that make it up again are reached; the failures that make it down. */
  readonly risen: boolean
  readonly fallen: boolean
  /** Traffic cast doubt on it before this news. */
  readonly suspect: boolean
  readonly siblingsUp: number
  /** The server's agent says that it is down; it has just said that it no longer is. */
  readonly calledDown: boolean
  readonly calledUp: boolean
}

const limits = (check: Check): { readonly rise: number; readonly fall: number } =>
  check.kind === 'none' ? { rise: 1, fall: 1 } : check

/** Sorts what was seen into facts. */
export function factsOf(seen: HealthObservation): HealthFacts {
  const { health, news } = seen
  const { rise, fall } = limits(seen.check)
  const found = news.kind === 'sighting' ? news.sighting.kind : undefined
  const restarted = news.kind === 'restarted'
  const passes = restarted || found === 'failed' ? 0 : health.passes + (found === 'passed' ? 1 : 0)
  const failures =
    restarted || found === 'passed' ? 0 : health.failures + (found === 'failed' ? 1 : 0)
  const agent = restarted ? undefined : agentAfter(health.agent, news, seen.check)
  return {
    verdict: health.verdict,
    checked: seen.check.kind !== 'none',
    restarted,
    signalled: news.kind === 'signal',
    passed: found === 'passed',
    failed: found === 'failed',
    couldNotAsk: found === 'unasked',
    passes,
    failures,
    risen: passes >= rise,
    fallen: failures >= fall,
    suspect: health.suspectedAt !== undefined,
    siblingsUp: seen.siblingsUp,
    calledDown: agent?.says === 'down',
    calledUp: health.agent?.says === 'down' && agent?.says === 'up',
  }
}
