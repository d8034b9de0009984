// What follows from what was seen of one database: the questions that its rules ask. Pure.

import { type Instant, later, ms, since } from '../foundation/time.ts'
import { type AcksFacts, acksOf, noAcksFacts } from './acks.ts'
import { hasAgreed } from './assent.ts'
import { never } from './blank-sight.ts'
import { chooseWithin } from './budget.ts'
import {
  burdenOf,
  type Election,
  electionOf,
  noElection,
  standsAlone,
  stoppedOf,
} from './election.ts'
import { type EncryptionFacts, encryptionFacts } from './encryption.ts'
import { type Target, targetOf } from './fit.ts'
import { hears, isReplaceable, type Loss, lacksReceivers, lossOf, runs } from './loss.ts'
import type { DatabaseObservation, DatabaseRecord, MemberSighting } from './model.ts'
import { type Tail, tailOf } from './position.ts'
import { outvotes } from './quorum.ts'
import { type RestartFacts, restartsOf } from './restarts.ts'

/** A member that should follow the primary and does not. */
export interface Astray {
  readonly member: MemberSighting
  /** What it has beyond the common history. */
  readonly tail: Tail
}

/** The observation, sorted for the rules. */
export interface DatabaseFacts extends AcksFacts {
  readonly seen: DatabaseObservation
  readonly record: DatabaseRecord
  /** Who is named by the phase: serves, hands over, or is to be promoted. */
  readonly lead: MemberSighting | undefined
  readonly leadHeard: boolean
  readonly loss: Loss | undefined
  /** Its writes wait, since too few of those that have to acknowledge them are there. */
  readonly isBlocked: boolean
  /** Those that are heard can prove that one of them has all that was acknowledged. */
  readonly replaceable: boolean
  /** Replicas that still hear a primary whose keeper nobody hears: a reason to leave it alone. */
  readonly vouchers: readonly string[]
  /** Keepers that were heard lately. */
  readonly heard: readonly MemberSighting[]
  /** While nothing is written down: all of the file, and all that had data, are among them. */
  readonly allHeard: boolean
  /** Heard, and not stopped for this epoch. */
  readonly toFreeze: readonly MemberSighting[]
  /** They serve, or take writes, at an epoch that is over. */
  readonly stale: readonly MemberSighting[]
  /** Heard, and they have promised more than is written down: they take no order of this epoch. */
  readonly beyond: readonly MemberSighting[]
  readonly election: Election
  /** Heard, about to stop, and better than whoever could be elected at this moment. */
  readonly better: readonly string[]
  /**
   * An old primary that nobody has seen stop may still believe that it is one: its lease is not
   * over yet, or its set may vouch for it.
   */
  readonly mayStillServe: boolean
  /** So many failovers followed one another that the next one has to wait. */
  readonly cooling: boolean
  /** A planned move: its target, and how far that has come. */
  readonly target: Target | undefined
  readonly astray: readonly Astray[]
  readonly restarts: RestartFacts
  /** Members are to come over to TLS, or back; `undefined`: they need not. */
  readonly encryption: EncryptionFacts | undefined
}

/** Between the end of a lease and that of the server that lived on it; clocks differ, too. */
const leaseMargin = ms(200)

/** Sorts an observation into facts. */
export function factsOf(seen: DatabaseObservation): DatabaseFacts {
  const { record, now, wish, members } = seen
  const { silence } = wish.bounds
  const isHeard = (each: MemberSighting): boolean => since(each.heard, now) < silence
  const heard = members.filter(isHeard)
  const lead = leadSighting(seen)
  const leadHeard = lead !== undefined && isHeard(lead)
  const vouchers = leadHeard ? [] : heard.filter((e) => hears(e, lead, silence)).map(nameOf)
  const loss = lead === undefined ? undefined : lossOf(lead, leadHeard, heard, seen, vouchers)
  const elections = electionFacts(seen, heard, isHeard)
  const acks = record.phase.kind === 'serving' ? acksOf(seen, heard, lead) : noAcksFacts
  const restarts = restartsOf(seen, heard, lead, acks)
  return {
    seen,
    record,
    lead,
    leadHeard,
    loss,
    isBlocked: leadHeard && lead !== undefined && runs(lead) && lacksReceivers(lead, heard, seen),
    replaceable: loss === undefined || isReplaceable(loss, heard, record),
    vouchers,
    heard,
    allHeard:
      record.phase.kind === 'new' &&
      wish.members.every((name) => heard.some(({ member }) => member === name)) &&
      // Whoever has left the file may have been the primary all the same.
      members.every((each) => each.server === 'absent' || isHeard(each)),
    stale: someOf(heard, (each) => isStale(each, record)),
    beyond: someOf(heard, (each) => isBeyond(each, record)),
    cooling: isCooling(seen),
    target: targetOf(seen, heard, lead, restarts.heir),
    restarts,
    encryption: encryptionFacts(seen, heard, lead, restarts),
    astray: someOf(heard, (each) => isAstray(each, seen)).map((each) => astray(each, record)),
    // One by one: lives in simulation ask for these facts millions of times.
    toFreeze: elections.toFreeze,
    election: elections.election,
    better: elections.better,
    mayStillServe: elections.mayStillServe,
    acksToRecord: acks.acksToRecord,
    acksToOrder: acks.acksToOrder,
  }
}

