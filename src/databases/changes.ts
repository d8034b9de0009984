// How does the record change: a new epoch, a promotion, one taken back, a beginning? Pure.

import { later } from '../foundation/time.ts'
import { firstAcks, type Stopped, standsAlone } from './election.ts'
import type { DatabaseFacts } from './facts.ts'
import type {
  DatabaseAction,
  DatabaseRecord,
  MemberSighting,
  Phase,
  Position,
  Proof,
  RestoreWish,
} from './model.ts'
import { origin, reaches } from './position.ts'

/** Writes down what has changed, under the next version. */
export const write = (
  f: DatabaseFacts,
  change: Partial<DatabaseRecord>,
): readonly DatabaseAction[] => [
  { kind: 'record', record: { ...f.record, ...change, version: f.record.version + 1 } },
]

/** Closes the epoch: whoever serves at it may not go on, and a new one is elected. */
export const elect = (f: DatabaseFacts, why: string, prefer?: string): readonly DatabaseAction[] =>
  write(f, {
    epoch: f.record.epoch + 1,
    phase: { kind: 'electing', from: f.lead?.member, since: f.seen.now, why, prefer },
  })

/** Why a new epoch begins with the same primary, when a planned move came to nothing. */
export const moveGivenUp = 'a planned move was given up'

/** The record is read and written as a whole: it may not grow for ever. */
const proofsMost = 64
const triedMost = 8

/** Why a new epoch begins when a primary has stopped for another one. */
const moved = 'a planned move'

/**
 * The old primary of a planned move has stopped, and says all that it has. It is no more than the
 * target has, which took part in its epoch: nobody else need be asked, and the target is promoted
 * at once. Where that cannot be said for certain it is elected.
 */
export function handOver(f: DatabaseFacts): readonly DatabaseAction[] {
  const { lead, leadHeard, target, heard, record, seen } = f
  const to = target?.member
  const isCertain =
    leadHeard &&
    target?.fit === true &&
    target.member.member !== lead?.member &&
    target.member.epoch === record.epoch &&
    target.member.forgot !== true
  if (!isCertain || lead?.received === undefined || to?.received === undefined) {
    return elect(f, moved, to?.member)
  }
  const proof: Proof = {
    ...{ epoch: record.epoch + 1, at: seen.now, from: lead.member, to: to.member, why: moved },
    acks: record.acks,
    confirmed: { [lead.member]: lead.received, [to.member]: to.received },
    ...{ start: to.received, floor: record.floor, acceptedLoss: false },
  }
  return write(f, promoting(f, proof, heard.filter(canFollow), { begun: [] }))
}

const canFollow = ({ server, diverged }: MemberSighting): boolean =>
  !['absent', 'broken'].includes(server) && !diverged

/** The winner is promoted, by the proof of its election. */
export function promotion(f: DatabaseFacts, acceptedLoss: boolean): readonly DatabaseAction[] {
  const { winner, confirmed } = f.election
  const { phase, epoch, acks } = f.record
  if (winner === undefined || phase.kind !== 'electing') return []
  const proof: Proof = {
    epoch: epoch + 1,
    at: f.seen.now,
    from: phase.from,
    to: winner.sighting.member,
    why: phase.why,
    acks,
    confirmed: Object.fromEntries(confirmed.map((e) => [e.sighting.member, e.position])),
    start: winner.position,
    floor: f.record.floor,
    acceptedLoss,
    ...(acceptedLoss ? { givenUp: forkOf(winner, f.record) } : {}),
  }
  const near = confirmed.filter((each) => each.heard).map(({ sighting }) => sighting)
  const { tried, fork } = phase
  return write(f, promoting(f, proof, near, { tried, fork, begun: begun(winner, tried) }))
}

/**
 * Whoever the proof names is promoted. Its first writes are acknowledged by those who are `near`,
 * if they are enough.
 */
function promoting(
  { record, seen }: DatabaseFacts,
  proof: Proof,
  near: readonly MemberSighting[],
  before: Pick<Electing, 'tried' | 'fork'> & { readonly begun: readonly Proof[] },
): DatabaseRecord {
  const { to, epoch, start } = proof
  const names = near.map(({ member }) => member)
  const all = [proof, ...before.begun, ...record.proofs]
  return {
    ...record,
    epoch,
    phase: { kind: 'promoting', winner: to, proof, tried: before.tried, fork: before.fork },
    acks: [firstAcks(to, names, seen.wish)],
    floor: start,
    proofs: all.slice(0, proofsMost),
    // Of whoever was away for longer than these go back nothing can be said: it is copied anew.
    proofsSince: all[proofsMost]?.epoch ?? record.proofsSince,
  }
}

/**
 * The promotions of `winner` that were taken back, though it had become primary before it was lost:
 * its history parts there from that of whoever was not asked.
 */
const begun = ({ sighting, position }: Stopped, tried: readonly Proof[] = []): readonly Proof[] =>
  tried.filter(({ to, start }) => to === sighting.member && position.line > start.line)

type Electing = Extract<Phase, { readonly kind: 'electing' }>

/**
 * A promotion that did not come to its end is taken back: nobody has been told to follow, so
 * nothing has been acknowledged by its set, and no door has let anybody in.
 */
export function electAgain(f: DatabaseFacts): readonly DatabaseAction[] {
  const { phase } = f.record
  return phase.kind === 'promoting' ? write(f, takenBack(f, phase)) : []
}

