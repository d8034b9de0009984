// Why is a database, or a member of it, as it is, and which command would change it? Every rule
// that waits has its words here. Pure.

import { formatDuration, type Instant, later, ms, since } from '../foundation/time.ts'
import { firstRecord } from './board.ts'
import { describeShortage } from './describe.ts'
import { type DatabaseFacts, factsOf, leadOf } from './facts.ts'
import type { DatabaseView, MemberPlan, MemberSighting, Request } from './model.ts'
import { wishOf } from './wish.ts'

/** What holds now, one sentence each, and the commands that would resolve it. */
export interface Reasons {
  readonly now: readonly string[]
  readonly remedies: readonly string[]
}

/** What an operator asked for, in words. */
export function describeRequest(request: Request): string {
  switch (request.kind) {
    case 'switchover':
      return `a planned move to ${request.to}`
    case 'accept-data-loss':
      return `go on without what a missing member may have (epoch ${request.epoch})`
    case 'approve-failover':
      return `replace the primary (epoch ${request.epoch})`
    case 'reinit':
      return `copy ${request.member} anew`
    case 'restore':
      return `have what was restored for ${request.member} put in place of all there is`
    case 'restart':
      return `start the servers of ${request.members.join(', ')} anew`
    case 'acknowledge':
      return 'go on after the failovers so far'
    case 'adopt':
      return 'take over the servers that run already'
  }
}

/** Why a member is not well, in words. */
export function reasonOf(
  name: string,
  seen: MemberSighting | undefined,
  view: DatabaseView,
  now: Instant,
): string {
  if (seen === undefined && isForeign(view, name)) {
    return view.request?.kind === 'adopt'
      ? `it is being taken over${onMachine(view, name)}: alwayson events says what it waits for`
      : 'its server runs as somebody else has set it up'
  }
  if (seen === undefined) return `no agent has told of it${onMachine(view, name)}`
  if (since(seen.heard, now) >= wishOf(view.plan).bounds.silence) {
    const long = formatDuration(since(seen.heard, now))
    return `its agent${onMachine(view, name)} was last heard ${long} ago`
  }
  if (seen.trouble !== undefined && seen.trouble !== '') return seen.trouble
  if (seen.unfit !== undefined) return seen.unfit
  if (seen.busy !== undefined) return `${seen.busy.step} ${shareOf(seen.busy)}`.trim()
  if (seen.diverged) return 'it has writes that nobody else has, and does not follow'
  const lead = view.record === undefined ? undefined : leadOf(view.record)
  const phase = view.record?.phase
  if (phase?.kind === 'handing-over' && lead === name) {
    return 'what its clients have under way ends, and it stops'
  }
  if (phase?.kind === 'promoting' && lead === name) return 'it is about to take writes'
  if (phase?.kind === 'promoting' && seen.server === 'replica') {
    return `it waits until ${phase.winner} takes writes`
  }
  switch (seen.server) {
    case 'absent':
      return 'it has no data yet'
    case 'stopped':
      return 'its server does not run'
    case 'starting':
      return 'its server starts'
    case 'broken':
      return 'its server cannot be used'
    case 'primary':
      return `it does not serve at epoch ${view.record?.epoch ?? 0}`
    case 'replica':
      return lead !== undefined && seen.upstream !== lead
        ? `it receives from ${seen.upstream ?? 'nobody'}, and should from ${lead}`
        : `it is ${seen.lag === undefined ? 'an unknown time' : formatDuration(seen.lag)} behind`
  }
}

/** `43 %`, or nothing where nobody knows how much it is. */
export const shareOf = ({
  done,
  of,
}: {
  readonly done: number
  readonly of?: number | undefined
}): string =>
  of === undefined || of === 0 ? '' : `${Math.min(100, Math.floor((100 * done) / of))} %`

const planOf = ({ plan }: DatabaseView, name: string): MemberPlan | undefined =>
  plan.members.find((member) => member.name === name)

/** Nothing has been decided about servers that were set up by somebody else. */
const isForeign = (view: DatabaseView, name: string): boolean =>
  (view.record?.phase.kind ?? 'new') === 'new' && planOf(view, name)?.adopt !== undefined

function onMachine(view: DatabaseView, name: string): string {
  const machine = planOf(view, name)?.machine
  return machine === undefined ? '' : ` on ${machine}`
}

/** Explains a database by the rule that holds. `rule` and `why` are those of the decision. */
export function whyDatabase(
  view: DatabaseView,
  now: Instant,
  { rule, why }: { readonly rule: string; readonly why: string },
): Reasons {
  const { plan, paused, request, connected } = view
  if (!connected) return unknown(view, { rule, why })
  const { record = firstRecord } = view
  const facts = factsOf({ now, wish: wishOf(plan), record, members: view.members, paused, request })
  const told = (waits[rule] ?? nothingMore)(facts, view)
  const members = plan.members.map((member) => memberWhy(member.name, view, now))
  return {
    now: [
      `${rule}: ${why}`,
      ...told.now,
      ...(request === undefined ? [] : [`an operator asked for ${describeRequest(request)}`]),
      ...members.flatMap((each) => each.now),
    ],
    remedies: [...new Set([...told.remedies, ...members.flatMap((each) => each.remedies)])],
  }
}

