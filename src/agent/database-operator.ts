// What may an operator ask of a database, and what is refused and why? Each order becomes a change
// of what operators wish for, which the rules go by. Pure.

import { describeShortage } from '../databases/describe.ts'
import { type DatabaseFacts, factsOf } from '../databases/facts.ts'
import { fitOnes } from '../databases/fit.ts'
import type { DatabaseView, Request } from '../databases/model.ts'
import { decisionOf } from '../databases/overview.ts'
import { reasonOf } from '../databases/reasons.ts'
import { Fault } from '../foundation/fault.ts'
import type { Instant } from '../foundation/time.ts'

/** What operators ask of one database. */
export type OperatorWish = Pick<DatabaseView, 'paused' | 'request'>

/** A change of it. */
export type WishChange = (before: OperatorWish) => OperatorWish

/** What is ordered, and of which member. */
export interface Ordered {
  readonly change: WishChange
  readonly member: string | undefined
}

export const request =
  (asked: Request): WishChange =>
  (before) => ({ ...before, request: asked })

/** Everything that is known of a database, with what follows from it. */
export interface Known {
  readonly view: DatabaseView
  readonly now: Instant
  readonly facts: DatabaseFacts
  readonly rule: string
  readonly why: string
}

export function know(view: DatabaseView, now: Instant): Known {
  const decided = decisionOf(view, now)
  if (decided === undefined || !view.connected) {
    throw new Fault('unreachable', `nothing certain is known of ${view.plan.name} here`, {
      remedy: `alwayson why ${view.plan.name}`,
    })
  }
  const { rule, why } = decided.decision
  return { view, now, facts: factsOf(decided.seen), rule, why }
}

export const refuse = (message: string, remedy: string): never => {
  throw new Fault('refused', message, { remedy })
}

/** A planned move: to `to`, or to the replica that has most. */
export function switchOver(view: DatabaseView, now: Instant, to: string | undefined): Ordered {
  const known = know(view, now)
  const { name } = view.plan
  const primary = servingPrimary(known)
  if (view.paused) refuse(`${name} is paused: nothing is decided`, `alwayson resume ${name}`)
  if (to !== undefined) checkMember(view, to)
  if (to === primary) refuse(`${to} is primary of ${name} already`, `alwayson why ${name}`)
  const fit = fitIn(known)
  if (to !== undefined && !fit.includes(to)) {
    const seen = view.members.find(({ member }) => member === to)
    refuse(
      `${to} cannot take over now: ${reasonOf(to, seen, view, now)}`,
      `wait until it follows, or choose another: alwayson why ${to}`,
    )
  }
  const target = to ?? fit[0]
  if (target === undefined) {
    return refuse(`no replica of ${name} could take over now`, `alwayson why ${name}`)
  }
  const { epoch } = known.facts.record
  return { change: request({ kind: 'switchover', to: target, epoch }), member: target }
}

/** Members that could take over at this moment, as planned; the one that has most first. */
export function whoIsFit(view: DatabaseView, now: Instant): readonly string[] {
  const decided = decisionOf(view, now)
  if (decided === undefined || !view.connected || view.paused) return []
  return fitIn({ facts: factsOf(decided.seen) })
}

function fitIn({ facts: { record, loss, heard } }: Pick<Known, 'facts'>): readonly string[] {
  const { phase } = record
  if (phase.kind !== 'serving' || loss !== undefined) return []
  return fitOnes(heard, phase.primary).map(({ member }) => member)
}

/** The primary that serves, or a refusal that says what goes on instead. */
export function servingPrimary({ facts, view, rule, why }: Known): string {
  const { phase } = facts.record
  const { name } = view.plan
  if (phase.kind !== 'serving') refuse(`${name} has no primary now: ${why}`, `alwayson why ${name}`)
  const primary = phase.kind === 'serving' ? phase.primary : ''
  if (facts.loss === undefined) return primary
  return refuse(
    `${primary} is lost (${facts.loss}), so nothing can be moved as planned: ${rule}, ${why}`,
    `to replace it: alwayson failover ${name}`,
  )
}

export function checkMember({ plan }: DatabaseView, member: string): void {
  const names = plan.members.map(({ name }) => name)
  if (names.includes(member)) return
  throw new Fault('not-found', `${plan.name} has no member ${member}`, {
    remedy: `it has ${names.join(', ')}`,
  })
}

/** Rules that wait because going on could lose an acknowledged write. */
const lossy = new Set(['hold-for-members', 'cannot-replace', 'wait-for-all'])

