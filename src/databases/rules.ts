// What does a database need next? An ordered table: the first row that holds decides. Pure.

import type { Rule } from '../control/rules.ts'
import { firstAcks, standsAlone } from './election.ts'
import type { Astray, DatabaseFacts } from './facts.ts'
import type { DatabaseAction, DatabaseRecord, Phase, Proof, RejoinWay } from './model.ts'
import { origin, type Tail } from './position.ts'

const wait = (): readonly DatabaseAction[] => []

const isPhase =
  <Kind extends Phase['kind']>(kind: Kind) =>
  (f: DatabaseFacts): boolean =>
    f.record.phase.kind === kind

const isNew = isPhase('new')
const isServing = isPhase('serving')
const isElecting = isPhase('electing')
const isPromoting = isPhase('promoting')
const isHandingOver = isPhase('handing-over')

const write = (f: DatabaseFacts, change: Partial<DatabaseRecord>): readonly DatabaseAction[] => [
  { kind: 'record', record: { ...f.record, ...change, version: f.record.version + 1 } },
]

/** Closes the epoch: whoever serves at it may not go on, and a new one is elected. */
const elect = (f: DatabaseFacts, why: string, prefer?: string): readonly DatabaseAction[] =>
  write(f, {
    epoch: f.record.epoch + 1,
    phase: { kind: 'electing', from: f.lead?.member, since: f.seen.now, why, prefer },
  })

const askedFor = (f: DatabaseFacts, kind: 'accept-data-loss' | 'approve-failover'): boolean =>
  f.seen.request?.kind === kind && f.seen.request.epoch === f.record.epoch

/** A loss that its own keeper testifies to is no matter of opinion: it needs no cooling down. */
const isOpinion = (f: DatabaseFacts): boolean => f.loss !== 'server-died'

const mayDecide = (f: DatabaseFacts): boolean =>
  f.seen.wish.failover === 'auto' || askedFor(f, 'approve-failover')

function promotion(f: DatabaseFacts, acceptedLoss: boolean): readonly DatabaseAction[] {
  const { winner, confirmed } = f.election
  const { phase, epoch, acks, proofs } = f.record
  if (winner === undefined || phase.kind !== 'electing') return []
  const to = winner.sighting.member
  const proof: Proof = {
    epoch: epoch + 1,
    at: f.seen.now,
    from: phase.from,
    to,
    why: phase.why,
    acks,
    confirmed: Object.fromEntries(confirmed.map((e) => [e.sighting.member, e.position])),
    start: winner.position,
    acceptedLoss,
  }
  const names = confirmed.filter((each) => each.heard).map((each) => each.sighting.member)
  return write(f, {
    epoch: epoch + 1,
    phase: { kind: 'promoting', winner: to, proof },
    acks: [firstAcks(to, names, f.seen.wish)],
    floor: winner.position,
    proofs: [proof, ...proofs],
  })
}

const leadName = (f: DatabaseFacts): string => f.lead?.member ?? ''

