// How long did each part of the last failover take? From what the journal says of a database. Pure.

import { type Instant, type Milliseconds, since } from '../foundation/time.ts'

/** A step that was decided about a database. */
export interface Step {
  readonly at: Instant
  readonly rule: string
  readonly why: string
}

/** The last change of primary, with its phases in order. */
export interface FailoverTrace {
  readonly at: Instant
  readonly planned: boolean
  readonly took: Milliseconds
  readonly phases: readonly { readonly name: string; readonly took: Milliseconds }[]
}

/** What a change of primary begins with. */
const begins = new Set(['failover', 'switch-over'])

/** What is under way after a rule has decided, for people. */
const phaseNames: Readonly<Record<string, string>> = {
  failover: 'stop the others and compare',
  'switch-over': 'let what is under way end',
  quiesce: 'let what is under way end',
  'wait-for-target': 'hand over the rest',
  'hand-over': 'promote',
  freeze: 'stop the others and compare',
  'wait-out-lease': 'wait for the old lease to end',
  'wait-for-better': 'stop the others and compare',
  'hold-for-members': 'wait for a missing member',
  'elect-furthest': 'promote',
  'elect-at-a-loss': 'promote',
  promote: 'promote',
}

/**
 * The last change of primary that was completed; `undefined` where this journal does not have all
 * of it: another machine decided, or it is long ago. `steps` come in the order in which they were.
 */
export function lastFailover(steps: readonly Step[]): FailoverTrace | undefined {
  const end = steps.findLastIndex(({ rule }) => rule === 'promoted')
  const before = steps.slice(0, Math.max(0, end))
  const earlier = before.findLastIndex(({ rule }) => rule === 'promoted')
  const begin = before.findIndex(({ rule }, index) => index > earlier && begins.has(rule))
  const [first, last] = [steps[begin], steps[end]]
  if (end < 0 || begin < 0 || first === undefined || last === undefined) return undefined
  const phases: { name: string; took: Milliseconds }[] = []
  for (let index = begin; index < end; index += 1) {
    const [from, to] = [steps[index], steps[index + 1]]
    const name = from && phaseNames[from.rule]
    if (from === undefined || to === undefined || name === undefined) continue
    const took = since(from.at, to.at)
    const previous = phases.at(-1)
    if (previous?.name === name) previous.took = (previous.took + took) as Milliseconds
    else phases.push({ name, took })
  }
  return {
    at: first.at,
    planned: first.rule === 'switch-over',
    took: since(first.at, last.at),
    phases,
  }
}
