// Who may be promoted, and what is missing before anybody may? Pure.

import type { AckSet, DatabaseRecord, DatabaseWish, MemberSighting, Position } from './model.ts'
import { comparePositions, reaches, tailOf } from './position.ts'
import { neededFor, type Shortage, setSizeMost, shortageOf } from './quorum.ts'

/** A member that has promised an epoch on disk, receives from nobody, and has said what it has. */
export interface Stopped {
  readonly sighting: MemberSighting
  readonly position: Position
  /** Its keeper was heard lately: it can be promoted. */
  readonly heard: boolean
  /** It has what is no part of the common history: it proves nothing of what others have. */
  readonly isAstray: boolean
  /** Up to where it has the common history; `undefined` where nobody can say. */
  readonly sharedTo: Position | undefined
}

/** How an election stands. */
export interface Election {
  readonly winner: Stopped | undefined
  /** Those whose stop proves that the winner has all that was acknowledged. */
  readonly confirmed: readonly Stopped[]
  /** Members that would have to stop as well. */
  readonly short: Shortage | undefined
}

/** No election: there is a primary. */
export const noElection: Election = { winner: undefined, confirmed: [], short: undefined }

/**
 * Those that have stopped for `record.epoch`. A promise lies on disk, so it holds also while nobody
 * hears its giver.
 */
export function stoppedOf(
  members: readonly MemberSighting[],
  record: DatabaseRecord,
  isHeard: (member: MemberSighting) => boolean,
): readonly Stopped[] {
  return members.flatMap((sighting) => {
    const { received: position } = sighting
    if (position === undefined || !hasStopped(sighting, record.epoch)) return []
    const sharedTo = sharedBy(sighting, position, record)
    const isAstray = sharedTo !== position
    return [{ sighting, position, heard: isHeard(sighting), isAstray, sharedTo }]
  })
}

function sharedBy(
  { epoch, diverged }: MemberSighting,
  position: Position,
  record: DatabaseRecord,
): Position | undefined {
  const tail = tailOf(position, epoch, record)
  if (diverged || tail.kind === 'unknown') return undefined
  return tail.kind === 'none' ? position : tail.from
}

const hasStopped = (member: MemberSighting, epoch: number): boolean =>
  member.promised >= epoch &&
  member.upstream === undefined &&
  member.server !== 'primary' &&
  member.server !== 'broken'

/**
 * Best of those that have all that was acknowledged; else one that went on from where the last
 * primary began, if that one has been followed by nobody; else the furthest, and what it lacks; of
 * those with a tail of their own only if there are no others.
 */
export function electionOf(
  stopped: readonly Stopped[],
  record: DatabaseRecord,
  wish: DatabaseWish,
): Election {
  const common = stopped.filter(({ isAstray }) => !isAstray)
  const standingOf = (winner: Stopped): Election => {
    const confirmed = stopped.filter(
      (each) => each === winner || (!each.isAstray && reaches(winner.position, each.position)),
    )
    return { winner, confirmed, short: shortage(record, holders(confirmed, record)) }
  }
  const standings = common.filter(({ heard }) => heard).map(standingOf)
  const reaching = standings.filter(({ winner }) => hasFloor(winner, record))
  const eligible = reaching.filter(({ short }) => short === undefined)
  if (eligible.length > 0) return first(eligible, comparing(record, wish))
  const returned = stopped.filter((each) => each.heard && wentOn(each, record)).map(standingOf)
  const able = returned.filter(({ short }) => short === undefined)
  if (able.length > 0) return first(able, furthest)
  if (reaching.length > 0) return first(reaching, furthest)
  // What the last primary began with is on none of these: it has to come back.
  const short = shortage(record, new Set()) ?? belowFloor(record)
  if (standings.length > 0) return { ...first(standings, furthest), short }
  const others = stopped
    .filter(({ heard }) => heard)
    .map((winner): Election => ({ winner, confirmed: [], short }))
  return others.length > 0 ? first(others, furthest) : { winner: undefined, confirmed: [], short }
}

/**
 * It has all that the last primary began with, and more: what it wrote at an epoch before. That was
 * not acknowledged, and may become part of the history again unless something of the epoch after it
 * was: those that have stopped show that, since whoever has any of it is on a later line.
 */
const wentOn = ({ isAstray, sharedTo }: Stopped, { floor }: DatabaseRecord): boolean =>
  isAstray && sharedTo !== undefined && reaches(sharedTo, floor)

const hasFloor = (winner: Stopped | undefined, { floor }: DatabaseRecord): boolean =>
  winner !== undefined && reaches(winner.position, floor)

