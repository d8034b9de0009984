// What keeps a member from being well, as people are told: why, and what would help. Pure.

import { describeError, Fault } from '../foundation/fault.ts'

export interface Trouble {
  readonly why: string
  readonly remedy: string | undefined
}

/** Of anything that was thrown; the remedy is that of the Fault nearest to it. */
export const troubleOf = (thrown: unknown): Trouble => ({
  why: describeError(thrown),
  remedy: remedyOf(thrown),
})

function remedyOf(thrown: unknown): string | undefined {
  if (thrown instanceof Fault && thrown.remedy !== undefined) return thrown.remedy
  return Error.isError(thrown) ? remedyOf((thrown as Error).cause) : undefined
}