function takenBack(
  { record, seen }: DatabaseFacts,
  { winner, proof, tried: before = [], fork }: Extract<Phase, { readonly kind: 'promoting' }>,
): Partial<DatabaseRecord> & { readonly phase: Electing } {
  const tried = [proof, ...before]
  const why = `${winner} was lost while it was promoted`
  // One that waits for nobody may have acknowledged something to somebody who knew no better.
  const isAlone = standsAlone(record)
  const from = isAlone && winner !== proof.from ? undefined : proof.from
  const near = isAlone ? [{ members: [proof.from ?? winner, winner], needed: 0 }] : []
  return {
    epoch: record.epoch + 1,
    phase: {
      ...{ kind: 'electing', from, since: seen.now, why, prefer: undefined, avoid: winner },
      // What somebody alone had acknowledged before it is given up by the next one as well.
      fork: isAlone ? (proof.givenUp ?? fork ?? proof.start) : fork,
      tried: tried.slice(0, triedMost),
      // What was restored for it is in place of what there was: with that it leads once it is back.
      restore: proof.restored === undefined ? undefined : { member: winner, id: proof.restored },
    },
    acks: [...proof.acks, ...near],
    floor: proof.floor ?? record.floor,
    proofs: record.proofs.filter((each) => tried.every((other) => other.epoch !== each.epoch)),
  }
}

/**
 * Closes the epoch: nobody serves until what was restored has been put in place. What is known of
 * the election, or promotion, that was under way is kept: it goes on if that comes to nothing.
 */
export function electRestored(f: DatabaseFacts, restore: RestoreWish): readonly DatabaseAction[] {
  const { phase, epoch } = f.record
  const now = { why: 'an operator has what was restored put in place', since: f.seen.now, restore }
  if (phase.kind === 'promoting') {
    const back = takenBack(f, phase)
    return write(f, { ...back, phase: { ...back.phase, ...now } })
  }
  const before: Electing =
    phase.kind === 'electing'
      ? phase
      : { kind: 'electing', from: f.lead?.member, prefer: undefined, ...now }
  return write(f, { epoch: epoch + 1, phase: { ...before, ...now } })
}

/** Up to where a member that is promoted at a loss has what the last primary had, for certain. */
function forkOf({ sighting, sharedTo }: Stopped, record: DatabaseRecord): Position {
  // Who was promoted before anything was written down, and at which point, nobody can say.
  if (sharedTo === undefined || sighting.epoch < record.proofsSince) return origin
  const fork = record.phase.kind === 'electing' ? record.phase.fork : undefined
  return fork !== undefined && reaches(sharedTo, fork) ? fork : sharedTo
}

/** How many have followed one another so far; a long time without one begins anew. */
export const failovers = ({ record, seen }: DatabaseFacts): number =>
  record.lastFailover === undefined ||
  later(record.lastFailover, seen.wish.bounds.coolDown) <= seen.now
    ? 0
    : (record.failovers ?? 0)

/** Who is heard and has data. */
export const withData = (f: DatabaseFacts): readonly MemberSighting[] =>
  f.heard.filter(({ server }) => server !== 'absent')

/** An order of the record that is gone may still be under way: it is of an epoch below these. */
const epochsUnderWay = 100

/**
 * Whoever is not heard may have come to an epoch of its own by a record that is gone. Two records
 * that were begun without one another hardly meet in the same one: time tells them apart, and the
 * later one goes further, most often. Not without bound: MariaDB cannot count far.
 */
const apart = 100_000

/** An epoch later than any that was promised, as far as that can be seen. */
export const beyondAll = ({ record, seen, allHeard }: DatabaseFacts): number =>
  Math.max(record.epoch, ...seen.members.map(({ promised }) => promised)) +
  epochsUnderWay +
  (allHeard ? 0 : Math.floor(seen.now) % apart)

/**
 * What was put in place of all there is when the record of that was lost: nobody has taken part in
 * a later epoch, which would have begun without it.
 */
function restoreUnderWay(f: DatabaseFacts): RestoreWish | undefined {
  const all = withData(f)
  const last = Math.max(...all.map(({ epoch, restoredAt = 0 }) => Math.max(epoch, restoredAt)))
  const one = all.find(({ restoredAt }) => restoredAt === last)
  return one?.copiedFor === undefined ? undefined : { member: one.member, id: one.copiedFor }
}

/**
 * Who has data and no record of it: all of them are asked, and the furthest has everything. Where
 * what was restored was being put in place, that goes on.
 */
export function begin(
  f: DatabaseFacts,
  epoch: number,
  from: string | undefined,
): readonly DatabaseAction[] {
  const { request } = f.seen
  const isAdopted = request?.kind === 'adopt'
  // One that is no part of its primary's history has acknowledged nothing that this one has not.
  const known = withData(f)
    .filter(({ diverged }) => !diverged)
    .map(({ member }) => member)
  // Whoever is not heard is given up, if somebody has agreed to that; it may come back yet.
  const acks = f.allHeard
    ? { members: known, needed: 1 }
    : { members: [...new Set([...f.seen.wish.members, ...known])], needed: 0 }
  return write(f, {
    epoch,
    phase: {
      kind: 'electing',
      from,
      since: f.seen.now,
      why: 'a database begins',
      prefer: isAdopted ? request.primary : undefined,
      restore: restoreUnderWay(f),
    },
    acks: [acks],
    floor: origin,
    proofs: [],
    // Those taken over took part in one history, at an epoch of theirs: nobody was promoted since.
    proofsSince: isAdopted ? Math.min(epoch, ...withData(f).map((each) => each.epoch)) : epoch,
  })
}