const belowFloor = ({ phase }: DatabaseRecord): Shortage => {
  const from = phase.kind === 'electing' ? phase.from : undefined
  return { missing: 1, of: from === undefined ? [] : [from] }
}

type Order = (a: Stopped, b: Stopped) => number

const furthest: Order = (a, b) => comparePositions(b.position, a.position)

const first = (elections: readonly Election[], compare: Order): Election =>
  elections.reduce((best, each) =>
    best.winner !== undefined && each.winner !== undefined && compare(best.winner, each.winner) > 0
      ? each
      : best,
  )

/**
 * What speaks against a member, less is better: whoever was asked for comes first, then whoever is
 * wished for at all, is fit, was not lost while it was promoted, and was not primary just before.
 */
export function burdenOf(
  { member, unfit }: MemberSighting,
  { phase }: DatabaseRecord,
  { members }: DatabaseWish,
): number {
  const electing = phase.kind === 'electing' ? phase : undefined
  return (
    (member === electing?.prefer ? -16 : 0) +
    (members.includes(member) ? 0 : 8) +
    (unfit === undefined ? 0 : 4) +
    (member === electing?.avoid ? 2 : 0) +
    (member === electing?.from ? 1 : 0)
  )
}

/** By burden; of equals the furthest; of these the first in the file. */
function comparing(record: DatabaseRecord, wish: DatabaseWish): Order {
  const burden = ({ sighting }: Stopped): number => burdenOf(sighting, record, wish)
  const rank = ({ sighting: { member } }: Stopped): number => wish.members.indexOf(member)
  return (a, b) => burden(a) - burden(b) || furthest(a, b) || rank(a) - rank(b)
}

/**
 * Who has all that it ever acknowledged: what one has forgotten, it proves nothing about. Where
 * nobody knows who was primary all are asked; that one is among them, and forgets nothing.
 */
function holders(confirmed: readonly Stopped[], record: DatabaseRecord): ReadonlySet<string> {
  const { phase } = record
  const isAll = phase.kind === 'electing' && phase.from === undefined
  return new Set(
    confirmed
      .filter(({ sighting }) => isAll || !(sighting.forgot || isRestored(sighting, record)))
      .map(({ sighting }) => sighting.member),
  )
}

/** Its data were made of a backup: it took part in nothing of what there was before. */
function isRestored({ epoch }: MemberSighting, { proofs, phase }: DatabaseRecord): boolean {
  // What was restored before, and has begun, was the only one that was recorded.
  const tried = phase.kind === 'electing' ? phase.tried : undefined
  const hasBegun = proofs.length > 0 || tried?.some(({ restored }) => restored !== undefined)
  return epoch === 0 && hasBegun === true
}

/** Nothing is missing when the old primary itself is among them: it has all it acknowledged. */
export function shortage(
  record: DatabaseRecord,
  confirmed: ReadonlySet<string>,
): Shortage | undefined {
  const { phase, acks } = record
  const from = phase.kind === 'electing' ? phase.from : undefined
  if (from !== undefined && confirmed.has(from)) return undefined
  for (const set of acks) {
    const short = shortageOf(set, confirmed)
    if (short !== undefined) return from === undefined ? short : { ...short, instead: from }
  }
  return undefined
}

/**
 * By whom a new primary's writes are to be acknowledged at first: by those that have just
 * confirmed, if they are enough. Members that are away join when they are back.
 */
export function firstAcks(
  winner: string,
  confirmed: readonly string[],
  wish: DatabaseWish,
): AckSet {
  const needed = wantedAcks(wish)
  const present = confirmed.filter((each) => each !== winner)
  if (needed === 0) return { members: present, needed }
  const others = wish.members.filter((each) => each !== winner)
  const from = present.length >= needed ? present : others
  return { members: from.slice(0, setSizeMost(wish.members.length, needed)), needed }
}

/** How many have to acknowledge a write, as the file has it and the engine can. */
export const wantedAcks = ({ durability, members, ackMost }: DatabaseWish): number =>
  durability === 'async' ? 0 : neededFor(members.length, ackMost)

/** Whether writes of this record's epoch may be acknowledged by the primary alone. */
export const standsAlone = (record: DatabaseRecord): boolean =>
  record.acks.some(({ needed }) => needed === 0)

/** Whether it was near the primary when that was last seen: others may be of any age. */
export const wasNear = (record: DatabaseRecord, member: string): boolean =>
  record.acks.some(({ members }) => members.includes(member))

/** Whether the winner has at least what one of those has that were near. */
export const reachesNear = ({ confirmed }: Election, record: DatabaseRecord): boolean =>
  confirmed.some(({ sighting }) => wasNear(record, sighting.member))
