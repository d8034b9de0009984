// How is a database? Its members, who leads, how far the others are: what `status` shows, from what
// one machine knows. Pure.

import type { Decision } from '../control/rules.ts'
import { type Instant, type Milliseconds, since } from '../foundation/time.ts'
import { firstRecord } from './board.ts'
import { type WorstCases, worstCases } from './budget.ts'
import { decide } from './decide.ts'
import { describeAcks, describePhase, describeProof, showPosition } from './describe.ts'
import { wantedEncryption } from './durable-settings.ts'
import { encryptionOf } from './encryption.ts'
import { leadOf } from './facts.ts'
import type {
  Bind,
  DatabaseAction,
  DatabaseObservation,
  DatabaseView,
  Encryption,
  MemberPlan,
  MemberSighting,
  Phase,
} from './model.ts'
import { describeRequest, type Reasons, reasonOf, whyDatabase, whyMember } from './reasons.ts'
import { dueOf } from './restarts.ts'
import type { FailoverTrace } from './trace.ts'
import { wishOf } from './wish.ts'

/** One member, as people see it. */
export interface MemberOverview {
  readonly name: string
  readonly machine: string | undefined
  readonly address: string
  /** One or two words: `primary`, `replica`, `catching up`, `silent`, `broken`. */
  readonly state: string
  readonly standing: 'good' | 'doubtful' | 'bad'
  /** Why it is not well, in words; empty when it is. */
  readonly reason: string
  /** It is one of those that have to acknowledge. */
  readonly acknowledges: boolean
  /** How old what it applied last is. */
  readonly lag: Milliseconds | undefined
  /** How much it has not applied of what the primary has, in `unit` of the database. */
  readonly behind: number | undefined
  readonly position: string | undefined
  readonly clients: number | undefined
  /** Since its keeper was last heard; undefined: never. */
  readonly heard: Milliseconds | undefined
  readonly busy: MemberSighting['busy'] | undefined
  /** Why its server is to be started anew; undefined: it is not. */
  readonly restart: string | undefined
  readonly reasons: Reasons
}

/** Something long that an operator or the schedule began: a backup, a restore, a comparison. */
export interface DatabaseWork {
  readonly id: string
  readonly kind: 'backup' | 'restore' | 'trial' | 'verify'
  readonly since: Instant
  readonly step: string
  /** In bytes. */
  readonly done: number
  readonly of: number | undefined
  /** How it ended; undefined while it goes on. */
  readonly ended: EndedWork | undefined
}

/** How long work ended, in a line; and where it did not end well, what would help. */
export interface EndedWork {
  readonly at: Instant
  readonly well: boolean
  readonly line: string
  readonly remedy?: string | undefined
}

/** What is there to restore from. */
export interface BackupsOverview {
  readonly to: string
  readonly count: number
  readonly last: Instant | undefined
  /** A restore may go to any time from the first of these to the second. */
  readonly from: Instant | undefined
  readonly until: Instant | undefined
  /** When the latest was last restored on trial, and how that went. */
  readonly tried:
    | { readonly at: Instant; readonly well: boolean; readonly line: string }
    | undefined
  /** The log is received at this moment, by this machine. */
  readonly receiving: boolean
  /** What keeps backups from being made, in words; empty where nothing does. */
  readonly trouble: string
}

/** What a view does not hold, and the agent knows. */
export interface BesideView {
  readonly failover: FailoverTrace | undefined
  readonly work: readonly DatabaseWork[]
  readonly backups: BackupsOverview | undefined
}

