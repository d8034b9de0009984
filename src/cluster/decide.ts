// What does the leader do about where things run? Pure.

import { type Decision, firstMatch } from '../control/rules.ts'
import { type ClusterFacts, factsOf } from './facts.ts'
import type { ClusterAction, ClusterObservation } from './model.ts'
import { clusterRules } from './rules.ts'

/** The first rule that holds of what is seen. */
export const decideCluster = (seen: ClusterObservation): Decision<ClusterAction> =>
  firstMatch<ClusterFacts, ClusterAction>(clusterRules, factsOf(seen))
