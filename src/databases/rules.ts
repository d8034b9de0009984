// What does a database need next? An ordered table: the first row that holds decides. Pure.

import type { Rule } from '../control/rules.ts'
import { later } from '../foundation/time.ts'
import { hasAgreed, mayDecide } from './assent.ts'
import {
  begin,
  beyondAll,
  elect,
  electAgain,
  failovers,
  handOver,
  moveGivenUp,
  promotion,
  withData,
  write,
} from './changes.ts'
import { reachesNear, standsAlone } from './election.ts'
import { encryptionRules } from './encryption-rules.ts'
import { raiseRule, raiseWaits } from './epoch-rules.ts'
import type { DatabaseFacts } from './facts.ts'
import type { DatabaseAction, MemberSighting, Phase } from './model.ts'
import { moveRules, waitForReads } from './move-rules.ts'
import { reaches } from './position.ts'
import { isHeld, isToRejoin, reinitOf, rejoinOf } from './rejoin.ts'
import { restoreRules } from './restore-rules.ts'

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

const acceptsLoss = (f: DatabaseFacts): boolean => hasAgreed(f.seen, 'accept-data-loss')

const mayReplace = (f: DatabaseFacts): boolean => f.replaceable || acceptsLoss(f)

const freezeOf = (
  members: readonly MemberSighting[],
  but: readonly MemberSighting[],
): readonly DatabaseAction[] =>
  members.filter((each) => !but.includes(each)).map(({ member }) => ({ kind: 'freeze', member }))

const freezeAll = (f: DatabaseFacts): readonly DatabaseAction[] => freezeOf(f.toFreeze, [])

const setAcks = (f: DatabaseFacts): readonly DatabaseAction[] =>
  f.acksToOrder === undefined || !f.leadHeard || isLeadBeyond(f)
    ? []
    : [{ kind: 'set-acks', member: leadName(f), acks: f.acksToOrder }]

/** It takes no order of this epoch. */
const isLeadBeyond = ({ beyond, lead }: DatabaseFacts): boolean =>
  lead !== undefined && beyond.includes(lead)

const leadName = (f: DatabaseFacts): string => f.lead?.member ?? ''

