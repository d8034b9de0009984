// What follows from what was seen of one database: the questions that its rules ask. Pure.

import { type Instant, later, type Milliseconds, since } from '../foundation/time.ts'
import { type Election, electionOf, stoppedOf } from './election.ts'
import type {
  AckSet,
  DatabaseObservation,
  DatabaseRecord,
  MemberSighting,
  Position,
} from './model.ts'
import { reaches, type Tail, tailOf } from './position.ts'
import { neededFor, nextAcks, sameSet } from './quorum.ts'

/** Why a primary has to be replaced. Each has a bound of its own (`budget.ts`). */
export type Loss =
  /** Its keeper says that its server has ended. */
  | 'server-died'
  /** Its keeper is there, but writing through its own socket fails. */
  | 'server-hung'
  /** Nobody hears it: not we its keeper, and not its replicas it. */
  | 'machine-lost'

/** A member that should follow the primary and does not. */
export interface Astray {
  readonly member: MemberSighting
  /** What it has beyond the common history. */
  readonly tail: Tail
}

/** The observation, sorted for the rules. */
export interface DatabaseFacts {
  readonly seen: DatabaseObservation
  readonly record: DatabaseRecord
  /** Who is named by the phase: serves, hands over, or is to be promoted. */
  readonly lead: MemberSighting | undefined
  readonly leadHeard: boolean
  readonly loss: Loss | undefined
  /** Replicas that still hear a primary whose keeper nobody hears: a reason to leave it alone. */
  readonly vouchers: readonly string[]
  /** Keepers that were heard lately. */
  readonly heard: readonly MemberSighting[]
  /** Heard, and not stopped for this epoch. */
  readonly toFreeze: readonly MemberSighting[]
  /** They serve, or take writes, at an epoch that is over. */
  readonly stale: readonly MemberSighting[]
  readonly election: Election
  /** Until when an old primary that nobody has seen stop may believe that it is one. */
  readonly leaseUntil: Instant | undefined
  /** The last unplanned failover is too fresh, and no operator has seen it. */
  readonly cooling: boolean
  /** While serving: the sets to record next, or else the one to ask of the server. */
  readonly acksToRecord: readonly AckSet[] | undefined
  readonly acksToOrder: AckSet | undefined
  /** A planned move: its target, and how far that has come. */
  readonly target: Target | undefined
  readonly astray: readonly Astray[]
}

/** Who is to take over from the primary, as planned. */
export interface Target {
  readonly member: MemberSighting
  /** It receives from the primary, and is heard. */
  readonly fit: boolean
  /** The primary has stopped, and this one has all that it had. */
  readonly caughtUp: boolean
  readonly tooLate: boolean
}

const runs = ({ server }: MemberSighting): boolean =>
  server === 'primary' || server === 'replica' || server === 'starting'

/** Sorts an observation into facts. */
export function factsOf(seen: DatabaseObservation): DatabaseFacts {
  const { record, now, wish, members } = seen
  const { silence } = wish.bounds
  const isHeard = (each: MemberSighting): boolean => since(each.heard, now) < silence
  const heard = members.filter(isHeard)
  const lead = members.find(({ member }) => member === leadOf(record))
  const leadHeard = lead !== undefined && isHeard(lead)
  const vouchers = heard.filter((each) => hears(each, lead, now, silence)).map(nameOf)
  const stopped = stoppedOf(members, record, isHeard)
  const isStopped = new Set(stopped.map(({ sighting }) => sighting.member))
  return {
    seen,
    record,
    lead,
    leadHeard,
    vouchers,
    heard,
    loss: lead === undefined ? undefined : lossOf(lead, leadHeard, seen, vouchers),
    toFreeze: heard.filter((each) => !isStopped.has(each.member) && mayStop(each, record)),
    stale: heard.filter((each) => isStale(each, record)),
    election: electionOf(stopped, record, wish),
    leaseUntil: leaseEnd(seen, isStopped),
    cooling: isCooling(seen),
    ...acksOf(seen, heard, lead),
    target: targetOf(seen, heard, lead),
    astray: heard.filter((each) => isAstray(each, record)).map((each) => astray(each, record)),
  }
}

const nameOf = ({ member }: MemberSighting): string => member

/** Whom the phase names. */
export function leadOf({ phase }: DatabaseRecord): string | undefined {
  switch (phase.kind) {
    case 'serving':
      return phase.primary
    case 'promoting':
      return phase.winner
    case 'handing-over':
      return phase.from
    default:
      return undefined
  }
}

const hears = (
  replica: MemberSighting,
  lead: MemberSighting | undefined,
  now: Instant,
  bound: Milliseconds,
): boolean =>
  lead !== undefined &&
  replica.upstream === lead.member &&
  replica.receivedAt !== undefined &&
  since(replica.receivedAt, now) < bound