/** Explains one member. */
export function whyMember(view: DatabaseView, name: string, now: Instant): Reasons {
  const told = memberWhy(name, view, now)
  const seen = view.members.find(({ member }) => member === name)
  if (told.now.length > 0 || seen === undefined) return told
  const lead = view.record === undefined ? undefined : leadOf(view.record)
  const says =
    lead === name ? `it is primary of ${view.plan.name}` : `it follows ${lead ?? 'nobody'}`
  return { now: [says], remedies: [] }
}

function unknown(view: DatabaseView, { rule, why }: { rule: string; why: string }): Reasons {
  const remedies = view.connected
    ? ['wait a moment: an agent has to look at it first']
    : ['alwayson status shows what the coordinator says; mend that']
  return { now: [`${rule}: ${why}`], remedies }
}

function memberWhy(name: string, view: DatabaseView, now: Instant): Reasons {
  const seen = view.members.find(({ member }) => member === name)
  const silent = seen === undefined || since(seen.heard, now) >= wishOf(view.plan).bounds.silence
  const lead = view.record === undefined ? undefined : leadOf(view.record)
  if (silent)
    return { now: [`${name}: ${reasonOf(name, seen, view, now)}`], remedies: [revive(view, name)] }
  const follows = name === lead || lead === undefined || seen.upstream === lead
  const isWell =
    seen.server === 'primary' || (seen.server === 'replica' && !seen.diverged && follows)
  const { trouble, unfit, remedy = unfit && 'make room on the disk of its data' } = seen
  if (isWell && trouble === undefined && unfit === undefined) return { now: [], remedies: [] }
  const reason = `${name}: ${reasonOf(name, seen, view, now)}`
  const again = seen.diverged || seen.server === 'broken' ? [`alwayson reinit ${name}`] : []
  const cure = remedy === undefined ? again : [`${name}: ${remedy}`]
  return { now: [reason], remedies: seen.busy === undefined ? cure : [] }
}

/** Who is silent may be back by itself; if not, its agent has to be started. */
function revive(view: DatabaseView, name: string): string {
  if (isForeign(view, name) && view.request?.kind !== 'adopt') {
    return 'see what taking over would change: alwayson apply --dry-run; then alwayson apply'
  }
  const machine = planOf(view, name)?.machine
  return machine === undefined
    ? 'start the agent: alwayson up'
    : `bring ${machine} back, and start its agent there: alwayson up`
}

type Words = (facts: DatabaseFacts, view: DatabaseView) => Reasons

const nothingMore: Words = () => ({ now: [], remedies: [] })
const acceptLoss = ({ plan }: DatabaseView): string =>
  `to give up what they may have: alwayson failover ${plan.name} --accept-data-loss`

const missing: Words = ({ election, seen }, view) => {
  const short = election.short
  const names = short?.of ?? []
  const back = names
    .filter(
      (name) =>
        !seen.members.some(({ member }) => member === name && isHeard(view, name, seen.now)),
    )
    .map((name) => revive(view, name))
  return {
    now: short === undefined ? [] : [describeShortage(short)],
    remedies: [...back, acceptLoss(view)],
  }
}

/** Nothing has begun: whoever is silent may have data, and so may whoever has left the file. */
const unheard: Words = ({ seen }, view) => {
  const { members } = seen
  const away = members.filter(({ server, member }) => server !== 'absent' || isNamed(view, member))
  const names = new Set([...seen.wish.members, ...away.map(({ member }) => member)])
  const silent = [...names].filter((name) => !isHeard(view, name, seen.now))
  const waits = silent.length === 0 ? [] : [`it waits for ${silent.join(' and ')}`]
  const hasSome = members.some(({ server }) => server !== 'absent' && server !== 'broken')
  return {
    now: waits,
    remedies: [
      ...silent.map((name) => revive(view, name)),
      // Without any data that can be used there is nothing to go on with.
      ...(hasSome ? [acceptLoss(view)] : []),
    ],
  }
}

const isNamed = (view: DatabaseView, name: string): boolean => planOf(view, name) !== undefined

const isHeard = ({ members, plan }: DatabaseView, name: string, now: Instant): boolean =>
  members.some(
    (each) => each.member === name && since(each.heard, now) < wishOf(plan).bounds.silence,
  )

