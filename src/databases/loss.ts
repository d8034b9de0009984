// Is a primary lost, and could another take its place? What several witnesses agree on. Pure.

import { type Instant, later, type Milliseconds, ms, since } from '../foundation/time.ts'
import { never } from './blank-sight.ts'
import { shortage, standsAlone, wasNear } from './election.ts'
import type { DatabaseObservation, DatabaseRecord, MemberSighting } from './model.ts'
import { reaches, tailOf } from './position.ts'

/** Why a primary has to be replaced. Each has a bound of its own (`budget.ts`). */
export type Loss =
  /** Its keeper says that its server has ended. */
  | 'server-died'
  /** Its keeper is there, but the server answers nobody, or cannot write. */
  | 'server-hung'
  /** It cannot write for want of room, and another one could. */
  | 'disk-full'
  /** It is there, but not for its replicas, though these could do without it. */
  | 'replicas-cut-off'
  /** Nobody hears it: not we its keeper, and not its replicas it. */
  | 'machine-lost'

/** Whether a server's process is there. */
export const runs = ({ server }: Pick<MemberSighting, 'server'>): boolean =>
  server === 'primary' || server === 'replica' || server === 'starting'

/** As its keeper saw it when it was last heard: that it is silent since says nothing. */
export const hears = (
  replica: MemberSighting,
  lead: MemberSighting | undefined,
  bound: Milliseconds,
): boolean =>
  lead !== undefined &&
  replica.upstream === lead.member &&
  replica.receivedAt !== undefined &&
  since(replica.receivedAt, replica.heard) < bound

/** Why `lead` is lost, if it is; `vouchers` are replicas that hear one whose keeper is silent. */
export function lossOf(
  lead: MemberSighting,
  isHeard: boolean,
  heard: readonly MemberSighting[],
  seen: DatabaseObservation,
  vouchers: readonly string[],
): Loss | undefined {
  const { now, wish, record, listeningSince = never } = seen
  const { hung, silence } = wish.bounds
  // Its keeper begins with whoever decides, and was not heard yet.
  if (lead.heard === never && since(listeningSince, now) < silence) return undefined
  if (!isHeard) return vouchers.length === 0 ? 'machine-lost' : undefined
  if (!runs(lead)) return 'server-died'
  // Somebody has made a replica of it, or a new server: it serves at this epoch no more.
  if (record.phase.kind !== 'promoting' && lead.server === 'replica') return 'server-died'
  // Without room it could not even promise to stop: it is left alone unless another one is able.
  const isFull = lead.unfit !== undefined && lead.failingSince !== undefined
  if (isFull) return couldReplace(lead, heard, record) ? 'disk-full' : undefined
  const isLong = (at: Instant | undefined, bound: number): boolean =>
    at !== undefined && since(at, now) >= bound
  if (lead.failingSince === undefined && lead.waitingSince === undefined) return undefined
  const isFailing = isLong(lead.failingSince, hung)
  const isMissed = lacksReceivers(lead, heard, seen)
  if (isFailing && (lead.received === undefined || !isMissed)) return 'server-hung'
  if (!isMissed || !(isFailing || isLong(lead.waitingSince, hung))) return undefined
  // Those that follow for the first time are given time to come to it.
  const began = lead.failingSince ?? lead.waitingSince ?? now
  const followedSince = isLong(began, 2 * hung) ? undefined : later(began, ms(-wish.bounds.silence))
  return areCutOff(lead, heard, record, followedSince) ? 'replicas-cut-off' : undefined
}

/** Whether fewer members of its set receive from it than have to acknowledge a write. */
export function lacksReceivers(
  lead: MemberSighting,
  heard: readonly MemberSighting[],
  { wish }: DatabaseObservation,
): boolean {
  if (lead.acks === undefined || lead.acks.needed === 0) return false
  const { members, needed } = lead.acks
  let receiving = 0
  for (const each of heard) {
    if (hears(each, lead, wish.bounds.silence) && members.includes(each.member)) receiving += 1
  }
  return receiving < needed
}

/**
 * It waits for acknowledgements. Another one need not, if some of the others could prove that they
 * lack nothing, and there are enough of them to acknowledge. `followedSince`: only of those that
 * have followed it, and heard from it since then.
 */
function areCutOff(
  lead: MemberSighting,
  heard: readonly MemberSighting[],
  record: DatabaseRecord,
  followedSince: Instant | undefined,
): boolean {
  const { needed = 0 } = lead.acks ?? {}
  const able = ableBeside(lead, heard, record).filter(({ server }) => server === 'replica')
  if (followedSince !== undefined) {
    const followed = able.filter(
      ({ epoch, receivedAt }) =>
        epoch === record.epoch && receivedAt !== undefined && receivedAt >= followedSince,
    )
    return followed.length > needed && canProve(followed, record)
  }
  const others = heard.filter((each) => each !== lead && each.server !== 'broken')
  const told = able.filter(({ promised }) => promised >= record.epoch)
  return others.length > needed && canProve(told, record)
}

/** Who has lost nothing, has room, and could be elected or stand for one that is. */
const ableBeside = (
  lead: MemberSighting,
  heard: readonly MemberSighting[],
  record: DatabaseRecord,
): readonly MemberSighting[] =>
  heard.filter(
    (each) =>
      each !== lead &&
      !['absent', 'broken'].includes(each.server) &&
      !each.diverged &&
      !each.forgot &&
      each.unfit === undefined &&
      isCommon(each, record),
  )

/** What it has beyond the common history, if anything, parts from it where the primary began. */
function isCommon({ received, epoch }: MemberSighting, record: DatabaseRecord): boolean {
  if (received === undefined) return true
  const tail = tailOf(received, epoch, record)
  return tail.kind === 'none' || (tail.kind !== 'unknown' && reaches(tail.from, record.floor))
}

/** Whether one of `able` could be shown to have everything, once all of them have stopped. */
function canProve(able: readonly MemberSighting[], record: DatabaseRecord): boolean {
  const hasFloor = able.some((e) => e.received === undefined || reaches(e.received, record.floor))
  return hasFloor && shortage(record, new Set(able.map(({ member }) => member))) === undefined
}

const couldReplace = (
  lead: MemberSighting,
  heard: readonly MemberSighting[],
  record: DatabaseRecord,
): boolean => {
  const able = ableBeside(lead, heard, record)
  if (standsAlone(record)) return able.some(({ member }) => wasNear(record, member))
  return canProve(able, record)
}

/**
 * To depose one that nobody hears while too few others are heard would end what may still serve,
 * and replace it by nobody. One that is heard can itself be elected again.
 */
export function isReplaceable(
  loss: Loss,
  heard: readonly MemberSighting[],
  record: DatabaseRecord,
): boolean {
  if (loss !== 'machine-lost') return true
  const able = heard.filter(
    (each) => !['absent', 'broken'].includes(each.server) && !each.diverged && !each.forgot,
  )
  if (record.phase.kind !== 'serving' && record.phase.kind !== 'handing-over') return true
  if (standsAlone(record)) return able.some(({ member }) => wasNear(record, member))
  return canProve(able, record)
}
