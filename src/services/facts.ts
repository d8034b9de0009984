// What follows from what was seen: the questions that the rules ask. Pure.

import { formatDuration, instant, ms, since } from '../foundation/time.ts'
import type { ReplicaSighting, ServiceObservation, ServiceState } from './model.ts'

/** The observation, sorted into the heaps that the rules speak of. */
export interface ServiceFacts {
  readonly state: ServiceState
  /** Of the wanted revision, taking requests or about to. */
  readonly current: readonly ReplicaSighting[]
  /**
   * Of another revision, to be exchanged, or without a guard, and still there; who should leave
   * first is first.
   */
  readonly outdated: readonly ReplicaSighting[]
  /** Told to take nothing new, or on their way out for another reason. */
  readonly leaving: readonly ReplicaSighting[]
  /** Leaving, and nothing is in flight on them any more, or patience has run out. */
  readonly drained: readonly ReplicaSighting[]
  /** Current ones that are up. */
  readonly ready: readonly ReplicaSighting[]
  /** Those of them that have been up long enough to be relied upon. */
  readonly proven: readonly ReplicaSighting[]
  /** Outdated ones that are of no use, not even as a way back. */
  readonly hopeless: readonly ReplicaSighting[]
  /** Run, but nobody has been told yet whether they answer. */
  readonly unasked: readonly ReplicaSighting[]
  /** How many may still be started now. */
  readonly room: number
  /** How many outdated ones the proven ones have made superfluous. */
  readonly outdatedSurplus: number
  /** Current ones that are more than wanted, while no outdated one is left. */
  readonly excess: readonly ReplicaSighting[]
  /** An exchange is under way, or it is still to be written down that this revision is well. */
  readonly unsettled: boolean
  /** Why the deploy under way cannot succeed, if so. */
  readonly deployFailure: string | undefined
  /** The revision to go back to, if there is one. */
  readonly wayBack: number | undefined
  /** Names that no replica has, lowest number first, without end. */
  readonly freeNames: (count: number) => readonly string[]
}

/** During an exchange one replica more than wanted may run, so that none is missing. */
const surge = 1

/**
 * A replica takes the place of an old one only once it has been up for so long without a break:
 * one that passes its check and dies of its first request must not.
 */
export const provenAfter = ms(1000)

/** Sorts an observation into facts. */
export function factsOf(seen: ServiceObservation): ServiceFacts {
  const { state, replicas } = seen
  const isLeaving = (r: ReplicaSighting): boolean =>
    state.draining[r.id] !== undefined || r.state === 'stopping' || r.state === 'stopped'
  const leaving = replicas.filter(isLeaving)
  const staying = replicas.filter((r) => !isLeaving(r))
  const leavesFirst = leavingOrder(seen)
  const isCurrent = (r: ReplicaSighting): boolean =>
    r.revision === state.revision && !state.replace.includes(r.id) && r.state !== 'lost'
  const current = staying.filter(isCurrent)
  const outdated = staying.filter((r) => !isCurrent(r)).toSorted(leavesFirst)
  const ready = current.filter(isUp)
  const proven = ready.filter((r) => isProven(r, seen))
  const most = state.replicas + (outdated.length > 0 ? surge : 0)
  // One in a crash loop hardly ever runs: what is to take its place need not wait for its end.
  const takesRoom = (r: ReplicaSighting): boolean => isCurrent(r) || r.state !== 'crash-looping'
  const missing = state.replicas - current.length
  const excess = current.toSorted(leavesFirst).slice(0, Math.max(0, -missing))
  return {
    state,
    current,
    outdated,
    leaving,
    drained: leaving.filter((r) => isDrained(r, seen)),
    ready,
    proven,
    hopeless: outdated.filter((r) => isHopeless(r, state)),
    unasked: staying.filter((r) => mayServe(r) && r.verdict === 'unknown'),
    room: Math.max(0, Math.min(missing, most - staying.filter(takesRoom).length)),
    outdatedSurplus:
      outdated.length === 0 ? 0 : Math.max(0, proven.length + outdated.length - state.replicas),
    excess: outdated.length === 0 ? excess : [],
    unsettled: outdated.length > 0 || state.deploy !== undefined || state.stable !== state.revision,
    deployFailure: deployFailure(seen, current),
    wayBack: state.stable === state.revision ? undefined : state.stable,
    freeNames: (count) => freeNames(seen, count),
  }
}

