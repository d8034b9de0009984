// Which machine makes the backups of a database, and which member is copied? Pure.

import { type Instant, type Milliseconds, ms, since } from '../../foundation/time.ts'
import { leadOf } from '../facts.ts'
import type { DatabaseView, MemberSighting } from '../model.ts'

/** A machine whose members were not heard for so long leaves the backups to another. */
const awayAfter = ms(60_000)

const isHeard = (seen: MemberSighting | undefined, now: Instant, within: Milliseconds): boolean =>
  seen !== undefined && since(seen.heard, now) < within

/**
 * Whether `machine` makes them: that of the first member in the file that is there. Where nobody
 * can be heard at this moment, whoever made them so far goes on, and nobody begins.
 */
export function makesBackups(
  { plan, members, connected }: DatabaseView,
  machine: string | undefined,
  now: Instant,
  soFar: boolean,
): boolean {
  if (machine === undefined) return true
  const first = plan.members.find(({ name }) =>
    isHeard(
      members.find(({ member }) => member === name),
      now,
      awayAfter,
    ),
  )
  return first === undefined || !connected ? soFar : first.machine === machine
}

/** Who serves at this moment, as the record has it: the log comes from there. */
export function servingMember({ record, members }: DatabaseView): string | undefined {
  if (record?.phase.kind !== 'serving') return undefined
  const { primary } = record.phase
  const seen = members.find(({ member }) => member === primary)
  return seen === undefined || seen.server === 'primary' ? primary : undefined
}

/** A replica that was not heard for so long may be gone. */
const heardWithin = ms(5000)

/**
 * Whom to copy: a replica that is near, the least likely to be promoted first; the primary where
 * there is none.
 */
export function sourceOf(view: DatabaseView, now: Instant): string | undefined {
  const { plan, members, record } = view
  const lead = record && leadOf(record)
  const fit = plan.members.toReversed().find(({ name }) => {
    const seen = members.find(({ member }) => member === name)
    return (
      seen !== undefined &&
      isHeard(seen, now, heardWithin) &&
      seen.server === 'replica' &&
      seen.upstream !== undefined &&
      seen.upstream === lead &&
      !seen.diverged &&
      seen.busy === undefined &&
      seen.lag !== undefined &&
      seen.lag <= plan.readLag
    )
  })
  return fit?.name ?? servingMember(view)
}
