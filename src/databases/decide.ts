// What does this database need next? Observation in, decision out. Pure.

import { type Decision, firstMatch } from '../control/rules.ts'
import { factsOf } from './facts.ts'
import type { DatabaseAction, DatabaseObservation } from './model.ts'
import { databaseRules } from './rules.ts'

/** Decides what one database needs next: same observation, same decision. */
export const decide = (seen: DatabaseObservation): Decision<DatabaseAction> =>
  firstMatch(databaseRules, factsOf(seen))
