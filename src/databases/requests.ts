// Has an operator got what was asked for, and may a member go that is none any more? Pure.

import { moveGivenUp } from './changes.ts'
import { leadOf } from './facts.ts'
import type { DatabaseObservation, DatabaseRecord, Request } from './model.ts'
import { areRestarted } from './restarts.ts'

/** Whether a member that is none any more can go: no acknowledged write may be on it alone. */
export const mayLeave = (record: DatabaseRecord, member: string): boolean =>
  // While nothing is written down it may be the one that has most.
  record.phase.kind !== 'new' &&
  leadOf(record) !== member &&
  record.phase.kind !== 'electing' &&
  record.acks.every(({ members }) => !members.includes(member))

/** Whether what is asked for has come to be, so that nothing more is to follow from it. */
export function isFulfilled(seen: DatabaseObservation): boolean {
  const { record, request, members } = seen
  if (request === undefined) return false
  const { phase, epoch } = record
  switch (request.kind) {
    case 'switchover':
      // One that was given up is not tried again and again: each time clients wait.
      return (
        phase.kind === 'serving' && (phase.primary === request.to || isGivenUp(request, record))
      )
    case 'accept-data-loss':
    case 'approve-failover':
      return epoch > request.epoch && phase.kind === 'serving'
    case 'reinit':
      return members.some(
        ({ member, copiedFor, upstream }) =>
          member === request.member && copiedFor === request.id && upstream !== undefined,
      )
    case 'restore':
      return phase.kind === 'serving' && record.proofs.some((each) => each.restored === request.id)
    case 'restart':
      return areRestarted(seen, request)
    case 'acknowledge':
      return record.lastFailover === undefined
    case 'adopt':
      return phase.kind === 'serving'
  }
}

const isGivenUp = (
  { epoch }: Extract<Request, { kind: 'switchover' }>,
  { proofs, epoch: now }: DatabaseRecord,
): boolean => epoch !== undefined && now > epoch && proofs[0]?.why === moveGivenUp
