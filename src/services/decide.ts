// What does this service need next? Observation in, decision out. Pure.

import { type Decision, firstMatch } from '../control/rules.ts'
import { factsOf } from './facts.ts'
import type { ServiceAction, ServiceObservation } from './model.ts'
import { serviceRules } from './rules.ts'

/** Decides what one service needs next: same observation, same decision. */
export const decide = (seen: ServiceObservation): Decision<ServiceAction> =>
  firstMatch(serviceRules, factsOf(seen))
