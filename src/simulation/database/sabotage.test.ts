// Controls: each takes away one thing that safety, or an end of trouble, rests on: it is noticed.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { firstMatch } from '../../control/rules.ts'
import { decide } from '../../databases/decide.ts'
import { type DatabaseFacts, factsOf } from '../../databases/facts.ts'
import type { DatabaseObservation, MemberSighting } from '../../databases/model.ts'
import { databaseRules } from '../../databases/rules.ts'
import { seededRandom } from '../../foundation/random.ts'
import { instant, ms } from '../../foundation/time.ts'
import { postgresql, type Sabotage } from './engine.ts'
import { type Surroundings, take } from './keeper.ts'
import { type LifeParts, liveDatabase } from './life.ts'
import { Node } from './node.ts'
import type { Decide } from './world.ts'

interface Control extends Omit<LifeParts, 'seed'> {
  /** The first seed: of what several others stand in for a life is rarely found. */
  readonly from?: number
}

const livesMost = 20_000

function isNoticed(name: string, { from = 0, ...control }: Control): void {
  test(name, () => {
    for (let seed = from; seed < from + livesMost; seed += 1) {
      if (liveDatabase({ ...control, seed }).broken !== undefined) return
    }
    assert.fail(`none of ${livesMost} lives noticed it`)
  })
}

suite('a rule that is missing', () => {
  const without =
    (id: string): Decide =>
    (seen) =>
      firstMatch(
        databaseRules.filter((rule) => rule.id !== id),
        factsOf(seen),
      )
  // Those that are not here wait, and say why: the next row that holds would wait as well.
  const needed = [
    ...['fence-stale', 'begin-again', 'initialise', 'elect-furthest'],
    ...['elect-at-a-loss', 'winner-lost', 'promoted', 'promote', 'hand-over'],
    ...['give-up-hand-over', 'quiesce', 'failover', 'rejoin', 'record-acks', 'set-acks'],
  ]
  for (const id of needed) isNoticed(id, { decide: without(id) })
  isNoticed('wait-out-lease', { decide: without('wait-out-lease'), durability: 'async' })
})

suite('a server or a keeper that does as it should not', () => {
  const deposed = [
    ...['keeper killed', 'keeper back', 'another decider with an old view', 'cut off', 'mended'],
    ...['coordinator out of reach', 'coordinator reached again'],
  ]
  const late = [
    ...['keeper frozen', 'keeper back', 'another decider with an old view', 'server killed'],
  ]
  const wrongs: Readonly<Partial<Record<keyof Sabotage, Control>>> = {
    forgetsPromises: { only: deposed, from: 23_900 },
    promotesUnread: { durability: 'async', only: late },
    promotesTwice: {},
    hasNoGuard: { durability: 'async' },
    vouchesEasily: { durability: 'async' },
    acknowledgesUnsynced: {},
    freezesUnapplied: { engine: 'mariadb' },
    promotesUnapplied: {},
    hidesForgetting: { engine: 'mariadb' },
    truncatesAtRestart: { engine: 'mariadb' },
    degrades: {},
    showsUnacknowledged: {},
    restartsByItself: {},
  }
  for (const [name, control] of Object.entries(wrongs)) {
    const sabotage: Sabotage = { [name]: true }
    isNoticed(name, { ...control, sabotage })
  }
})

/** The rules decide, but on a view in which something that they rely on is wrong. */
const seeing =
  (change: (seen: DatabaseObservation) => DatabaseObservation): Decide =>
  (seen) =>
    decide(change(seen))

const eachMember = (
  change: (member: MemberSighting, seen: DatabaseObservation) => Partial<MemberSighting>,
): Decide =>
  seeing((seen) => ({
    ...seen,
    members: seen.members.map((member) => ({ ...member, ...change(member, seen) })),
  }))

const believing =
  (change: (facts: DatabaseFacts) => Partial<DatabaseFacts>): Decide =>
  (seen) => {
    const facts = factsOf(seen)
    return firstMatch(databaseRules, { ...facts, ...change(facts) })
  }

suite('a decision on what is not so', () => {
  isNoticed('whoever is heard counts as stopped', {
    decide: eachMember((member, { record }) => ({
      promised: record.epoch,
      upstream: record.phase.kind === 'electing' ? undefined : member.upstream,
    })),
  })
  isNoticed('one member less has to stop', {
    decide: seeing((seen) => {
      const { record } = seen
      const acks = record.acks.map((set) => ({ ...set, members: set.members.slice(1) }))
      return record.phase.kind === 'electing' ? { ...seen, record: { ...record, acks } } : seen
    }),
  })
  isNoticed('a set is forgotten as soon as another is in force', {
    decide: eachMember(() => ({ acksSince: { line: 0, at: 0 } })),
  })
  isNoticed('a set is forgotten as soon as another is recorded', {
    decide: seeing((seen) => ({
      ...seen,
      record: { ...seen.record, acks: seen.record.acks.slice(-1) },
    })),
  })
  isNoticed('what lies before the set in force need not be had', {
    decide: seeing((seen) => ({ ...seen, record: { ...seen.record, floor: { line: 0, at: 0 } } })),
  })
  isNoticed('the nearest is promoted, not the furthest', {
    decide: believing(({ election }) => {
      const { winner, confirmed } = election
      const last = confirmed.findLast((each) => each.heard && each !== winner)
      return { election: { ...election, winner: last ?? winner } }
    }),
  })
  isNoticed('what was applied is compared, not what was received', {
    decide: eachMember(({ applied }) => ({ received: applied })),
    engine: 'mariadb',
  })
  isNoticed('one that has forgotten counts like any other', {
    decide: eachMember(() => ({ forgot: false })),
    engine: 'mariadb',
  })
  isNoticed('a primary is deposed though nobody could replace it', {
    decide: believing(() => ({ replaceable: true })),
  })
  isNoticed('a silent keeper alone is a lost machine', {
    decide: believing(({ leadHeard, lead, loss, record }) => ({
      loss: !leadHeard && lead !== undefined && record.epoch > 0 ? 'machine-lost' : loss,
    })),
  })
  isNoticed('one with a tail of its own needs no proof', {
    decide: believing(({ election }) => ({
      election: election.winner?.isAstray ? { ...election, short: undefined } : election,
    })),
  })
  isNoticed('a tail is not seen', {
    decide: believing(({ astray }) => ({
      astray: astray.map(({ member }) => ({ member, tail: { kind: 'none' } })),
    })),
  })
})

// Sets that are kept until they are outlived stand in for it: of 40,000 lives one notices it.
test('takesLateOrders', () => {
  const enforced = (sabotage: Sabotage): string | undefined => {
    const node = new Node('a', 0, postgresql, sabotage)
    node.hasData = true
    node.server = 'primary'
    node.epoch = 2
    const around = { now: instant(0), random: seededRandom(1), lease: ms(1000) } as Surroundings
    const order = (version: number, member: string): void => {
      const acks = { members: [member], needed: 1 }
      take(node, { action: { kind: 'set-acks', member: 'a', acks }, epoch: 2, version }, around)
    }
    order(5, 'c')
    order(4, 'b')
    return node.acks?.members[0]
  }
  assert.equal(enforced({}), 'c')
  assert.equal(enforced({ takesLateOrders: true }), 'b')
})
