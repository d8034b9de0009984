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
  /** It has what is no part of the common history: it proves nothing, and is a last resort. */
  readonly isAstray: boolean
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
    if (position === undefined || sighting.diverged || !hasStopped(sighting, record.epoch))
      return []
    const isAstray = tailOf(position, sighting.epoch, record).kind !== 'none'
    return [{ sighting, position, heard: isHeard(sighting), isAstray }]
  })
}

const hasStopped = (member: MemberSighting, epoch: number): boolean =>
  member.promised >= epoch &&
  member.upstream === undefined &&
  member.server !== 'primary' &&
  member.server !== 'broken'

/**
 * Best of those that have all that was acknowledged; else the furthest, and what it lacks; of those
 * with a tail of their own only if there are no others.
 */
export function electionOf(
  stopped: readonly Stopped[],
  record: DatabaseRecord,
  wish: DatabaseWish,
): Election {
  const common = stopped.filter(({ isAstray }) => !isAstray)
  const standings = common
    .filter(({ heard }) => heard)
    .map((winner): Election => {
      const confirmed = common.filter((each) => reaches(winner.position, each.position))
      return { winner, confirmed, short: shortage(record, holders(confirmed, record)) }
    })
  const reaching = standings.filter(({ winner }) => hasFloor(winner, record))
  const eligible = reaching.filter(({ short }) => short === undefined)
  if (eligible.length > 0) return first(eligible, comparing(record, wish))
  if (reaching.length > 0) return first(reaching, furthest)
  // What the last primary began with is on none of these: it has to come back.
  const short = shortage(record, new Set()) ?? belowFloor(record)
  if (standings.length > 0) return { ...first(standings, furthest), short }
  const others = stopped
    .filter(({ heard }) => heard)
    .map((winner): Election => ({ winner, confirmed: [], short }))
  return others.length > 0 ? first(others, furthest) : { winner: undefined, confirmed: [], short }
}

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
 * Whoever was asked for, then whoever is fit, was not primary just before and is wished for at
 * all; of these the furthest; of equals the first in the file.
 */
function comparing({ phase }: DatabaseRecord, { members }: DatabaseWish): Order {
  const electing = phase.kind === 'electing' ? phase : undefined
  const burden = ({ sighting: { member, unfit } }: Stopped): number =>
    (member === electing?.prefer ? -16 : 0) +
    (members.includes(member) ? 0 : 8) +
    (unfit === undefined ? 0 : 4) +
    (member === electing?.avoid ? 2 : 0) +
    (member === electing?.from ? 1 : 0)
  const rank = ({ sighting: { member } }: Stopped): number => members.indexOf(member)
  return (a, b) => burden(a) - burden(b) || furthest(a, b) || rank(a) - rank(b)
}

/**
 * Who has all that it ever acknowledged: what one has forgotten, it proves nothing about. Where
 * nobody knows who was primary all are asked; that one is among them, and forgets nothing.
 */
function holders(confirmed: readonly Stopped[], { phase }: DatabaseRecord): ReadonlySet<string> {
  const isAll = phase.kind === 'electing' && phase.from === undefined
  return new Set(
    confirmed
      .filter(({ sighting }) => isAll || !sighting.forgot)
      .map(({ sighting }) => sighting.member),
  )
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
export const reachesNear = ({ winner, confirmed }: Election, record: DatabaseRecord): boolean =>
  confirmed.some(
    (each) =>
      wasNear(record, each.sighting.member) && (each === winner || each.sighting.forgot !== true),
  )
