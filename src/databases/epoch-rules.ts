// What if a member has promised more than is written down? Rules that stand among the others: it
// takes no order until an epoch begins that is later than all that was promised. Pure.

import type { Rule } from '../control/rules.ts'
import { mayDecide } from './assent.ts'
import { beyondAll, withData, write } from './changes.ts'
import type { DatabaseFacts } from './facts.ts'
import type { DatabaseAction } from './model.ts'

type DatabaseRule = Rule<DatabaseFacts, DatabaseAction>

const isElecting = ({ record }: DatabaseFacts): boolean => record.phase.kind === 'electing'

const isServing = ({ record }: DatabaseFacts): boolean => record.phase.kind === 'serving'

/** Its primary is there, and can be elected again. */
const goesOn = (f: DatabaseFacts): boolean => isServing(f) && f.leadHeard && f.loss === undefined

/** Nobody has any data, and somebody has promised something all the same. */
const isEmpty = (f: DatabaseFacts): boolean =>
  f.record.phase.kind === 'new' && f.allHeard && withData(f).length === 0

/**
 * Elects at an epoch that nobody has promised to be beyond. What is known of an election goes with
 * it; whoever serves stops, as for any other, and is preferred: it has all that it acknowledged.
 */
function raiseEpoch(f: DatabaseFacts): readonly DatabaseAction[] {
  const epoch = beyondAll(f)
  if (!isServing(f)) return write(f, { epoch })
  const { lead, seen } = f
  const why = 'a member has promised a later epoch'
  const [from, since] = [lead?.member, seen.now]
  return write(f, { epoch, phase: { kind: 'electing', from, since, why, prefer: from } })
}

/** Before all others, which would order what is refused. */
export const raiseRule: DatabaseRule = {
  id: 'raise-epoch',
  why: 'a member takes no order: it has promised a later epoch to a record that is gone',
  when: (f) =>
    f.beyond.length > 0 &&
    !f.seen.paused &&
    (isElecting(f) || isEmpty(f) || (goesOn(f) && mayDecide(f.seen))),
  actions: raiseEpoch,
}

/** Clients would wait while the primary begins anew. */
export const raiseWaits: DatabaseRule = {
  id: 'would-raise-epoch',
  why: 'a member takes no order until another epoch begins, and the file has an operator decide',
  when: (f) => goesOn(f) && f.beyond.length > 0,
  actions: () => [],
}
