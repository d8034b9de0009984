// What follows from what was seen of a member: the questions that the rules ask. Pure.

import { ms, since } from '../../foundation/time.ts'
import type { EnsembleObservation } from './model.ts'

/** A server that has answered before is given up so long after its first silence, */
export const silenceMost = ms(1500)
/** and twice as long after each time it was, up to so long: a busy machine is slow, not hung. */
export const patienceMost = ms(60_000)
/** A server that was started has so long until its first answer: it may have to read much. */
export const startMost = ms(60_000)
/** Who leads is settled in less, unless too few are there. */
export const electionMost = ms(15_000)
/** Without so many bytes free a server cannot write for long, and is not started. */
export const roomLeast = 64 * 1024 * 1024

/** The observation, compared with its limits. */
export interface EnsembleFacts {
  readonly wanted: boolean
  /** There is a process, or a guard that will start one. */
  readonly present: boolean
  readonly stopping: boolean
  /** Its guard is gone. */
  readonly lost: boolean
  /** It ended by itself and waits for its next start. */
  readonly ended: boolean
  readonly frozen: boolean
  readonly silent: boolean
  readonly neverAnswered: boolean
  readonly changed: boolean
  readonly serves: boolean
  readonly othersServe: boolean
  /** Nobody would miss it: it is alone, or there is no quorum, for longer than elections take. */
  readonly nobodyServes: boolean
  readonly hasTurn: boolean
  readonly hasRoom: boolean
  readonly isShort: boolean
}

/** Sorts what was seen into facts. */
export function factsOf(seen: EnsembleObservation): EnsembleFacts {
  const { now, wanted, member, answer, silentSince, unservedSince } = seen
  const { others, othersServe } = seen
  const state = member?.state
  const serves = answer?.kind === 'serves' && state === 'running'
  const hasAnswered = answer !== undefined && answer.kind !== 'refused' && answer.kind !== 'silent'
  return {
    wanted: wanted !== undefined,
    present: member !== undefined,
    stopping: state === 'stopping' || state === 'stopped',
    lost: state === 'lost',
    ended: state === 'waiting' || state === 'crash-looping',
    frozen: state === 'running' && member?.isFrozen === true,
    silent:
      state === 'running' && silentSince !== undefined && since(silentSince, now) > seen.patience,
    neverAnswered:
      state === 'running' &&
      !hasAnswered &&
      silentSince === undefined &&
      member !== undefined &&
      since(member.startedAt, now) > startMost,
    changed: member !== undefined && member.revision !== wanted,
    serves,
    othersServe: othersServe >= others,
    nobodyServes:
      others === 0 || (unservedSince !== undefined && since(unservedSince, now) > electionMost),
    hasTurn: seen.hasTurn,
    hasRoom: seen.room >= roomLeast,
    isShort: seen.room < 4 * roomLeast,
  }
}
