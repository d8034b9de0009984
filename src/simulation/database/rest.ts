// Is all steady, and would it be decided so again? Then a life need not ask: that takes longest.

import { leadOf } from '../../databases/facts.ts'
import type { DatabaseObservation, MemberSighting } from '../../databases/model.ts'
import { ms, since } from '../../foundation/time.ts'

/** Younger than any bound of a life: as far as the rules can tell, it was just now. */
const young = ms(500)

/**
 * Whether nothing that was seen when `rule` decided can change it but what `stays` compares: all
 * members follow, all has come lately, and nothing is asked for or under way.
 */
export function isRest(seen: DatabaseObservation, rule: string): boolean {
  const { record, wish, request } = seen
  const lead = leadOf(record)
  if (rule !== 'steady' || request !== undefined || record.acks.length !== 1) return false
  if (lead === undefined || !wish.members.includes(lead)) return false
  return isYoung(seen, lead)
}

function isYoung({ members, now, wish }: DatabaseObservation, lead: string): boolean {
  let following = 0
  for (const each of members) {
    if (since(each.heard, now) >= young || each.unfit !== undefined) return false
    if (each.failingSince !== undefined || each.waitingSince !== undefined) return false
    if (each.member === lead || !wish.members.includes(each.member)) continue
    if (each.upstream !== lead || each.receivedAt === undefined) return false
    if (since(each.receivedAt, now) >= young) return false
    following += 1
  }
  return following === wish.members.length - 1
}

/** Whether the rules would decide now as they did when `then` was seen, which was a rest. */
export function stays(then: DatabaseObservation, seen: DatabaseObservation): boolean {
  const { record, members } = seen
  if (then.record !== record || then.wish !== seen.wish) return false
  if (then.paused !== seen.paused || then.request !== seen.request) return false
  if (then.members.length !== members.length) return false
  for (let at = 0; at < members.length; at += 1) {
    if (!isAlike(then.members[at] as MemberSighting, members[at] as MemberSighting)) return false
  }
  return isYoung(seen, leadOf(record) ?? '')
}

/** Alike in all but when it was heard, and how far it has come. */
const isAlike = (a: MemberSighting, b: MemberSighting): boolean =>
  a === b ||
  (a.member === b.member &&
    a.server === b.server &&
    a.epoch === b.epoch &&
    a.promised === b.promised &&
    a.writable === b.writable &&
    a.upstream === b.upstream &&
    a.acks === b.acks &&
    a.acksVersion === b.acksVersion &&
    a.acksSince === b.acksSince &&
    a.diverged === b.diverged &&
    a.forgot === b.forgot &&
    a.copiedFor === b.copiedFor &&
    a.restoredAt === b.restoredAt &&
    a.restartedFor === b.restartedFor &&
    a.outdated === b.outdated &&
    a.busy === b.busy &&
    a.lag === b.lag &&
    (a.received === undefined) === (b.received === undefined))
