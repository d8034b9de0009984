// By whom should a primary's writes be acknowledged, and what is the next step on the way? Pure.

import { since } from '../foundation/time.ts'
import { wantedAcks } from './election.ts'
import type { AckSet, DatabaseObservation, MemberSighting, Position } from './model.ts'
import { reaches } from './position.ts'
import { nextAcks, sameForce, setSizeMost } from './quorum.ts'

/** While serving: the sets to record next, or else the one to ask of the server. */
export interface AcksFacts {
  readonly acksToRecord: readonly AckSet[] | undefined
  readonly acksToOrder: AckSet | undefined
}

/** Nothing is to be done about sets. */
export const noAcksFacts: AcksFacts = { acksToRecord: undefined, acksToOrder: undefined }

/** The next step towards the set by which `lead` should acknowledge. */
export function acksOf(
  seen: DatabaseObservation,
  heard: readonly MemberSighting[],
  lead: MemberSighting | undefined,
): AcksFacts {
  const { record } = seen
  if (lead?.acks === undefined) return noAcksFacts
  const enforced = {
    acks: lead.acks,
    version: lead.acksVersion,
    caughtUp: hasCaughtUp(lead.acks, lead.acksSince, seen.members),
  }
  const goal = ackGoalOf(seen, heard, lead.member)
  const acksToRecord = nextAcks(record.acks, enforced, goal, record.version)
  const last = record.acks.at(-1)
  const isInForce =
    last !== undefined &&
    sameForce(last, enforced.acks) &&
    (record.acks.length === 1 || enforced.version >= record.version)
  return { acksToRecord, acksToOrder: isInForce ? undefined : last }
}

/** Whether as many of `set` as have to acknowledge have everything up to `mark`. */
function hasCaughtUp(
  set: AckSet,
  mark: Position | undefined,
  members: readonly MemberSighting[],
): boolean {
  if (mark === undefined) return false
  let near = 0
  for (const { member, received, diverged } of members) {
    if (diverged || received === undefined || !reaches(received, mark)) continue
    if (set.members.includes(member)) near += 1
  }
  return near >= set.needed
}

/**
 * Who should acknowledge: all replicas that receive, and those that have been away for less than
 * patience lasts; never fewer than have to, so that writes wait rather than stand alone. Where
 * nobody has to, it is who may take over: a member that has been away is not among them.
 */
function ackGoalOf(
  seen: DatabaseObservation,
  heard: readonly MemberSighting[],
  primary: string,
): AckSet {
  const { wish, record, request } = seen
  const needed = wantedAcks(wish)
  const last = record.acks.at(-1) ?? { members: [], needed: 0 }
  const isNear = (name: string): boolean =>
    heard.some((e) => e.member === name && e.upstream === primary && !e.diverged) ||
    (last.members.includes(name) && !isLate(name, seen))
  const present = wish.members.filter((name) => name !== primary && isNear(name))
  // Whose data is to be copied anew leaves the set before, as does who has no room: if the others
  // are enough.
  const leaving = request?.kind === 'reinit' ? request.member : undefined
  const isFull = (name: string): boolean =>
    heard.some(({ member, unfit }) => member === name && unfit !== undefined)
  const staying = present.filter((name) => name !== leaving && !isFull(name))
  const able = staying.length >= needed ? staying : present
  if (able.length < needed) return last
  return { members: chosen(able, last, setSizeMost(wish.members.length, needed)), needed }
}

function isLate(name: string, { members, now, wish }: DatabaseObservation): boolean {
  const last = members.find(({ member }) => member === name)?.receivedAt
  return last === undefined || since(last, now) >= wish.bounds.ackPatience
}

/** Who is in a set stays in it, as long as there is room for some only. */
function chosen(able: readonly string[], last: AckSet, most: number): readonly string[] {
  if (able.length <= most) return able
  const old = able.filter((name) => last.members.includes(name))
  const others = able.filter((name) => !last.members.includes(name))
  const kept = new Set([...old, ...others].slice(0, most))
  return able.filter((name) => kept.has(name))
}
