// What keeps a member from being well, as people are told: why, and what would help. Pure.

import { describeError, Fault } from '../foundation/fault.ts'
import type { ServerSight } from './engine.ts'
import type { MemberSighting } from './model.ts'

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

/** What keeps a member from being well: of a server that does not run, why it could not be had. */
export function saidOf(
  { server, why, remedy }: ServerSight,
  order: Trouble | undefined,
): Partial<Pick<MemberSighting, 'trouble' | 'remedy'>> {
  const seen = why === undefined ? undefined : { why, remedy: remedy ?? order?.remedy }
  const said = server === 'stopped' ? (order ?? seen) : (seen ?? order)
  return { trouble: said?.why, remedy: said?.remedy }
}
