// Which server is started anew next, and what does that wait for? One after another, replicas
// first, and each only while all others follow. Pure.

import type { AcksFacts } from './acks.ts'
import type { DatabaseObservation, MemberSighting, Request } from './model.ts'

/** What is known of servers that should be started anew. */
export interface RestartFacts {
  /** Members whose servers should be, and why, in the order in which they are. */
  readonly due: readonly Due[]
  /** A replica whose turn it is now. */
  readonly replica: string | undefined
  /** Whom the primary hands over to, since it is the last; itself where there is nobody else. */
  readonly heir: string | undefined
  /** Whom the next one waits for. */
  readonly missing: readonly string[]
}

/** A member whose server should be started anew. */
export interface Due {
  readonly member: string
  readonly why: string
}

type Restart = Extract<Request, { readonly kind: 'restart' }>

const none: RestartFacts = { due: [], replica: undefined, heir: undefined, missing: [] }

/** A replica that has applied nothing younger than this is not back yet, in milliseconds. */
const nearWithin = 2000

/** Why a server should be started anew; `undefined`: it need not. */
export function dueOf(
  { member, outdated, restartedFor }: MemberSighting,
  request: Request | undefined,
): string | undefined {
  const isAsked = request?.kind === 'restart' && request.members.includes(member)
  return isAsked && restartedFor !== request.id ? 'an operator asked for it' : outdated
}

/** What is to be started anew while `lead` serves and is heard. */
export function restartsOf(
  seen: DatabaseObservation,
  heard: readonly MemberSighting[],
  lead: MemberSighting | undefined,
  acks: AcksFacts,
): RestartFacts {
  const { record, wish, request } = seen
  if (record.phase.kind !== 'serving' || lead === undefined || !heard.includes(lead)) return none
  // Nearly always: what follows is asked for millions of times in simulation.
  if (request?.kind !== 'restart' && !heard.some(({ outdated }) => outdated !== undefined)) {
    return none
  }
  const others = wish.members.filter((name) => name !== lead.member)
  const due = [...others, ...(wish.members.includes(lead.member) ? [lead.member] : [])].flatMap(
    (name): readonly Due[] => {
      const sighting = heard.find(({ member }) => member === name)
      const why = sighting && dueOf(sighting, request)
      return why === undefined ? [] : [{ member: name, why }]
    },
  )
  const [first] = due
  if (first === undefined) return none
  const follows = (name: string): boolean =>
    heard.some((each) => each.member === name && isBack(each, lead, record.epoch))
  const missing = others.filter((name) => !follows(name))
  // Who is back counts again among those that acknowledge, before another one leaves: by one set.
  const isChanging = acks.acksToRecord !== undefined || acks.acksToOrder !== undefined
  const isSettled = record.acks.length === 1 && !isChanging
  if (missing.length > 0 || !isSettled) return { ...none, due, missing }
  // The turn of one that may be due as well could be before that of this one, or meanwhile.
  const reviewed = heard.flatMap(({ member, inReview }) =>
    inReview === true && others.includes(member) ? [member] : [],
  )
  if (reviewed.length > 0) return { ...none, due, missing: reviewed }
  if (first.member !== lead.member) return { ...none, due, replica: first.member }
  const fit = others.find((name) =>
    heard.some(({ member, unfit }) => member === name && unfit === undefined),
  )
  return { ...none, due, heir: others.length === 0 ? lead.member : fit }
}

/** It follows, and lacks no more than what is on its way. */
const isBack = (
  { server, upstream, epoch, diverged, lag, busy }: MemberSighting,
  lead: MemberSighting,
  at: number,
): boolean =>
  server === 'replica' &&
  upstream === lead.member &&
  epoch === at &&
  !diverged &&
  busy === undefined &&
  (lag === undefined || lag <= nearWithin)

/** Whether all that an operator named have been started anew, and are back. */
export function areRestarted(
  { record, wish, members }: DatabaseObservation,
  { members: named, id }: Restart,
): boolean {
  const { phase } = record
  if (phase.kind !== 'serving') return false
  const isWell = ({ member, upstream, server }: MemberSighting): boolean =>
    member === phase.primary ? server === 'primary' : upstream === phase.primary
  return named
    .filter((name) => wish.members.includes(name))
    .every((name) =>
      members.some((each) => each.member === name && each.restartedFor === id && isWell(each)),
    )
}
