// What follows from what was seen: the questions that the rules ask. Pure.

import { since } from '../foundation/time.ts'
import type { ReplicaSighting, ServiceObservation, ServiceState } from './model.ts'

/** The observation, sorted into the heaps that the rules speak of. */
export interface ServiceFacts {
  readonly state: ServiceState
  /** Of the wanted revision, taking requests or about to. */
  readonly current: readonly ReplicaSighting[]
  /** Of another revision, or to be replaced, and still taking requests. */
  readonly outdated: readonly ReplicaSighting[]
  /** Told to take nothing new. */
  readonly leaving: readonly ReplicaSighting[]
  /** Leaving, and nothing is in flight on them any more, or patience has run out. */
  readonly drained: readonly ReplicaSighting[]
  /** Their guard is gone. */
  readonly lost: readonly ReplicaSighting[]
  /** Current ones that are up. */
  readonly ready: readonly ReplicaSighting[]
  /** Outdated ones that certainly serve nobody: down, or not running. */
  readonly idleOutdated: readonly ReplicaSighting[]
  /** How many may still be started now. */
  readonly room: number
  /** How many more take requests than are wanted. */
  readonly surplus: number
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
  const leaving = replicas.filter((r) => state.draining[r.id] !== undefined && r.state !== 'lost')
  const lost = replicas.filter((r) => r.state === 'lost')
  const staying = replicas.filter((r) => !leaving.includes(r) && !lost.includes(r))
  const isCurrent = (r: ReplicaSighting): boolean =>
    r.revision === state.revision && !state.replace.includes(r.id)
  const current = staying.filter(isCurrent)
  const outdated = staying.filter((r) => !isCurrent(r))
  const ready = current.filter(isUp)
  const most = state.replicas + (outdated.length > 0 ? surge : 0)
  const missing = state.replicas - current.length
  return {
    state,
    current,
    outdated,
    leaving,
    drained: leaving.filter((r) => isDrained(r, seen)),
    lost,
    ready,
    idleOutdated: outdated.filter(isIdle),
    room: Math.max(0, Math.min(missing, most - staying.length)),
    surplus: ready.length + outdated.filter((r) => !isIdle(r)).length - state.replicas,
    deployFailure: deployFailure(seen, current),
    wayBack: state.stable === state.revision ? undefined : state.stable,
    freeNames: (count) => freeNames(state.service, replicas, count),
  }
}

const isUp = (r: ReplicaSighting): boolean => r.state === 'running' && r.verdict === 'up'

const isIdle = (r: ReplicaSighting): boolean =>
  (r.state !== 'running' && r.state !== 'starting') || r.verdict === 'down'

function isDrained(r: ReplicaSighting, seen: ServiceObservation): boolean {
  const began = seen.state.draining[r.id]
  if (began === undefined || r.state === 'stopping') return false
  if (r.state !== 'running' || r.inFlight === 0) return true
  return since(began, seen.now) >= seen.policy.drainWithin
}

function deployFailure(
  seen: ServiceObservation,
  current: readonly ReplicaSighting[],
): string | undefined {
  if (seen.state.deploy === undefined) return undefined
  const looping = current.find((r) => r.state === 'crash-looping')
  if (looping !== undefined) return `${looping.id} ended ${looping.failures} times in a row`
  const { readyWithin } = seen.policy
  const late = current.find((r) => !isUp(r) && since(r.startedAt, seen.now) >= readyWithin)
  if (late !== undefined) return `${late.id} did not pass its check within ${readyWithin} ms`
  return undefined
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