const none: readonly MemberSighting[] = []

/** Most often there are none: then nothing is made. */
const someOf = (
  members: readonly MemberSighting[],
  isOne: (each: MemberSighting) => boolean,
): readonly MemberSighting[] => (members.some(isOne) ? members.filter(isOne) : none)

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

/** A lead that nobody has ever heard of is as lost as one that is silent. */
function leadSighting({ record, members }: DatabaseObservation): MemberSighting | undefined {
  const name = leadOf(record)
  if (name === undefined) return undefined
  return members.find(({ member }) => member === name) ?? unheardOf(name)
}

const unheardOf = (member: string): MemberSighting => ({
  member,
  heard: never,
  server: 'stopped',
  epoch: 0,
  promised: 0,
  writable: false,
  received: undefined,
  applied: undefined,
  upstream: undefined,
  receivedAt: undefined,
  acks: undefined,
  acksVersion: 0,
  acksSince: undefined,
  diverged: false,
  failingSince: undefined,
})

type Electing = Extract<DatabaseRecord['phase'], { readonly kind: 'electing' }>

type ElectionFacts = Pick<DatabaseFacts, 'toFreeze' | 'election' | 'better' | 'mayStillServe'>

const noElections: ElectionFacts = {
  toFreeze: none,
  election: noElection,
  better: [],
  mayStillServe: false,
}

function electionFacts(
  seen: DatabaseObservation,
  heard: readonly MemberSighting[],
  isHeard: (member: MemberSighting) => boolean,
): ElectionFacts {
  const { record, members, wish, now } = seen
  const { phase } = record
  if (phase.kind !== 'electing') return noElections
  const stopped = stoppedOf(members, record, isHeard)
  const isStopped = new Set(stopped.map(({ sighting }) => sighting.member))
  const able = heard.filter(mayStop)
  // With one whose history has parted it goes on only for want of others, and if somebody agrees.
  const hasParted = (one: MemberSighting): boolean =>
    one.diverged || stopped.some(({ sighting, isAstray }) => sighting === one && isAstray)
  const isLast = hasAgreed(seen, 'accept-data-loss') && able.every(hasParted)
  // What such a one has proves nothing; it is asked where it may serve, or vouch for who does, or
  // nobody may.
  const isAsked = ({ diverged, member }: MemberSighting): boolean =>
    !diverged ||
    isLast ||
    phase.restore !== undefined ||
    member === phase.from ||
    member === phase.avoid ||
    (standsAlone(record) && mayVouch(member, record))
  const toFreeze = able.filter((each) => !isStopped.has(each.member) && isAsked(each))
  const election = electionOf(stopped, asking(heard, record), wish)
  const isSoon = later(phase.since, chooseWithin) > now
  return {
    toFreeze,
    election,
    better: isSoon ? betterOf(toFreeze, election, seen) : [],
    mayStillServe: mayServe(seen, phase, isHeard),
  }
}

