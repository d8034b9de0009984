// Every parser that is fuzzed. A new one is one line here, or in one of these lists.

import { databaseTargets } from './databases.ts'
import { http1Targets } from './http1.ts'
import type { Target } from './target.ts'
import { textTargets } from './texts.ts'
import { wireTargets } from './wire.ts'

/** See the first line. */
export const targets: readonly Target[] = [
  ...http1Targets,
  ...wireTargets,
  ...textTargets,
  ...databaseTargets,
]

/** How many of `inputs` each target gets, by its share. */
export function shares(chosen: readonly Target[], inputs: number): readonly number[] {
  const total = chosen.reduce((sum, { share }) => sum + share, 0)
  return chosen.map(({ share, seeds }) =>
    Math.max(seeds.length, Math.ceil((inputs * share) / total)),
  )
}
