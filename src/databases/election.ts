// Who may be promoted, and what is missing before anybody may? Pure.

import type { AckSet, DatabaseRecord, DatabaseWish, MemberSighting, Position } from './model.ts'
import { comparePositions, reaches, tailOf } from './position.ts'
import { neededFor, type Shortage, shortageOf } from './quorum.ts'

/** A member that has promised an epoch on disk, receives from nobody, and has said what it has. */
export interface Stopped {
  readonly sighting: MemberSighting
  readonly position: Position
  /** Its keeper was heard lately: it can be promoted. */
  readonly heard: boolean
}

/** How an election stands. */
export interface Election {
  readonly winner: Stopped | undefined
  /** Those whose stop proves that the winner has all that was acknowledged. */
  readonly confirmed: readonly Stopped[]
  /** Members that would have to stop as well. */
  readonly short: Shortage | undefined
}

/**
 * Those that have stopped for `record.epoch` with the common history and nothing beside it. A
 * promise lies on disk, so it holds also while nobody hears its giver.
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
    if (tailOf(position, sighting.epoch, record).kind !== 'none') return []
    return [{ sighting, position, heard: isHeard(sighting) }]
  })
}

const hasStopped = (member: MemberSighting, epoch: number): boolean =>
  member.promised >= epoch && member.upstream === undefined && member.server !== 'primary'

/** The furthest that can be promoted, of equals the first in the file, and what that proves. */
export function electionOf(
  stopped: readonly Stopped[],
  record: DatabaseRecord,
  wish: DatabaseWish,
): Election {
  const { phase } = record
  const prefer = phase.kind === 'electing' ? phase.prefer : undefined
  const rank = ({ sighting: { member } }: Stopped): number =>
    member === prefer ? -1 : wish.members.indexOf(member)
  const [winner] = stopped
    .filter((each) => each.heard && reaches(each.position, record.floor))
    .toSorted((a, b) => comparePositions(b.position, a.position) || rank(a) - rank(b))
  const confirmed =
    winner === undefined ? [] : stopped.filter((each) => reaches(winner.position, each.position))
  const names = new Set(confirmed.map(({ sighting }) => sighting.member))
  return { winner, confirmed, short: shortage(record, names) }
}

/** Nothing is missing when the old primary itself is among them: it has all it acknowledged. */
function shortage(record: DatabaseRecord, confirmed: ReadonlySet<string>): Shortage | undefined {
  const { phase, acks } = record
  const from = phase.kind === 'electing' ? phase.from : undefined
  if (from !== undefined && confirmed.has(from)) return undefined
  for (const set of acks) {
    const short = shortageOf(set, confirmed)
    if (short !== undefined) return short
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
  const needed = wish.durability === 'async' ? 0 : neededFor(wish.members.length)
  if (needed === 0) return { members: [], needed: 0 }
  const present = confirmed.filter((each) => each !== winner)
  const others = wish.members.filter((each) => each !== winner)
  return { members: present.length >= needed ? present : others, needed }
}

/** Whether writes of this record's epoch may be acknowledged by the primary alone. */
export const standsAlone = (record: DatabaseRecord): boolean =>
  record.acks.some(({ needed }) => needed === 0)