/** One database, as people see it. */
export interface DatabaseOverview extends BesideView {
  readonly name: string
  readonly engine: string
  readonly durability: string
  readonly mode: string
  /** How members on several machines reach each other; undefined: all are on one. */
  readonly encryption: Encryption | undefined
  /** `unknown` while nobody has told. */
  readonly phase: Phase['kind'] | 'unknown'
  readonly says: string
  readonly primary: string | undefined
  readonly epoch: number
  /** The rule that holds now, and why. */
  readonly rule: string
  readonly why: string
  readonly standing: 'good' | 'doubtful' | 'bad'
  readonly paused: boolean
  /** What an operator asked for and has not got yet, in words. */
  readonly request: string | undefined
  /** Servers that somebody else has set up are being taken over. */
  readonly isAdopting: boolean
  readonly write: string
  readonly read: string | undefined
  readonly app: { readonly user: string; readonly database: string }
  /** Who has to acknowledge, in words; more than one while that is being changed. */
  readonly acks: readonly string[]
  /** What positions count. */
  readonly unit: 'bytes' | 'transactions'
  readonly members: readonly MemberOverview[]
  readonly proofs: readonly {
    readonly epoch: number
    readonly at: Instant
    readonly from: string | undefined
    readonly to: string
    readonly why: string
    readonly says: string
    readonly acceptedLoss: boolean
  }[]
  readonly reasons: Reasons
  /** The longest that clients wait, by class of failure. */
  readonly bounds: WorstCases
}

/** What is decided about a database by what is known here; nothing where no record is known. */
export function decisionOf(
  view: DatabaseView,
  now: Instant,
): { readonly decision: Decision<DatabaseAction>; readonly seen: DatabaseObservation } | undefined {
  const { members, paused, request, plan } = view
  // Nothing has been written down of a database that has not begun.
  const record = view.record ?? (view.connected ? firstRecord : undefined)
  if (record === undefined) return undefined
  const seen = { now, wish: wishOf(plan), record, members, paused, request }
  return { decision: decide(seen), seen }
}

const nothingBeside: BesideView = { failover: undefined, work: [], backups: undefined }

/** All that is shown of one database. */
export function overviewOf(
  view: DatabaseView,
  now: Instant,
  beside: BesideView = nothingBeside,
): DatabaseOverview {
  const { plan, record, paused, request } = view
  const { rule, why } = ruleOf(view, now)
  const members = plan.members.map((member) => memberOf(member, view, now))
  const phase = record?.phase.kind ?? 'unknown'
  return {
    ...beside,
    name: plan.name,
    engine: plan.engine,
    durability: plan.durability,
    mode: plan.failover,
    encryption: wantedEncryption(plan) && encryptionOf(plan, record),
    phase,
    says: saysOf(view),
    primary: record?.phase.kind === 'serving' ? record.phase.primary : undefined,
    epoch: record?.epoch ?? 0,
    ...{ rule, why, paused },
    standing: standingOf(phase, members),
    request: request && describeRequest(request),
    isAdopting: request?.kind === 'adopt',
    write: showBind(plan.bind.write),
    read: plan.bind.read && showBind(plan.bind.read),
    app: plan.app,
    acks: record?.acks.map(describeAcks) ?? [],
    unit: plan.engine === 'postgresql' ? 'bytes' : 'transactions',
    members,
    proofs: (record?.proofs ?? []).map((proof) => {
      const { epoch, at, from, to, why: reason, acceptedLoss } = proof
      const says = describeProof(proof, plan.engine)
      return { epoch, at, from, to, why: reason, says, acceptedLoss }
    }),
    reasons: whyDatabase(view, now, { rule, why }),
    bounds: worstCases(wishOf(plan).bounds, plan.engine),
  }
}

function saysOf({ plan, record, request }: DatabaseView): string {
  if (record !== undefined && record.phase.kind !== 'new') return describePhase(record.phase)
  if (plan.members.some(({ adopt }) => adopt !== undefined)) {
    return request?.kind === 'adopt' ? 'is being taken over' : 'is not taken over yet'
  }
  return record === undefined ? 'nothing is known of it yet' : describePhase(record.phase)
}

function ruleOf(view: DatabaseView, now: Instant): { readonly rule: string; readonly why: string } {
  if (!view.connected) {
    const why = 'the coordinator does not answer: nothing is decided, and what serves goes on'
    return { rule: 'not-connected', why }
  }
  const decided = decisionOf(view, now)?.decision
  return decided ?? { rule: 'not-decided', why: 'no agent has looked at it yet' }
}