/** Whether somebody who was primary, or was about to be, may still believe that it is. */
function mayServe(
  { record, members, wish, now, listeningSince = never }: DatabaseObservation,
  { from, avoid, since: began }: Electing,
  isHeard: (member: MemberSighting) => boolean,
): boolean {
  const isOver = (each: MemberSighting): boolean => hasEnded(each, record, isHeard(each))
  const sightingOf = (name: string): MemberSighting =>
    members.find(({ member }) => member === name) ?? { ...unheardOf(name), heard: listeningSince }
  const doubtful = [from, avoid]
    .flatMap((name) => (name === undefined ? [] : [sightingOf(name)]))
    .filter((each) => !isOver(each))
  if (doubtful.length === 0) return false
  // Whoever was about to be primary read the record itself, at the latest when that changed.
  const confirmedAt = ({ member, heard: at }: MemberSighting): Instant =>
    member === avoid && began > at ? began : at
  const isLeased = doubtful.some(
    (each) => later(later(confirmedAt(each), wish.bounds.lease), leaseMargin) > now,
  )
  if (isLeased || !doubtful.some(({ member }) => member === from)) return isLeased
  // Only of the old primary: whoever was about to be one was followed by nobody yet.
  const deaf = members.filter((each) => isDeaf(each, record)).map(nameOf)
  return record.acks.some((set) => set.needed > 0 && !outvotes(set, new Set(deaf)))
}

/**
 * Where nothing was written down all are asked who had data, but for those whose history parted
 * from that of the primary they were to follow: that may come out after it was asked.
 */
function asking(heard: readonly MemberSighting[], record: DatabaseRecord): DatabaseRecord {
  const { phase, proofs } = record
  const isBeginning = phase.kind === 'electing' && phase.from === undefined && proofs.length === 0
  if (!isBeginning || !heard.some(({ diverged }) => diverged)) return record
  const isAsked = (name: string): boolean =>
    !heard.some(({ member, diverged }) => member === name && diverged)
  const acks = record.acks.map((set) => ({ ...set, members: set.members.filter(isAsked) }))
  return { ...record, acks }
}

function betterOf(
  toFreeze: readonly MemberSighting[],
  { winner }: Election,
  { record, wish }: DatabaseObservation,
): readonly string[] {
  if (winner === undefined) return []
  const burden = burdenOf(winner.sighting, record, wish)
  return toFreeze.filter((each) => burdenOf(each, record, wish) < burden).map(nameOf)
}

/** A primary that is cut off goes on for as long as enough of those tell it that it may. */
const mayVouch = (name: string, { acks }: DatabaseRecord): boolean =>
  acks.some(({ members, needed }) => needed > 0 && members.includes(name))

/** It has promised to receive from nobody of an epoch that is over, and does not. */
const isDeaf = (
  { promised, upstream, server }: MemberSighting,
  { epoch }: DatabaseRecord,
): boolean => promised >= epoch && upstream === undefined && server !== 'primary'

/** It serves no more, though what it has may not be known yet; or there is nothing to serve. */
function hasEnded(
  { promised, server, unfit }: MemberSighting,
  { epoch }: DatabaseRecord,
  isHeard: boolean,
): boolean {
  if (promised >= epoch && server !== 'primary') return true
  if (!isHeard || runs({ server })) return false
  return server === 'absent' || unfit !== undefined
}

/** An empty member has nothing to stop; nobody can say what a broken one has. */
const mayStop = ({ server }: MemberSighting): boolean => server !== 'absent' && server !== 'broken'

/** It has promised an epoch of a record that is gone. */
const isBeyond = ({ promised }: MemberSighting, { epoch }: DatabaseRecord): boolean =>
  promised > epoch

/** Serves, or takes writes, without being the one whom the record names at its epoch. */
function isStale(member: MemberSighting, record: DatabaseRecord): boolean {
  // While nothing is written down nobody can say which one is; and who takes no order is not ended.
  if (record.phase.kind === 'new' || isBeyond(member, record)) return false
  if (!runs(member) || (member.server !== 'primary' && !member.writable)) return false
  if (member.member !== leadOf(record)) return true
  return member.epoch < record.epoch && record.phase.kind !== 'promoting'
}

/** The first two follow at once; then each waits twice as long as the one before it. */
const freeFailovers = 2

function isCooling({ record, wish, now }: DatabaseObservation): boolean {
  const { lastFailover, failovers = 0 } = record
  const { silence, coolDown } = wish.bounds
  if (lastFailover === undefined || failovers <= freeFailovers) return false
  const wait = Math.min(coolDown, silence * 2 ** (failovers - freeFailovers))
  return since(lastFailover, now) < wait
}

function isAstray(member: MemberSighting, { record, wish }: DatabaseObservation): boolean {
  const lead = leadOf(record)
  if (lead === undefined || member.member === lead || member.server === 'broken') return false
  if (!wish.members.includes(member.member) || isBeyond(member, record)) return false
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
