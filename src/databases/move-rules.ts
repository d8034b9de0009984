// When does a planned move begin? Rules that stand among the others: reads on the member that takes
// over are led elsewhere first, since its promotion may cut them off. Pure.

import type { Rule } from '../control/rules.ts'
import { write } from './changes.ts'
import type { DatabaseFacts } from './facts.ts'
import type { DatabaseAction } from './model.ts'

type DatabaseRule = Rule<DatabaseFacts, DatabaseAction>

/** A planned move should begin, and could. */
const isDue = ({ record, leadHeard, target }: DatabaseFacts): boolean =>
  record.phase.kind === 'serving' && leadHeard && target?.fit === true

/** Who makes way for a planned move. */
const nextOf = ({ record: { phase } }: DatabaseFacts): string | undefined =>
  phase.kind === 'serving' ? phase.next?.to : undefined

const nameOf = (of: { readonly member: string } | undefined): string => of?.member ?? ''

/** From a primary that serves to one that hands over. */
export const moveRules: readonly DatabaseRule[] = [
  {
    id: 'make-way',
    why: 'a planned move is due: reads on the member that takes over go elsewhere first',
    when: (f) => isDue(f) && f.target?.free === false && nextOf(f) !== nameOf(f.target.member),
    actions: (f) =>
      write(f, {
        phase: {
          ...{ kind: 'serving', primary: nameOf(f.lead) },
          next: { to: nameOf(f.target?.member), since: f.seen.now },
        },
      }),
  },
  {
    id: 'switch-over',
    why: 'a planned move is due, and its target receives everything',
    when: (f) => isDue(f) && f.target?.free === true,
    actions: (f) =>
      write(f, {
        phase: {
          kind: 'handing-over',
          from: nameOf(f.lead),
          to: nameOf(f.target?.member),
          since: f.seen.now,
        },
      }),
  },
  {
    id: 'move-not-due',
    why: 'no planned move is due any more: the member that was to take over has reads again',
    when: (f) => nextOf(f) !== undefined && !isDue(f),
    actions: (f) => write(f, { phase: { kind: 'serving', primary: nameOf(f.lead) } }),
  },
]

/** After all that goes on meanwhile. */
export const waitForReads: DatabaseRule = {
  id: 'wait-for-reads',
  why: 'the member that is to take over lets the reads on it end first',
  when: (f) => nextOf(f) !== undefined,
  actions: () => [],
}
