// Is this server alive? An ordered table: the first row that holds decides. Pure.

import type { Rule } from '../control/rules.ts'
import type { HealthFacts } from './facts.ts'
import type { HealthAction, Verdict } from './model.ts'

const become = (verdict: Verdict) => (): readonly HealthAction[] => [{ kind: 'become', verdict }]
const wait = (): readonly HealthAction[] => []

/** The rules of a verdict, in the order in which they are asked. */
export const healthRules: readonly Rule<HealthFacts, HealthAction>[] = [
  {
    id: 'no-check',
    why: 'it has no check: somebody else answers for it',
    when: (f) => !f.checked,
    actions: become('up'),
  },
  {
    id: 'restarted',
    why: 'nothing is known yet of the process that is there now',
    when: (f) => f.restarted,
    actions: become('unknown'),
  },
  {
    id: 'agent-says-down',
    why: 'its own agent says that it is down',
    when: (f) => f.calledDown,
    actions: become('down'),
  },
  {
    id: 'agent-says-up',
    why: 'its own agent says that it is up again, and its check passes',
    when: (f) => f.calledUp && f.passes > 0,
    actions: become('up'),
  },
  {
    id: 'traffic-doubts',
    why: 'traffic met trouble on it: that is reason to ask it now, not to condemn it',
    when: (f) => f.signalled,
    actions: () => [{ kind: 'suspect' }],
  },
  {
    id: 'could-not-ask',
    why: 'the check could not even be sent: that says nothing about the server',
    when: (f) => f.couldNotAsk,
    actions: wait,
  },
  {
    id: 'first-pass',
    why: 'it passed its first check',
    when: (f) => f.passed && f.verdict === 'unknown',
    actions: become('up'),
  },
  {
    id: 'first-failure',
    why: 'it failed its first check',
    when: (f) => f.failed && f.verdict === 'unknown',
    actions: become('down'),
  },
  {
    id: 'risen',
    why: 'it passed as many checks in a row as a return needs',
    when: (f) => f.passed && f.verdict === 'down' && f.risen,
    actions: become('up'),
  },
  {
    id: 'last-hope',
    why: 'it passed a check while no other server of its service is up',
    when: (f) => f.passed && f.verdict === 'down' && f.siblingsUp === 0,
    actions: become('up'),
  },
  {
    id: 'rising',
    why: 'it passed, but has to pass more often before it is trusted again',
    when: (f) => f.passed && f.verdict === 'down',
    actions: wait,
  },
  {
    id: 'fallen',
    why: 'it failed as many checks in a row as it may',
    when: (f) => f.failed && f.verdict === 'up' && f.fallen,
    actions: become('down'),
  },
  {
    id: 'two-witnesses',
    why: 'traffic met trouble on it, a check agrees, and another server can take over',
    when: (f) => f.failed && f.verdict === 'up' && f.suspect && f.siblingsUp > 0,
    actions: become('down'),
  },
  {
    id: 'falling',
    why: 'it failed, but has to fail more often before it is given up',
    when: (f) => f.failed && f.verdict === 'up',
    actions: wait,
  },
  {
    id: 'unchanged',
    why: 'what was seen is what was known',
    when: () => true,
    actions: wait,
  },
]
