// What does this machine's server of the ensemble need next? Pure.

import { type Decision, firstMatch } from '../../control/rules.ts'
import { factsOf } from './facts.ts'
import type { EnsembleAction, EnsembleObservation } from './model.ts'
import { ensembleRules } from './rules.ts'

/** Decides from what was seen: same observation, same decision. */
export const decide = (seen: EnsembleObservation): Decision<EnsembleAction> =>
  firstMatch(ensembleRules, factsOf(seen))