/** A process whose guard is gone lives on, and serves, until something ends it. */
const mayServe = (r: ReplicaSighting): boolean => r.state === 'running' || r.state === 'lost'

const isUp = (r: ReplicaSighting): boolean => mayServe(r) && r.verdict === 'up'

const isProven = (r: ReplicaSighting, { now }: ServiceObservation): boolean =>
  isUp(r) && r.verdictSince !== undefined && since(r.verdictSince, now) >= provenAfter

const numberOf = (id: string): number => Number(/-(\d+)(?:\.[^.]+)?$/.exec(id)?.[1] ?? 0)

/** Who leaves first: a list of preferences, the last of them total. */
const leavingOrder = (seen: ServiceObservation): Order => {
  const last: readonly ((r: ReplicaSighting) => number)[] = [
    // Who is up leaves after who is not, who has proven itself after who has not, and who belongs
    // to the revision that was well after who does not; then the lower number after the higher.
    (r) => Number(isUp(r)),
    (r) => Number(isProven(r, seen)),
    (r) => Number(r.revision === seen.state.stable),
    (r) => -numberOf(r.id),
  ]
  return (a, b) => last.reduce((order, by) => order || by(a) - by(b), 0)
}

type Order = (a: ReplicaSighting, b: ReplicaSighting) => number

/**
 * An old replica that is down or ends again and again may come back, and is the way back: it is
 * kept until another is up in its place. Not so one that nobody would start again, one that an
 * operator wants exchanged and that ends again and again, nor one of a revision that never was
 * well.
 */
function isHopeless(r: ReplicaSighting, state: ServiceState): boolean {
  if (r.state === 'lost') return r.verdict === 'down'
  const loops = r.state === 'crash-looping'
  if (state.replace.includes(r.id)) return loops
  if (r.revision === state.stable) return false
  const isOut = r.state !== 'running' || r.verdict === 'down'
  return loops || (isOut && r.revision === state.rolledBack?.revision)
}

function isDrained(r: ReplicaSighting, seen: ServiceObservation): boolean {
  if (r.state === 'stopping') return false
  const began = seen.state.draining[r.id]
  if (!mayServe(r) || began === undefined || r.inFlight === 0) return true
  return since(began, seen.now) >= seen.policy.drainWithin
}

function deployFailure(
  seen: ServiceObservation,
  current: readonly ReplicaSighting[],
): string | undefined {
  if (seen.state.deploy === undefined) return undefined
  const looping = current.find((r) => r.state === 'crash-looping')
  if (looping !== undefined) {
    const last = looping.exit === undefined ? '' : `, last: ${looping.exit}`
    return `${looping.id} ended ${looping.failures} times in a row${last}`
  }
  const late = current.find((r) => isLate(r, seen))
  if (late === undefined) return undefined
  return `${late.id} is not up after ${formatDuration(seen.policy.readyWithin)}`
}

/** Not up for all the time that it may take: one that was up and fails for a moment is not late. */
function isLate(r: ReplicaSighting, { now, policy }: ServiceObservation): boolean {
  if (isUp(r)) return false
  const notUpSince = Math.max(r.startedAt, r.verdictSince ?? r.startedAt)
  return since(instant(notUpSince), now) >= policy.readyWithin
}

function freeNames(
  { state, replicas, machine }: ServiceObservation,
  count: number,
): readonly string[] {
  const taken = new Set(replicas.map((r) => r.id))
  const names: string[] = []
  for (let number = 1; names.length < count; number += 1) {
    const name = `${state.service}-${number}${machine === undefined ? '' : `.${machine}`}`
    if (!taken.has(name)) names.push(name)
  }
  return names
}
