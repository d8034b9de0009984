// How does what was restored take the place of all that a database has? Rules that stand among the
// others, and what they write down. Pure.

import type { Rule } from '../control/rules.ts'
import { later, ms } from '../foundation/time.ts'
import { hasAgreed } from './assent.ts'
import { electRestored, write } from './changes.ts'
import { firstAcks } from './election.ts'
import type { DatabaseFacts } from './facts.ts'
import type { DatabaseAction, MemberSighting, Proof, RestoreWish } from './model.ts'

/** What is wanted in place of all that there is; `undefined`: nothing, or it has been done. */
function restoreWanted({ seen, heard, record }: DatabaseFacts): RestoreWish | undefined {
  const { request } = seen
  if (request?.kind !== 'restore') return undefined
  const { member, id } = request
  const isThere = heard.some((each) => each.member === member)
  const isDone = record.proofs.some(({ restored }) => restored === id)
  return isThere && !isDone ? { member, id } : undefined
}

/** The member that has what was restored begins another history: all others are copied from it. */
function beginRestored(f: DatabaseFacts, member: MemberSighting): readonly DatabaseAction[] {
  const { record, seen } = f
  const { phase, epoch, acks, floor } = record
  const { received: start, member: to } = member
  if (phase.kind !== 'electing' || start === undefined) return []
  const proof: Proof = {
    ...{ epoch: epoch + 1, at: seen.now, from: phase.from, to, why: phase.why, acks, floor, start },
    ...{ confirmed: { [to]: start }, acceptedLoss: true, restored: phase.restore?.id },
  }
  return write(f, {
    epoch: epoch + 1,
    phase: { kind: 'promoting', winner: to, proof },
    acks: [firstAcks(to, [], seen.wish)],
    floor: start,
    proofs: [proof],
    proofsSince: epoch + 1,
  })
}

/** What is being put in place. */
const restoring = ({ record: { phase } }: DatabaseFacts): RestoreWish | undefined =>
  phase.kind === 'electing' ? phase.restore : undefined

/** The member that it lies beside, if that is heard. */
const restorer = (f: DatabaseFacts): MemberSighting | undefined =>
  f.heard.find(({ member }) => member === restoring(f)?.member)

/** The same once it is in place, and takes part in nothing. */
const hasRestored = (f: DatabaseFacts): MemberSighting | undefined => {
  const member = restorer(f)
  if (member?.received === undefined || !isInPlace(f, member)) return undefined
  return f.toFreeze.includes(member) ? undefined : member
}

const isInPlace = (f: DatabaseFacts, { copiedFor }: MemberSighting): boolean =>
  copiedFor === restoring(f)?.id

/** Nobody serves any more, or somebody takes responsibility for what that one does. */
const mayBegin = (f: DatabaseFacts): boolean =>
  !f.mayStillServe || hasAgreed(f.seen, 'accept-data-loss')

/** The others stop, and it does if it has what was restored: it has been promoted with it once. */
const putInPlace = (f: DatabaseFacts, wish: RestoreWish): readonly DatabaseAction[] => {
  const member = restorer(f)
  const isIn = member !== undefined && isInPlace(f, member)
  const others = f.toFreeze.filter((each) => each !== member || isIn)
  return [
    ...others.map((each): DatabaseAction => ({ kind: 'freeze', member: each.member })),
    ...(isIn ? [] : [{ kind: 'restore' as const, ...wish }]),
  ]
}

const freezeAll = (f: DatabaseFacts): readonly DatabaseAction[] =>
  f.toFreeze.map(({ member }) => ({ kind: 'freeze', member }))

/** Writes that others took meanwhile would be thrown away: it is waited for this long. */
const patience = ms(20_000)

const isLate = ({ record: { phase }, seen }: DatabaseFacts): boolean =>
  phase.kind === 'electing' && later(phase.since, patience) <= seen.now

/** They come before whatever elects: nobody is elected while something is restored. */
export const restoreRules: readonly Rule<DatabaseFacts, DatabaseAction>[] = [
  {
    id: 'begin-restore',
    why: 'an operator has what was restored put in place of all that there is',
    when: (f) =>
      f.record.phase.kind !== 'new' && restoring(f) === undefined && restoreWanted(f) !== undefined,
    actions: (f) => {
      const wanted = restoreWanted(f)
      return wanted === undefined ? [] : electRestored(f, wanted)
    },
  },
  {
    id: 'restored',
    why: 'a member has what was restored: it leads, and all others are copied from it',
    when: (f) => hasRestored(f) !== undefined && mayBegin(f),
    actions: (f) => {
      const member = hasRestored(f)
      return member === undefined ? [] : beginRestored(f, member)
    },
  },
  {
    id: 'give-up-restore',
    why: 'the member that was to take what was restored is gone: the others go on as they are',
    when: (f) => restoring(f) !== undefined && restorer(f) === undefined && isLate(f),
    actions: (f) => {
      const { phase } = f.record
      return phase.kind === 'electing' ? write(f, { phase: { ...phase, restore: undefined } }) : []
    },
  },
  {
    id: 'restore',
    why: 'nobody serves any more: what was restored takes the place of what there is',
    when: (f) => restorer(f) !== undefined && mayBegin(f),
    actions: (f) => {
      const wish = restoring(f)
      return wish === undefined ? [] : putInPlace(f, wish)
    },
  },
  {
    id: 'stop-for-restore',
    why: 'before what was restored takes its place, whoever may serve has to stop',
    when: (f) => restoring(f) !== undefined,
    actions: freezeAll,
  },
]