/** The rules of a database, in the order in which they are asked. */
export const databaseRules: readonly Rule<DatabaseFacts, DatabaseAction>[] = [
  raiseRule,
  {
    id: 'fence-stale',
    why: 'it serves, or takes writes, at an epoch that is over',
    when: (f) => f.stale.length > 0,
    actions: (f) => [
      ...f.stale.map(({ member }): DatabaseAction => ({ kind: 'fence', member })),
      // The others stop meanwhile.
      ...(isElecting(f) && !f.seen.paused ? freezeOf(f.toFreeze, f.stale) : []),
    ],
  },
  {
    id: 'paused',
    why: 'an operator has paused this database: nothing is decided',
    when: (f) => f.seen.paused,
    actions: wait,
  },
  {
    id: 'acknowledged',
    why: 'an operator has looked at the failovers so far',
    when: (f) => f.seen.request?.kind === 'acknowledge' && f.record.lastFailover !== undefined,
    actions: (f) => write(f, { lastFailover: undefined, failovers: 0 }),
  },
  ...restoreRules,
  {
    id: 'begin',
    why: 'the first member has been initialised',
    when: (f) => isNew(f) && withData(f).length === 1 && withData(f).every(isFresh),
    actions: (f) => begin(f, f.record.epoch + 1, withData(f)[0]?.member),
  },
  {
    id: 'begin-again',
    why: 'members have taken part before, and nothing is written down: the furthest is elected',
    when: (f) =>
      isNew(f) &&
      withData(f).some(isUsable) &&
      // Nobody can say what a broken one has, or whose that is.
      ((f.allHeard && withData(f).every(isUsable)) || acceptsLoss(f)),
    actions: (f) => begin(f, beyondAll(f), undefined),
  },
  {
    id: 'initialise',
    why: 'no member has any data',
    when: (f) => isNew(f) && f.allHeard && withData(f).length === 0,
    actions: (f) =>
      f.seen.wish.members.slice(0, 1).map((member) => ({ kind: 'initialise', member })),
  },
  {
    id: 'wait-for-all',
    why: 'a member that is not heard, or cannot be used, may have data: nothing begins without it',
    when: isNew,
    actions: wait,
  },
  {
    id: 'freeze',
    why: 'whoever may have acknowledged a write has to stop receiving before anybody is promoted',
    when: (f) =>
      isElecting(f) &&
      f.toFreeze.length > 0 &&
      f.election.short !== undefined &&
      !(mayLose(f) && isOverdue(f)),
    actions: freezeAll,
  },
  {
    id: 'wait-out-lease',
    why: 'the old primary has not been seen to stop, and its clients may still be answered by it',
    when: (f) =>
      isElecting(f) &&
      f.mayStillServe &&
      f.election.short !== undefined &&
      standsAlone(f.record) &&
      !acceptsLoss(f),
    actions: freezeAll,
  },
  {
    id: 'wait-for-better',
    why: 'whoever could be elected now is not the best: another is heard, and about to stop',
    when: (f) => isElecting(f) && f.election.short === undefined && f.better.length > 0,
    actions: freezeAll,
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
      (acceptsLoss(f) ||
        (standsAlone(f.record) &&
          !f.election.winner.isAstray &&
          reachesNear(f.election, f.record))),
    actions: (f) => promotion(f, true),
  },
  {
    id: 'hold-for-members',
    why: 'a member that may have acknowledged writes is missing',
    when: isElecting,
    actions: freezeAll,
  },
  {
    id: 'winner-lost',
    why: 'the member that was to be promoted is gone',
    when: (f) => isPromoting(f) && isWinnerLost(f),
    actions: electAgain,
  },
  {
    id: 'promoted',
    why: 'it takes writes at this epoch, acknowledged as recorded',
    when: (f) => isPromoting(f) && serves(f),
    actions: (f) =>
      write(f, {
        phase: { kind: 'serving', primary: leadName(f) },
        // What it began with stays so, whatever the file says, until members are brought further.
        encryption: f.record.encryption ?? f.seen.wish.encryption?.first,
        ...(isPlanned(f) ? {} : { lastFailover: f.seen.now, failovers: failovers(f) + 1 }),
      }),
  },
  {
    id: 'promote',
    why: 'the election is decided',
    when: isPromoting,
    actions: (f) =>
      f.record.acks.slice(-1).map((acks): DatabaseAction => {
        return { kind: 'promote', member: leadName(f), acks, start: f.record.floor }
      }),
  },
  {
    id: 'hand-over',
    why: 'the old primary has stopped, and the new one has all of it',
    when: (f) => isHandingOver(f) && f.target?.caughtUp === true,
    actions: handOver,
  },
  {
    id: 'give-up-hand-over',
    why: 'the member that was to take over is gone, or it took too long: the old primary goes on',
    when: (f) =>
      isHandingOver(f) &&
      (f.target?.fit !== true || f.target.tooLate || hasBrokenDown(f)) &&
      mayReplace(f),
    // Without room it could not go on.
    actions: (f) =>
      elect(
        f,
        moveGivenUp,
        f.lead?.unfit === undefined && !hasBrokenDown(f) ? leadName(f) : undefined,
      ),
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
      hasPrimary(f) && f.loss !== undefined && mayDecide(f.seen) && mayReplace(f) && !f.cooling,
    actions: (f) => elect(f, f.loss ?? ''),
  },
  {
    id: 'cannot-replace',
    why: 'its primary is lost, but too few members are heard to replace it and lose nothing',
    when: (f) => hasPrimary(f) && f.loss !== undefined && !mayReplace(f),
    actions: wait,
  },
  {
    id: 'cooling-down',
    why: 'it failed over again and again: the next waits until that has been looked at, or longer',
    when: (f) => hasPrimary(f) && f.loss !== undefined && mayDecide(f.seen),
    actions: wait,
  },
  {
    id: 'would-fail-over',
    why: 'its primary is lost, and the file says that an operator decides',
    when: (f) => hasPrimary(f) && f.loss !== undefined,
    actions: wait,
  },
  ...moveRules,
  {
    id: 'record-acks',
    why: 'a set is written down before a server may acknowledge by it, and forgotten afterwards',
    when: (f) => f.acksToRecord !== undefined,
    actions: (f) => (f.acksToRecord === undefined ? [] : write(f, { acks: f.acksToRecord })),
  },
  {
    id: 'rejoin',
    why: 'it should follow the primary and does not',
    when: (f) => isServing(f) && f.astray.some((each) => isToRejoin(each, f.seen)),
    actions: (f) => [
      ...f.astray
        .filter((each) => isToRejoin(each, f.seen))
        .map((each) => rejoinOf(each, leadName(f), f.seen)),
      // One that cannot follow keeps nobody from acknowledging.
      ...setAcks(f),
    ],
  },
  {
    id: 'set-acks',
    why: 'the recorded set is not the one that the primary acknowledges by',
    when: (f) => setAcks(f).length > 0,
    actions: setAcks,
  },
  {
    id: 'reinit',
    why: 'an operator asked for it: all of it is copied anew, and no write waits for it meanwhile',
    when: (f) => isServing(f) && f.leadHeard && reinitOf(f.seen, leadName(f)) !== undefined,
    actions: (f) => {
      const order = reinitOf(f.seen, leadName(f))
      return order === undefined ? [] : [order]
    },
  },
  {
    id: 'restart-replica',
    why: 'its server is to be started anew, and all others follow: one after another',
    when: (f) => isServing(f) && f.restarts.replica !== undefined,
    actions: (f) =>
      f.restarts.replica === undefined
        ? []
        : [{ kind: 'restart', member: f.restarts.replica, primary: leadName(f) }],
  },
  raiseWaits,
  {
    id: 'wait-for-replicas',
    why: 'writes wait: too few of the members that have to acknowledge them receive',
    when: (f) => isServing(f) && f.isBlocked,
    actions: wait,
  },
  {
    id: 'listen-first',
    why: 'whoever decides has just begun to listen, and nobody has told of its primary yet',
    when: (f) => isServing(f) && !f.leadHeard && f.vouchers.length === 0,
    actions: wait,
  },
  {
    id: 'vouched-for',
    why: 'its keeper is not heard, but its replicas hear it: it goes on',
    when: (f) => isServing(f) && !f.leadHeard,
    actions: wait,
  },
  {
    id: 'hold-diverged',
    why: 'a member has what nobody else has, and the file says that an operator looks at it first',
    when: (f) => isServing(f) && f.astray.some((each) => isHeld(each, f.seen)),
    actions: wait,
  },
  waitForReads,
  {
    id: 'restart-waits',
    why: 'servers are to be started anew, and the next one waits until all others follow',
    when: (f) => isServing(f) && f.restarts.due.length > 0,
    actions: wait,
  },
  ...encryptionRules,
  {
    id: 'steady',
    why: 'its primary serves, and every member that is there follows',
    when: () => true,
    actions: wait,
  },
]