function standingOf(
  phase: DatabaseOverview['phase'],
  members: readonly MemberOverview[],
): DatabaseOverview['standing'] {
  const serves = members.some(({ state }) => state === 'primary')
  if (!serves) return phase === 'handing-over' ? 'doubtful' : 'bad'
  return members.every(({ standing }) => standing === 'good') ? 'good' : 'doubtful'
}

export const showBind = ({ host, port }: Bind): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

function memberOf(member: MemberPlan, view: DatabaseView, now: Instant): MemberOverview {
  const { record, members, plan } = view
  const seen = members.find((each) => each.member === member.name)
  const lead = record && members.find((each) => each.member === leadOf(record))
  const behind =
    seen?.applied === undefined || lead?.received === undefined || lead === seen
      ? undefined
      : Math.max(0, lead.received.at - seen.applied.at)
  return {
    name: member.name,
    machine: member.machine,
    address: showBind(member),
    ...stateOf(member.name, seen, view, now),
    acknowledges: record?.acks.some((set) => set.members.includes(member.name)) === true,
    lag: seen?.server === 'replica' ? seen.lag : undefined,
    behind,
    position: seen?.received && showPosition(seen.received, plan.engine),
    clients: seen?.clients,
    heard: seen && since(seen.heard, now),
    busy: seen?.busy,
    restart: seen && dueOf(seen, view.request),
    reasons: whyMember(view, member.name, now),
  }
}

function stateOf(
  name: string,
  seen: MemberSighting | undefined,
  view: DatabaseView,
  now: Instant,
): Pick<MemberOverview, 'state' | 'standing' | 'reason'> {
  const say = (
    state: string,
    standing: MemberOverview['standing'],
  ): Pick<MemberOverview, 'state' | 'standing' | 'reason'> => ({
    ...{ state, standing },
    reason: standing === 'good' ? '' : reasonOf(name, seen, view, now),
  })
  if (seen === undefined) return say('not heard', 'doubtful')
  const isPast = since(seen.heard, now) >= wishOf(view.plan).bounds.silence
  if (view.connected && isPast) return say('silent', 'bad')
  if (seen.server === 'broken') return say('broken', 'bad')
  if (seen.busy !== undefined) return say(seen.busy.step, 'doubtful')
  const phase = view.record?.phase
  if (phase?.kind === 'handing-over' && phase.from === name) return say('handing over', 'doubtful')
  if (phase?.kind === 'promoting' && phase.winner === name) return say('not yet', 'doubtful')
  if (phase?.kind === 'promoting' && isWaiting(seen)) return say('waiting', 'doubtful')
  if (seen.server === 'primary' && seen.unfit !== undefined) return say('primary', 'doubtful')
  if (seen.server === 'primary')
    return serving(seen, view) ? say('primary', 'good') : say('not yet', 'doubtful')
  if (seen.server !== 'replica') return say(seen.server === 'absent' ? 'empty' : seen.server, 'bad')
  if (seen.diverged) return say('diverged', 'bad')
  const lead = view.record === undefined ? undefined : leadOf(view.record)
  if (lead !== undefined && seen.upstream !== lead) return say('not receiving', 'bad')
  if (seen.unfit !== undefined) return say('replica', 'doubtful')
  if (lead === undefined) return say('replica', 'good')
  const isNear = seen.lag !== undefined && seen.lag <= view.plan.readLag
  return isNear ? say('replica', 'good') : say('catching up', 'doubtful')
}

/** It has nobody to follow yet. */
const isWaiting = ({ server, diverged }: MemberSighting): boolean =>
  server === 'replica' && !diverged

const serving = (seen: MemberSighting, { record }: DatabaseView): boolean =>
  seen.writable && seen.epoch === record?.epoch && leadOf(record) === seen.member