/** The rules of a database, in the order in which they are asked. */
export const databaseRules: readonly Rule<DatabaseFacts, DatabaseAction>[] = [
  {
    id: 'paused',
    why: 'an operator has paused this database: nothing is decided',
    when: (f) => f.seen.paused,
    actions: wait,
  },
  {
    id: 'fence-stale',
    why: 'it serves, or takes writes, at an epoch that is over',
    when: (f) => f.stale.length > 0,
    actions: (f) => f.stale.map(({ member }) => ({ kind: 'fence', member })),
  },
  {
    id: 'begin',
    why: 'the first member has been initialised',
    when: (f) => isNew(f) && f.heard.some(({ server }) => server !== 'absent'),
    actions: (f) => {
      const first = f.heard.find(({ server }) => server !== 'absent')
      return write(f, {
        epoch: f.record.epoch + 1,
        phase: {
          kind: 'electing',
          from: first?.member,
          since: f.seen.now,
          why: 'a database begins',
          prefer: undefined,
        },
        floor: origin,
      })
    },
  },
  {
    id: 'initialise',
    why: 'no member has any data',
    when: (f) => isNew(f) && f.heard.some(({ server }) => server === 'absent'),
    actions: (f) => {
      const first = f.seen.wish.members.find((name) => f.heard.some((e) => e.member === name))
      return first === undefined ? [] : [{ kind: 'initialise', member: first }]
    },
  },
  {
    id: 'freeze',
    why: 'whoever may have acknowledged a write has to stop receiving before anybody is promoted',
    when: (f) => isElecting(f) && f.toFreeze.length > 0 && f.election.short !== undefined,
    actions: (f) => f.toFreeze.map(({ member }) => ({ kind: 'freeze', member })),
  },
  {
    id: 'wait-out-lease',
    why: 'the old primary has not been seen to stop, and its clients may still be answered by it',
    when: (f) => isElecting(f) && f.leaseUntil !== undefined && standsAlone(f.record),
    actions: wait,
  },
  {
    id: 'elect-furthest',
    why: 'it has all that was acknowledged: so many have stopped that nobody else can have more',
    when: (f) => isElecting(f) && f.election.winner !== undefined && f.election.short === undefined,
    actions: (f) => promotion(f, false),
  },
  {
    id: 'elect-at-a-loss',
    why: 'what was asked for is availability: what the old primary alone had is given up',
    when: (f) =>
      isElecting(f) &&
      f.election.winner !== undefined &&
      (standsAlone(f.record) || askedFor(f, 'accept-data-loss')),
    actions: (f) => promotion(f, true),
  },
  {
    id: 'hold-for-members',
    why: 'a member that may have acknowledged writes is missing',
    when: isElecting,
    actions: (f) => f.toFreeze.map(({ member }) => ({ kind: 'freeze', member })),
  },
  {
    id: 'winner-lost',
    why: 'the member that was to be promoted is gone',
    when: (f) => isPromoting(f) && isWinnerLost(f),
    actions: (f) => elect(f, `${leadName(f)} was lost while it was promoted`),
  },
  {
    id: 'promoted',
    why: 'it takes writes at this epoch, acknowledged as recorded',
    when: (f) => isPromoting(f) && serves(f),
    actions: (f) =>
      write(f, {
        phase: { kind: 'serving', primary: leadName(f) },
        ...(isPlanned(f) ? {} : { lastFailover: f.seen.now }),
      }),
  },
  {
    id: 'promote',
    why: 'the election is decided',
    when: isPromoting,
    actions: (f) =>
      f.record.acks
        .slice(-1)
        .map((acks): DatabaseAction => ({ kind: 'promote', member: leadName(f), acks })),
  },
  {
    id: 'hand-over',
    why: 'the old primary has stopped, and the new one has all of it',
    when: (f) => isHandingOver(f) && f.target?.caughtUp === true,
    actions: (f) => elect(f, 'a planned move', f.target?.member.member),
  },
  {
    id: 'give-up-hand-over',
    why: 'the member that was to take over is gone, or it took too long: the old primary goes on',
    when: (f) => isHandingOver(f) && (f.target?.fit !== true || f.target.tooLate),
    actions: (f) => elect(f, 'a planned move was given up', leadName(f)),
  },
  {
    id: 'quiesce',
    why: 'a planned move waits for what is under way',
    when: (f) => isHandingOver(f) && f.leadHeard && f.lead?.server === 'primary',
    actions: (f) => [{ kind: 'quiesce', member: leadName(f) }],
  },
  {
    id: 'wait-for-target',
    why: 'the member that is to take over does not have everything yet',
    when: (f) => isHandingOver(f) && (f.leadHeard || f.loss === undefined),
    actions: wait,
  },
  {
    id: 'failover',
    why: 'its primary is lost, and several witnesses say so',
    when: (f) =>
      hasPrimary(f) && f.loss !== undefined && mayDecide(f) && !(f.cooling && isOpinion(f)),
    actions: (f) => elect(f, f.loss ?? ''),
  },
  {
    id: 'cooling-down',
    why: 'it failed over a short while ago: another one waits until that has been looked at',
    when: (f) => hasPrimary(f) && f.loss !== undefined && mayDecide(f),
    actions: wait,
  },
  {
    id: 'would-fail-over',
    why: 'its primary is lost, and the file says that an operator decides',
    when: (f) => hasPrimary(f) && f.loss !== undefined,
    actions: wait,
  },
  {
    id: 'switch-over',
    why: 'an operator asked for a planned move, and its target receives everything',
    when: (f) => isServing(f) && f.leadHeard && f.target?.fit === true,
    actions: (f) =>
      write(f, {
        phase: {
          kind: 'handing-over',
          from: leadName(f),
          to: f.target?.member.member ?? '',
          since: f.seen.now,
        },
      }),
  },
  {
    id: 'rejoin',
    why: 'it should follow the primary and does not',
    when: (f) => isServing(f) && f.astray.some(isToRejoin),
    actions: (f) =>
      f.astray.filter(isToRejoin).map(({ member, tail }) => ({
        kind: 'follow',
        member: member.member,
        primary: leadName(f),
        way: wayOf(tail.kind, member.server === 'absent'),
      })),
  },
  {
    id: 'record-acks',
    why: 'a set is written down before a server may acknowledge by it, and forgotten afterwards',
    when: (f) => f.acksToRecord !== undefined,
    actions: (f) => (f.acksToRecord === undefined ? [] : write(f, { acks: f.acksToRecord })),
  },
  {
    id: 'set-acks',
    why: 'the recorded set is not the one that the primary acknowledges by',
    when: (f) => f.acksToOrder !== undefined && f.leadHeard,
    actions: (f) =>
      f.acksToOrder === undefined
        ? []
        : [{ kind: 'set-acks', member: leadName(f), acks: f.acksToOrder }],
  },
  {
    id: 'vouched-for',
    why: 'its keeper is not heard, but its replicas hear it: it goes on',
    when: (f) => isServing(f) && !f.leadHeard,
    actions: wait,
  },
  {
    id: 'steady',
    why: 'its primary serves, and every member that is there follows',
    when: () => true,
    actions: wait,
  },
]

const hasPrimary = (f: DatabaseFacts): boolean => isServing(f) || isHandingOver(f)

/** It does what was asked of it, and says so. */
const serves = (f: DatabaseFacts): boolean =>
  f.leadHeard && f.lead?.server === 'primary' && f.lead.epoch === f.record.epoch && f.lead.writable

/** One that is merely stopped can be promoted: that starts it. */
const isWinnerLost = (f: DatabaseFacts): boolean =>
  f.loss === 'machine-lost' ||
  f.loss === 'server-hung' ||
  f.lead?.server === 'broken' ||
  f.lead?.server === 'absent'

const isPlanned = ({ record: { phase } }: DatabaseFacts): boolean =>
  phase.kind === 'promoting' && phase.proof.why.startsWith('a planned move')

const isToRejoin = ({ member }: Astray): boolean => member.server !== 'broken'

function wayOf(tail: Tail['kind'], isEmpty: boolean): RejoinWay {
  if (isEmpty || tail === 'unknown') return 'clone'
  return tail === 'none' ? 'follow' : 'rewind'
}