/** Who is to be started anew, by what it is for. */
const restartWords = ({ due }: DatabaseFacts['restarts']): Reasons => ({
  now: due.map(({ member, why }) => `${member} is to be started anew: ${why}`),
  remedies: [],
})

/** What is missing, and what would help, by the rule that waits for it. */
const waits: Readonly<Record<string, Words>> = {
  paused: (_, { plan }) => ({
    now: ['nothing is decided, whatever happens; what serves goes on'],
    remedies: [`alwayson resume ${plan.name}`],
  }),
  'hold-for-members': missing,
  'cannot-replace': missing,
  'wait-for-all': unheard,
  'would-fail-over': ({ loss, lead }, { plan }) => ({
    now: [`${lead?.member ?? 'its primary'} is lost (${loss ?? 'unknown'})`],
    remedies: [`alwayson approve ${plan.name}`],
  }),
  'would-raise-epoch': ({ beyond, lead }, { plan }) => ({
    now: [
      `${beyond.map(({ member }) => member).join(', ')} has promised a later epoch, to a record
      that is gone`.replace(/\s+/g, ' '),
    ],
    remedies: [
      `to begin a later one, for which ${lead?.member ?? 'the primary'} stops for a moment: ` +
        `alwayson approve ${plan.name}`,
    ],
  }),
  'cooling-down': ({ loss, lead, record, seen }, { plan }) => {
    const end =
      record.lastFailover === undefined
        ? undefined
        : later(record.lastFailover, seen.wish.bounds.coolDown)
    const left = end === undefined ? undefined : formatDuration(ms(Math.max(0, end - seen.now)))
    return {
      now: [
        `${lead?.member ?? 'its primary'} is lost (${loss ?? 'unknown'})`,
        ...(left === undefined ? [] : [`it goes on by itself in ${left}`]),
      ],
      remedies: [`alwayson approve ${plan.name}`],
    }
  },
  'wait-out-lease': ({ seen }, view) => ({
    now: [
      `it ends itself within ${formatDuration(seen.wish.bounds.lease)}, unless it is heard by
      those who acknowledge its writes`.replace(/\s+/g, ' '),
    ],
    // Nobody can say of one that cannot be used whether it serves.
    remedies: seen.members.some(({ server }) => server === 'broken') ? [acceptLoss(view)] : [],
  }),
  'stop-for-restore': ({ seen, record }, view) => {
    const { phase } = record
    const from = phase.kind === 'electing' ? (phase.from ?? phase.avoid) : undefined
    const isSilent = from !== undefined && !isHeard(view, from, seen.now)
    return {
      now: isSilent ? [`${from} is not heard: it may serve as long as others hear it`] : [],
      remedies: isSilent ? [revive(view, from), acceptLoss(view)] : [],
    }
  },
  'wait-for-replicas': ({ lead }) => ({
    now: [`writes on ${lead?.member ?? 'it'} wait for members that do not receive`],
    remedies: [],
  }),
  'listen-first': ({ lead, seen }, view) => ({
    now: [
      `${lead?.member ?? 'it'} counts as lost if it is not heard within ` +
        formatDuration(seen.wish.bounds.silence),
    ],
    remedies: lead === undefined ? [] : [revive(view, lead.member)],
  }),
  'vouched-for': ({ vouchers, lead }, view) => ({
    now: [`${vouchers.join(', ')} receives from it`],
    remedies: lead === undefined ? [] : [revive(view, lead.member)],
  }),
  'wait-for-target': ({ target, seen }) => {
    const left = formatDuration(seen.wish.bounds.handOver)
    const name = target?.member.member
    const now =
      name === undefined ? [] : [`${name} takes over, or after ${left} the old one goes on`]
    return { now, remedies: [] }
  },
  'restart-replica': ({ restarts }) => restartWords(restarts),
  'restart-waits': ({ restarts, seen }, view) => ({
    now: [
      ...restartWords(restarts).now,
      ...(restarts.missing.length === 0
        ? ['the next waits until all of them acknowledge again']
        : [`the next waits for ${restarts.missing.join(', ')}`]),
    ],
    remedies:
      seen.request?.kind === 'restart'
        ? [`to leave the others as they are: alwayson restart ${view.plan.name} --stop`]
        : [],
  }),
  'encryption-waits': ({ encryption }) => ({
    now:
      encryption === undefined
        ? []
        : [
            `members are to be at \`${encryption.now}\`, on the way to \`${encryption.wanted}\``,
            `the next step waits for ${encryption.missing.join(', ')}`,
          ],
    remedies: (encryption?.missing ?? []).map((name) => `alwayson why ${name}`),
  }),
  'hold-diverged': ({ astray }) => ({
    now: astray.map(({ member }) => `${member.member} has writes that nobody else has`),
    remedies: astray.map(
      ({ member }) => `to set them aside and follow: alwayson reinit ${member.member}`,
    ),
  }),
}
