// How do members on several machines reach each other, in the clear or under TLS, and what is the
// next step from one to the other? A step is taken once all members have taken the one before, so
// that any two of them are one step apart at most, and understand each other. Pure.

import { isTakenOver, wantedEncryption } from './durable-settings.ts'
import type {
  DatabaseObservation,
  DatabasePlan,
  DatabaseRecord,
  Encryption,
  MemberSighting,
} from './model.ts'
import type { RestartFacts } from './restarts.ts'

/** From the clear to TLS alone, in the order in which they are taken; back the other way. */
const steps: readonly Encryption[] = ['plain', 'offered', 'spoken', 'required']

/** Whether others are reached under TLS at this step. */
export const isSpoken = (step: Encryption): boolean => step === 'spoken' || step === 'required'

/** What a database begins with: then nobody has to be brought from one to the other. */
export const firstEncryption = (plan: Pick<DatabasePlan, 'members' | 'tls'>): Encryption =>
  isTakenOver(plan) ? 'plain' : (wantedEncryption(plan) ?? 'plain')

/** The step that all members are to take, or have taken. */
export const encryptionOf = (
  plan: Pick<DatabasePlan, 'members' | 'tls'>,
  record: Pick<DatabaseRecord, 'encryption'> | undefined,
): Encryption => record?.encryption ?? firstEncryption(plan)

/** How far members have come with what the file asks for. */
export interface EncryptionFacts {
  /** The step that they are at, or are to take. */
  readonly now: Encryption
  readonly next: Encryption
  readonly wanted: Encryption
  /** Who has not taken it yet, is not there, or does not follow. */
  readonly missing: readonly string[]
}

/** What is left to do; `undefined`: nothing, or nobody serves. */
export function encryptionFacts(
  { record, wish }: DatabaseObservation,
  heard: readonly MemberSighting[],
  lead: MemberSighting | undefined,
  { due }: RestartFacts,
): EncryptionFacts | undefined {
  if (wish.encryption === undefined || record.phase.kind !== 'serving') return undefined
  const { wanted, first } = wish.encryption
  const now = record.encryption ?? first
  if (now === wanted) return undefined
  const [at, goal] = [steps.indexOf(now), steps.indexOf(wanted)]
  const next = steps[at + Math.sign(goal - at)] ?? wanted
  const hasTaken = (each: MemberSighting): boolean =>
    each.encryption === now && (each.member === lead?.member || each.upstream === lead?.member)
  const named = wish.members.filter(
    (name) => !heard.some((each) => each.member === name && hasTaken(each)),
  )
  // Whoever has left the file is spoken to until it is gone.
  const leaving = heard.filter(
    (each) =>
      !wish.members.includes(each.member) && each.server !== 'absent' && each.encryption !== now,
  )
  const missing = [...named, ...leaving.map(({ member }) => member), ...due.map((e) => e.member)]
  return { now, next, wanted, missing: [...new Set(missing)] }
}
