// Says an action in a sentence: the same one in a dry run, the journal and the status. Pure.

import type { ServiceAction } from './model.ts'

/** One sentence an action. */
export const describe = {
  start: (a) => `start ${a.replica} at revision ${a.revision}`,
  drain: (a) => `send nothing new to ${a.replica}`,
  stop: (a) => `stop ${a.replica}`,
  'roll-back': (a) => `go back to revision ${a.to}: ${a.why}`,
  settle: (a) => `keep revision ${a.revision} as the one to go back to`,
} as const satisfies {
  readonly [K in ServiceAction['kind']]: (a: Extract<ServiceAction, { kind: K }>) => string
}

/** The sentence of any action. */
export const describeAction = (action: ServiceAction): string =>
  (describe[action.kind] as (a: ServiceAction) => string)(action)
