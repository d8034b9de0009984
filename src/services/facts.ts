// What follows from what was seen: the questions that the rules ask. Pure.

import { formatDuration, instant, since } from '../foundation/time.ts'
import type { ReplicaSighting, ServiceObservation, ServiceState } from './model.ts'

/** The observation, sorted into the heaps that the rules speak of. */
export interface ServiceFacts {
  readonly state: ServiceState
  /** Of the wanted revision, taking requests or about to. */
  readonly current: readonly ReplicaSighting[]
  /** Of another revision, or to be replaced, and still there; who should leave first is first. */
  readonly outdated: readonly ReplicaSighting[]
  /** Told to take nothing new, or on their way out for another reason. */
  readonly leaving: readonly ReplicaSighting[]
  /** Leaving, and nothing is in flight on them any more, or patience has run out. */
  readonly drained: readonly ReplicaSighting[]
  /** Their guard is gone, and they have not been told to take nothing new. */
  readonly lost: readonly ReplicaSighting[]
  /** Current ones that are up. */
  readonly ready: readonly ReplicaSighting[]
  /** Outdated ones that cannot be of use any more: they end again and again, or never came up. */
  readonly hopeless: readonly ReplicaSighting[]
  /** Run, but nobody has been told yet whether they answer. */
  readonly unasked: readonly ReplicaSighting[]
  /** How many may still be started now. */
  readonly room: number
  /** How many outdated ones the ready ones have made superfluous. */
  readonly outdatedSurplus: number
  /** Current ones that are more than wanted, while no outdated one is left. */
  readonly excess: readonly ReplicaSighting[]
  /** Why the deploy under way cannot succeed, if so. */
  readonly deployFailure: string | undefined
  /** The revision to go back to, if there is one. */
  readonly wayBack: number | undefined
  /** Names that no replica has, lowest number first, without end. */
  readonly freeNames: (count: number) => readonly string[]
}

/** During an exchange one replica more than wanted may run, so that none is missing. */
const surge = 1

/** Sorts an observation into facts. */
export function factsOf(seen: ServiceObservation): ServiceFacts {
  const { state, replicas } = seen
  const isLeaving = (r: ReplicaSighting): boolean =>
    state.draining[r.id] !== undefined || r.state === 'stopping' || r.state === 'stopped'
  const leaving = replicas.filter(isLeaving)
  const lost = replicas.filter((r) => r.state === 'lost' && !isLeaving(r))
  const staying = replicas.filter((r) => r.state !== 'lost' && !isLeaving(r))
  const isCurrent = (r: ReplicaSighting): boolean =>
    r.revision === state.revision && !state.replace.includes(r.id)
  const current = staying.filter(isCurrent)
  const outdated = staying.filter((r) => !isCurrent(r)).toSorted(leavesFirst)
  const ready = current.filter(isUp)
  const most = state.replicas + (outdated.length > 0 ? surge : 0)
  const missing = state.replicas - current.length
  const excess = current.toSorted(leavesFirst).slice(0, Math.max(0, -missing))
  return {
    state,
    current,
    outdated,
    leaving,
    drained: leaving.filter((r) => isDrained(r, seen)),
    lost,
    ready,
    hopeless: outdated.filter((r) => isHopeless(r, state)),
    unasked: staying.filter((r) => r.state === 'running' && r.verdict === 'unknown'),
    room: Math.max(0, Math.min(missing, most - staying.length)),
    outdatedSurplus:
      outdated.length === 0 ? 0 : Math.max(0, ready.length + outdated.length - state.replicas),
    excess: outdated.length === 0 ? excess : [],
    deployFailure: deployFailure(seen, current),
    wayBack: state.stable === state.revision ? undefined : state.stable,
    freeNames: (count) => freeNames(state.service, replicas, count),
  }
}

const isUp = (r: ReplicaSighting): boolean => r.state === 'running' && r.verdict === 'up'

const numberOf = (id: string): number => Number(/\d+$/.exec(id)?.[0] ?? 0)

/** Who is not up leaves before who is, then the older revision, then the higher number. */
const preference: readonly ((a: ReplicaSighting, b: ReplicaSighting) => number)[] = [
  (a, b) => Number(isUp(a)) - Number(isUp(b)),
  (a, b) => a.revision - b.revision,
  (a, b) => numberOf(b.id) - numberOf(a.id),
]

const leavesFirst = (a: ReplicaSighting, b: ReplicaSighting): number =>
  preference.reduce((order, by) => order || by(a, b), 0)

/**
 * A replica that is merely down may come back and is kept until another is up in its place. One in
 * a crash loop, or of a revision that was rolled back and certainly not up, is only in the way.
 */
const isHopeless = (r: ReplicaSighting, state: ServiceState): boolean =>
  r.state === 'crash-looping' ||
  (r.revision === state.rolledBack?.revision && (r.state !== 'running' || r.verdict === 'down'))

function isDrained(r: ReplicaSighting, seen: ServiceObservation): boolean {
  if (r.state === 'stopping') return false
  const mayServe = r.state === 'running' || r.state === 'lost'
  const began = seen.state.draining[r.id]
  if (!mayServe || began === undefined || r.inFlight === 0) return true
  return since(began, seen.now) >= seen.policy.drainWithin
}

function deployFailure(
  seen: ServiceObservation,
  current: readonly ReplicaSighting[],
): string | undefined {
  if (seen.state.deploy === undefined) return undefined
  const looping = current.find((r) => r.state === 'crash-looping')
  if (looping !== undefined) return `${looping.id} ended ${looping.failures} times in a row`
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
  service: string,
  replicas: readonly ReplicaSighting[],
  count: number,
): readonly string[] {
  const taken = new Set(replicas.map((r) => r.id))
  const names: string[] = []
  for (let number = 1; names.length < count; number += 1) {
    const name = `${service}-${number}`
    if (!taken.has(name)) names.push(name)
  }
  return names
}
