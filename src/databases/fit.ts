// Who could take over from a primary as planned, and who should? Pure.

import { ms, since } from '../foundation/time.ts'
import type { DatabaseObservation, MemberSighting } from './model.ts'
import { comparePositions, reaches } from './position.ts'

/** Who is to take over from the primary, as planned. */
export interface Target {
  readonly member: MemberSighting
  /** It receives from the primary, and is heard. */
  readonly fit: boolean
  /** The primary has stopped, and this one has all that it had, as far as it can be seen. */
  readonly caughtUp: boolean
  readonly tooLate: boolean
  /** No reads are left on it that its promotion would cut off, or they have had their time. */
  readonly free: boolean
}

/** Whoever leads reads has heard by then that they should go elsewhere. */
const heardWithin = ms(250)
/** So long reads under way on a member that is to take over may take to end. */
const readsEndWithin = ms(5000)

/** Whether a member that is heard follows `primary`, and could take its place. */
export const isFit = (
  { upstream, diverged, unfit }: MemberSighting,
  primary: string | undefined,
): boolean => primary !== undefined && upstream === primary && !diverged && unfit === undefined

/** Those of `heard` that could take over from `primary`, the one that has most first. */
export const fitOnes = (
  heard: readonly MemberSighting[],
  primary: string | undefined,
): readonly MemberSighting[] => heard.filter((each) => isFit(each, primary)).toSorted(further)

const further = (a: MemberSighting, b: MemberSighting): number =>
  a.received === undefined || b.received === undefined
    ? Number(a.received === undefined) - Number(b.received === undefined)
    : comparePositions(b.received, a.received)

/**
 * The planned move that is under way, or should be. `heir` is whom the primary hands over to for a
 * start of its server: itself, where there is nobody else.
 */
export function targetOf(
  seen: DatabaseObservation,
  heard: readonly MemberSighting[],
  lead: MemberSighting | undefined,
  heir: string | undefined,
): Target | undefined {
  const { phase } = seen.record
  if (lead === undefined || (phase.kind !== 'handing-over' && phase.kind !== 'serving')) return
  const name = phase.kind === 'handing-over' ? phase.to : (moveTo(seen, lead, heard) ?? heir)
  const isItself = name === lead.member
  if (name === undefined || (isItself && phase.kind === 'serving' && heir !== name))
    return undefined
  const member = seen.members.find((each) => each.member === name)
  if (member === undefined) return undefined
  const hasAll =
    lead.received === undefined ||
    (member.received !== undefined && reaches(member.received, lead.received))
  // The stream of the target ends when the old primary stops, and may be seen to before that is:
  // once a move is under way it takes the end of its time to call that a loss; or that the old one
  // has stopped, and had more.
  const hasEnded = phase.kind === 'handing-over' && member.upstream === undefined
  const isSoon =
    phase.kind === 'handing-over' && since(phase.since, seen.now) < seen.wish.bounds.silence
  const mayHaveAll = lead.server !== 'stopped' || hasAll || isSoon
  const isStillFit = hasEnded && mayHaveAll && !member.diverged && member.unfit === undefined
  return {
    member,
    fit: heard.includes(member) && (isItself || isFit(member, lead.member) || isStillFit),
    caughtUp: lead.server === 'stopped' && (isItself || hasAll),
    tooLate:
      phase.kind === 'handing-over' && since(phase.since, seen.now) >= seen.wish.bounds.handOver,
    // A primary without room hands over at once.
    free: isItself || lead.unfit !== undefined || isFree(seen, member),
  }
}

/** It was told to lead its reads elsewhere, and they have left, or had their time. */
function isFree({ record: { phase }, now }: DatabaseObservation, member: MemberSighting): boolean {
  const next = phase.kind === 'serving' ? phase.next : undefined
  if (next?.to !== member.member) return false
  const haveLeft = (member.clients ?? 0) === 0 && since(next.since, member.heard) >= heardWithin
  return haveLeft || since(next.since, now) >= readsEndWithin
}

/**
 * Whom an operator asked for; or any other, if the primary is no member of the file any more; or
 * the one that has most, if its disk is full.
 */
function moveTo(
  { request, wish }: DatabaseObservation,
  lead: MemberSighting,
  heard: readonly MemberSighting[],
): string | undefined {
  if (request?.kind === 'switchover') return request.to
  if (!wish.members.includes(lead.member)) {
    return wish.members.find((name) =>
      heard.some((each) => each.member === name && isFit(each, lead.member)),
    )
  }
  if (lead.unfit === undefined || wish.failover !== 'auto') return undefined
  return fitOnes(heard, lead.member).find(({ member }) => wish.members.includes(member))?.member
}