/** Replaces a primary that is lost; what a missing member may have is given up only if told. */
export function failOver(view: DatabaseView, now: Instant, acceptDataLoss: boolean): Ordered {
  const known = know(view, now)
  const { facts, rule, why } = known
  const { name } = view.plan
  const { epoch, phase } = facts.record
  if (!acceptDataLoss && !lossy.has(rule)) return letGoOn(known) ?? nothingWaits(known)
  if (!acceptDataLoss) {
    const { short } = facts.election
    const what = short === undefined ? why : describeShortage(short)
    return refuse(
      `${name} is not failed over: ${what}`,
      `bring them back, or give up what they have: alwayson failover ${name} --accept-data-loss`,
    )
  }
  if (!lossy.has(rule) && facts.loss === undefined && phase.kind !== 'electing') {
    return refuse(
      `there is nothing to give up: ${lead(known)} serves ${name}`,
      `to move it without a loss: alwayson switchover ${name}`,
    )
  }
  return { change: request({ kind: 'accept-data-loss', epoch }), member: undefined }
}

const lead = ({ facts }: Known): string => facts.lead?.member ?? 'its primary'

/** Lets a failover go on that waits for an operator, or counts those so far as looked at. */
export function approve(view: DatabaseView, now: Instant): Ordered {
  const known = know(view, now)
  const { record } = known.facts
  // Nothing waits, but the next failover would.
  const isUnseen = serves(known) && record.lastFailover !== undefined
  const seen: Ordered = { change: request({ kind: 'acknowledge' }), member: undefined }
  return letGoOn(known) ?? (isUnseen ? seen : nothingWaits(known))
}

/** What has the failover go on that waits; `undefined`: none does. */
function letGoOn({ facts, rule }: Known): Ordered | undefined {
  const { epoch } = facts.record
  if (rule === 'would-fail-over' || rule === 'would-raise-epoch') {
    return { change: request({ kind: 'approve-failover', epoch }), member: undefined }
  }
  if (rule !== 'cooling-down') return undefined
  return { change: request({ kind: 'acknowledge' }), member: undefined }
}

const serves = ({ facts }: Known): boolean =>
  facts.loss === undefined && facts.record.phase.kind === 'serving'

function nothingWaits(known: Known): never {
  const { name } = known.view.plan
  const isServing = serves(known)
  const says = isServing ? `${lead(known)} serves it` : known.why
  return refuse(
    `no failover of ${name} waits for anybody: ${says}`,
    isServing ? `for a planned move: alwayson switchover ${name}` : `alwayson why ${name}`,
  )
}

/** Makes a member primary if that loses nothing; otherwise says what would be lost. */
export function promote(view: DatabaseView, now: Instant, member: string): Ordered {
  checkMember(view, member)
  const known = know(view, now)
  const { facts } = known
  const { name } = view.plan
  const isServing = facts.record.phase.kind === 'serving'
  if (isServing && facts.loss === undefined) return switchOver(view, now, member)
  const { short, winner } = facts.election
  const best = winner?.sighting.member
  if (!isServing && short === undefined && best !== undefined && best !== member) {
    return refuse(
      `${member} does not have what ${best} has: that would be lost`,
      `${best} is promoted by itself: alwayson why ${name}`,
    )
  }
  if (lossy.has(known.rule)) {
    return refuse(
      `${member} is not promoted: ${short === undefined ? known.why : describeShortage(short)}`,
      `bring them back, or give up what they have: alwayson failover ${name} --accept-data-loss`,
    )
  }
  if (known.rule === 'would-fail-over' || known.rule === 'cooling-down') return approve(view, now)
  return refuse(
    `${name} is being failed over (${known.rule}): who has most is promoted by itself`,
    `alwayson why ${name}`,
  )
}

/** Copies all of a member anew. */
export function reinit(view: DatabaseView, now: Instant, member: string): Ordered {
  checkMember(view, member)
  const known = know(view, now)
  const { name } = view.plan
  const primary = servingPrimary(known)
  if (member === primary) {
    refuse(
      `${member} is primary: the others copy from it`,
      `move it first: alwayson switchover ${name}, then alwayson reinit ${member}`,
    )
  }
  if (!known.facts.heard.some((each) => each.member === member)) {
    const seen = view.members.find((each) => each.member === member)
    refuse(`nobody could do it: ${reasonOf(member, seen, view, now)}`, `alwayson why ${member}`)
  }
  return { change: request({ kind: 'reinit', member, id: String(Math.floor(now)) }), member }
}

/** Nothing is decided any more, or everything again. */
export function setPaused(view: DatabaseView, paused: boolean): Ordered {
  const { name } = view.plan
  if (view.paused === paused) {
    const remedy = paused ? `alwayson resume ${name}` : `alwayson pause ${name}`
    refuse(`${name} is ${paused ? 'paused already' : 'not paused'}`, remedy)
  }
  return { change: (before) => ({ ...before, paused }), member: undefined }
}