/** A loss is what several witnesses agree on. */
function lossOf(
  lead: MemberSighting,
  isHeard: boolean,
  { now, wish }: DatabaseObservation,
  vouchers: readonly string[],
): Loss | undefined {
  if (!isHeard) return vouchers.length === 0 ? 'machine-lost' : undefined
  if (!runs(lead)) return 'server-died'
  const failing = lead.failingSince
  const isHung = failing !== undefined && since(failing, now) >= wish.bounds.hung
  return isHung ? 'server-hung' : undefined
}

/** An empty member has nothing to stop; one with a tail of its own is no part of an election. */
const mayStop = (member: MemberSighting, record: DatabaseRecord): boolean =>
  member.server !== 'absent' &&
  (member.received === undefined || tailOf(member.received, member.epoch, record).kind === 'none')

/** Serves, or takes writes, without being the one whom the record names at its epoch. */
function isStale(member: MemberSighting, record: DatabaseRecord): boolean {
  if (!runs(member) || (member.server !== 'primary' && !member.writable)) return false
  if (member.member !== leadOf(record)) return true
  return member.epoch < record.epoch && record.phase.kind !== 'promoting'
}

function leaseEnd(
  { record, members, wish, now }: DatabaseObservation,
  stopped: ReadonlySet<string>,
): Instant | undefined {
  const { phase } = record
  if (phase.kind !== 'electing' || phase.from === undefined || stopped.has(phase.from)) {
    return undefined
  }
  const last = members.find(({ member }) => member === phase.from)
  if (last === undefined) return undefined
  const until = later(last.heard, wish.bounds.lease)
  return until > now ? until : undefined
}

const isCooling = ({ record, wish, now }: DatabaseObservation): boolean =>
  record.lastFailover !== undefined && since(record.lastFailover, now) < wish.bounds.coolDown

function isAstray(member: MemberSighting, record: DatabaseRecord): boolean {
  const lead = leadOf(record)
  if (lead === undefined || member.member === lead || member.server === 'broken') return false
  return member.upstream !== lead || member.epoch < record.epoch || member.diverged
}

const astray = (member: MemberSighting, record: DatabaseRecord): Astray => ({
  member,
  tail: member.diverged
    ? { kind: 'unknown' }
    : member.received === undefined
      ? { kind: 'none' }
      : tailOf(member.received, member.epoch, record),
})

function acksOf(
  seen: DatabaseObservation,
  heard: readonly MemberSighting[],
  lead: MemberSighting | undefined,
): Pick<DatabaseFacts, 'acksToRecord' | 'acksToOrder'> {
  const { record } = seen
  const nothing = { acksToRecord: undefined, acksToOrder: undefined }
  if (record.phase.kind !== 'serving' || lead?.acks === undefined) return nothing
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
    sameSet(last, enforced.acks) &&
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
  const near = members.filter(
    ({ member, received, diverged }) =>
      set.members.includes(member) &&
      !diverged &&
      received !== undefined &&
      reaches(received, mark),
  )
  return near.length >= set.needed
}

function targetOf(
  { record, request, now, wish, members }: DatabaseObservation,
  heard: readonly MemberSighting[],
  lead: MemberSighting | undefined,
): Target | undefined {
  const { phase } = record
  const asked = request?.kind === 'switchover' ? request.to : undefined
  const name = phase.kind === 'handing-over' ? phase.to : asked
  const member = members.find((each) => each.member === name)
  if (member === undefined || lead === undefined || member === lead) return undefined
  const hasAll =
    member.received !== undefined &&
    lead.received !== undefined &&
    reaches(member.received, lead.received)
  return {
    member,
    fit: heard.includes(member) && member.upstream === lead.member && !member.diverged,
    caughtUp: lead.server === 'stopped' && hasAll,
    tooLate: phase.kind === 'handing-over' && since(phase.since, now) >= wish.bounds.handOver,
  }
}

/**
 * Who should acknowledge: all replicas that receive, and those that have been away for less than
 * patience lasts; never fewer than have to, so that writes wait rather than stand alone.
 */
function ackGoalOf(
  seen: DatabaseObservation,
  heard: readonly MemberSighting[],
  primary: string,
): AckSet {
  const { wish, record, now, members } = seen
  const needed = wish.durability === 'quorum' ? neededFor(wish.members.length) : 0
  const last = record.acks.at(-1)
  if (needed === 0 || last === undefined) return { members: [], needed: 0 }
  const isLate = (name: string): boolean => {
    const last = members.find(({ member }) => member === name)?.receivedAt
    return last === undefined || since(last, now) >= wish.bounds.ackPatience
  }
  const present = wish.members.filter(
    (name) =>
      heard.some((each) => each.member === name && each.upstream === primary) ||
      (last.members.includes(name) && !isLate(name)),
  )
  return present.length >= needed ? { members: present, needed } : last
}
