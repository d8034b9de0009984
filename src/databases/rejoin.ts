// How does a member that is astray come back, and which one waits for an operator? Pure.

import type { Astray } from './facts.ts'
import type { DatabaseAction, DatabaseObservation, MemberSighting, RejoinWay } from './model.ts'
import type { Tail } from './position.ts'

type Follow = Extract<DatabaseAction, { readonly kind: 'follow' }>

/** The file says that an operator looks at a tail before it is set aside, and none has asked. */
export const isHeld = ({ member, tail }: Astray, seen: DatabaseObservation): boolean =>
  seen.wish.onDivergence === 'hold' && tail.kind !== 'none' && !isWanted(member, seen)

/** What is broken has to be looked at by somebody: it may be of another database. */
export const isToRejoin = (astray: Astray, seen: DatabaseObservation): boolean =>
  (astray.member.server !== 'broken' || isWanted(astray.member, seen)) && !isHeld(astray, seen)

/** The order that brings it back. */
export const rejoinOf = (
  { member, tail }: Astray,
  primary: string,
  seen: DatabaseObservation,
): Follow =>
  isWanted(member, seen)
    ? copy(member, primary, seen)
    : {
        kind: 'follow',
        member: member.member,
        primary,
        way: wayOf(tail.kind, member.server === 'absent'),
      }

function wayOf(tail: Tail['kind'], isEmpty: boolean): RejoinWay {
  if (isEmpty || tail === 'unknown') return 'clone'
  return tail === 'none' ? 'follow' : 'rewind'
}

/** Whether `reinit` was asked for this member, and has not been carried out. */
const isWanted = ({ member, copiedFor }: MemberSighting, { request }: DatabaseObservation) =>
  request?.kind === 'reinit' && request.member === member && request.id !== copiedFor

const copy = (
  { member }: MemberSighting,
  primary: string,
  { request }: DatabaseObservation,
): Follow => ({
  kind: 'follow',
  member,
  primary,
  way: 'clone',
  copyFor: request?.kind === 'reinit' ? request.id : undefined,
})

/**
 * The order that an operator's `reinit` leads to; `undefined` while there is none, or while writes
 * may still be waiting for this member: it leaves the set first, if there are enough others.
 */
export function reinitOf(seen: DatabaseObservation, primary: string): Follow | undefined {
  const { members, record, request, wish } = seen
  if (request?.kind !== 'reinit' || request.member === primary) return undefined
  const member = members.find((each) => each.member === request.member)
  if (member === undefined || !wish.members.includes(member.member)) return undefined
  if (!isWanted(member, seen)) return undefined
  const isWaitedFor = record.acks.some(
    (set) => set.members.includes(member.member) && set.members.length > set.needed,
  )
  return isWaitedFor ? undefined : copy(member, primary, seen)
}