/** It cannot hand over any more: it has ended for want of room, or waits for that. */
const hasBrokenDown = ({ lead, loss }: DatabaseFacts): boolean =>
  lead?.server === 'broken' || loss === 'disk-full'

const hasPrimary = (f: DatabaseFacts): boolean => isServing(f) || isHandingOver(f)

/** It does what was asked of it, and says so. */
const serves = (f: DatabaseFacts): boolean =>
  f.leadHeard && f.lead?.server === 'primary' && f.lead.epoch === f.record.epoch && f.lead.writable

/** One that is merely stopped can be promoted: that starts it. Unless it never does. */
const isWinnerLost = (f: DatabaseFacts): boolean =>
  f.loss === 'machine-lost' ||
  f.loss === 'server-hung' ||
  f.loss === 'disk-full' ||
  hasForgotten(f) ||
  hasServedAlready(f) ||
  // One that serves is elected again, at an epoch of which it takes orders.
  (isLeadBeyond(f) && !serves(f)) ||
  f.loss === 'replicas-cut-off' ||
  f.lead?.server === 'broken' ||
  f.lead?.server === 'absent' ||
  (f.lead?.server === 'stopped' && isPromotionOverdue(f))

/** It has not any more what it was elected for. */
const hasForgotten = ({ lead, record }: DatabaseFacts): boolean =>
  lead?.server !== 'primary' &&
  lead?.received !== undefined &&
  !reaches(lead.received, record.floor)

/** It was primary at this epoch, and is it no more: nobody is twice. */
const hasServedAlready = ({ leadHeard, lead, record }: DatabaseFacts): boolean =>
  leadHeard && lead?.epoch === record.epoch && lead.server !== 'primary'

const isPromotionOverdue = ({ record: { phase }, seen }: DatabaseFacts): boolean =>
  phase.kind === 'promoting' && later(phase.proof.at, seen.wish.bounds.handOver) <= seen.now

const isPlanned = ({ record: { phase } }: DatabaseFacts): boolean =>
  phase.kind === 'promoting' &&
  (phase.proof.restored !== undefined || phase.proof.why.startsWith('a planned move'))

/** Loss has been accepted, by the file or an operator: it is made as small as can be seen soon. */
const mayLose = (f: DatabaseFacts): boolean => standsAlone(f.record) || acceptsLoss(f)

const isOverdue = ({ record: { phase }, seen }: DatabaseFacts): boolean =>
  phase.kind === 'electing' && later(phase.since, seen.wish.bounds.handOver) <= seen.now

const isUsable = ({ server }: MemberSighting): boolean => server !== 'broken'

/** Never took part in anything. */
const isFresh = ({ epoch, promised, server }: MemberSighting): boolean =>
  epoch === 0 && promised === 0 && server === 'stopped'
