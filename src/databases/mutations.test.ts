// Control runs: rules of databases that were broken on purpose must break a law in a small world.
// One that survives means that the laws, or the worlds they are held to, have a hole.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { comesTrue } from '../../test/fixtures/database-ends.ts'
import { comesToRest, type Decide, harmless } from '../../test/fixtures/database-laws.ts'
import { everyDatabase, mainChanges, otherChanges } from '../../test/fixtures/database-worlds.ts'
import { firstMatch, type Rule } from '../control/rules.ts'
import { instant } from '../foundation/time.ts'
import { elect, promotion, write } from './changes.ts'
import { standsAlone } from './election.ts'
import { type DatabaseFacts, factsOf } from './facts.ts'
import type { DatabaseAction, DatabaseObservation, MemberSighting, Proof } from './model.ts'
import { databaseRules } from './rules.ts'

type Table = readonly Rule<DatabaseFacts, DatabaseAction>[]

const byTable =
  (rules: Table): Decide =>
  (seen) =>
    firstMatch(rules, factsOf(seen))

const without = (id: string): Decide => byTable(databaseRules.filter((rule) => rule.id !== id))

/** The rule holds more often, or does something else. */
const change = (id: string, to: Partial<Rule<DatabaseFacts, DatabaseAction>>): Decide =>
  byTable(databaseRules.map((rule) => (rule.id === id ? { ...rule, ...to } : rule)))

const actionsOf = (id: string): Rule<DatabaseFacts, DatabaseAction>['actions'] | undefined =>
  databaseRules.find((rule) => rule.id === id)?.actions

const nobody = { members: [], needed: 0 }
const noProof: Proof = {
  ...{ epoch: 5, at: instant(0), from: 'a', to: 'b', why: '', acks: [], confirmed: {} },
  ...{ start: { line: 4, at: 60 }, acceptedLoss: false },
}

/** Facts are not as they are seen. */
const believing =
  (wrong: (facts: DatabaseFacts) => Partial<DatabaseFacts>): Decide =>
  (seen) => {
    const facts = factsOf(seen)
    return firstMatch(databaseRules, { ...facts, ...wrong(facts) })
  }

/** What is seen is not what there is. */
const seeing =
  (wrong: (seen: DatabaseObservation) => Partial<DatabaseObservation>): Decide =>
  (seen) =>
    firstMatch(databaseRules, factsOf({ ...seen, ...wrong(seen) }))

const each =
  (wrong: (member: MemberSighting, seen: DatabaseObservation) => Partial<MemberSighting>) =>
  (seen: DatabaseObservation): Partial<DatabaseObservation> => ({
    members: seen.members.map((member) => ({ ...member, ...wrong(member, seen) })),
  })

const isPhase =
  (kind: string) =>
  ({ record: { phase } }: DatabaseFacts): boolean =>
    phase.kind === kind
const isElecting = isPhase('electing')
const isServing = isPhase('serving')
const isNew = isPhase('new')
const isPromoting = isPhase('promoting')
const isHandingOver = isPhase('handing-over')
const isRestoring = ({ record: { phase } }: DatabaseFacts): boolean =>
  phase.kind === 'electing' && phase.restore !== undefined
const hasWinner = (f: DatabaseFacts): boolean => isElecting(f) && f.election.winner !== undefined
const isLost = (f: DatabaseFacts): boolean => isServing(f) && f.loss !== undefined

/** Of these others stand in for a rule that is missing: stories and lives notice it. */
const elsewhere = [
  ...['give-up-restore', 'begin', 'wait-for-all', 'elect-furthest', 'winner-lost', 'fence-stale'],
  ...['make-way', 'switch-over', 'move-not-due', 'reinit', 'restart-replica', 'acknowledged'],
  'change-encryption',
]
const whole = [
  ...[
    'raise-epoch',
    'paused',
    'begin-restore',
    'restored',
    'restore',
    'stop-for-restore',
    'begin-again',
  ],
  ...['initialise', 'elect-at-a-loss', 'promoted', 'promote', 'hand-over', 'quiesce'],
  ...['give-up-hand-over', 'failover', 'record-acks', 'rejoin', 'set-acks', 'wait-out-lease'],
]

const conditions: Readonly<Record<string, Decide>> = {
  'whoever serves is ended': change('fence-stale', {
    when: (f) => f.heard.some(({ server }) => server === 'primary'),
    actions: (f) => f.heard.map(({ member }) => ({ kind: 'fence', member })),
  }),
  'begins with whoever has data': change('begin', {
    when: (f) => isNew(f) && f.heard.some(({ server }) => server === 'stopped'),
  }),
  'begins again without whoever is silent': change('begin-again', {
    when: (f) => isNew(f) && f.heard.some(({ server }) => server === 'replica'),
  }),
  'begins again with one that nobody can use': believing((f) => ({
    heard: isNew(f) ? f.heard.filter(({ server }) => server !== 'broken') : f.heard,
  })),
  'makes an empty database while somebody is silent': change('initialise', {
    when: (f) => isNew(f) && f.heard.every(({ server }) => server === 'absent'),
  }),
  'elects the furthest, whoever is missing': change('elect-furthest', { when: hasWinner }),
  'accepts a loss that nobody has accepted': change('elect-at-a-loss', { when: hasWinner }),
  'accepts the loss of a tail': change('elect-at-a-loss', {
    when: (f) => hasWinner(f) && standsAlone(f.record),
  }),
  'says nothing of a loss': change('elect-at-a-loss', { actions: (f) => promotion(f, false) }),
  'a winner serves before it says so': change('promoted', {
    when: (f) => isPromoting(f) && f.leadHeard,
  }),
  'a winner serves at an epoch that is over': change('promoted', {
    when: (f) => isPromoting(f) && f.lead?.server === 'replica',
  }),
  'hands over before all is there': change('hand-over', {
    when: (f) => isHandingOver(f) && f.target !== undefined,
  }),
  'replaces who is well': change('failover', {
    when: (f) => isServing(f) && f.leadHeard,
  }),
  'replaces one whose replicas hear it': change('failover', {
    when: (f) => isServing(f) && !f.leadHeard,
    actions: (f) => write(f, { phase: { kind: 'promoting', winner: 'b', proof: noProof } }),
  }),
  'replaces without asking an operator': change('failover', { when: isLost }),
  'replaces by nobody': change('failover', {
    when: isLost,
    actions: (f) => elect({ ...f, record: { ...f.record, epoch: f.record.epoch - 1 } }, ''),
  }),
  'moves to one that does not follow': change('switch-over', {
    when: (f) => isServing(f) && f.target !== undefined,
  }),
  'asks of a server what is not written down': change('set-acks', {
    when: (f) => isServing(f) && f.leadHeard,
    actions: (f) => [
      { kind: 'set-acks', member: f.lead?.member ?? '', acks: { members: ['d'], needed: 1 } },
    ],
  }),
  'forgets a set as soon as another is written down': seeing(({ record }) => ({
    record: { ...record, acks: record.acks.slice(-1) },
  })),
  'forgets a set as soon as another is in force': seeing(
    each(() => ({ acksSince: { line: 0, at: 0 } })),
  ),
  'forgets a set before another is in force': seeing(each(() => ({ acksVersion: 99 }))),
  'restores while another may serve': believing((f) => ({
    mayStillServe: isRestoring(f) ? false : f.mayStillServe,
  })),
  'restores on somebody else': change('restore', {
    when: isRestoring,
    actions: () => [{ kind: 'restore', member: 'a', id: 'new' }],
  }),
  'leads with what was there before': change('restored', {
    when: isRestoring,
    actions: (f) => promotion(f, true),
  }),
  'promotes another than was elected': change('promote', {
    actions: (f) => [
      { kind: 'promote', member: 'a', acks: f.record.acks[0] ?? nobody, start: f.record.floor },
    ],
  }),
  'promotes with a set of its own': change('promote', {
    actions: (f) => [
      { kind: 'promote', member: f.lead?.member ?? '', acks: nobody, start: f.record.floor },
    ],
  }),
  'ends the work of who does not hand over': change('quiesce', {
    when: (f) => isServing(f) && f.leadHeard,
  }),
  'takes a step towards TLS before all have taken the last one': believing(({ encryption }) => ({
    encryption: encryption && { ...encryption, missing: [] },
  })),
  'goes over to TLS at one stroke': believing(({ encryption }) => ({
    encryption: encryption && { ...encryption, next: encryption.wanted },
  })),
  'waits for nobody who may serve': believing(() => ({ mayStillServe: false })),
  'a tail is not seen': believing(({ astray }) => ({
    astray: astray.map(({ member }) => ({ member, tail: { kind: 'none' } })),
  })),
  'a tail is not kept': seeing(({ wish }) => ({ wish: { ...wish, onDivergence: 'quarantine' } })),
  'one that nobody can use is copied anew': believing((f) => ({
    astray: f.heard
      .filter((one) => isServing(f) && one.server === 'broken')
      .map((one) => ({ member: { ...one, server: 'stopped' }, tail: { kind: 'unknown' } })),
  })),
  'nobody is silent': seeing(({ now, members }) => ({
    members: members.map((member) => ({ ...member, heard: now })),
  })),
  'whoever is heard has stopped': seeing(
    each((_, { record }) => (record.phase.kind === 'electing' ? { promised: record.epoch } : {})),
  ),
  'who receives has stopped, too': seeing(
    each((member, { record }) =>
      record.phase.kind === 'electing'
        ? { upstream: undefined, promised: member.upstream ? record.epoch : member.promised }
        : {},
    ),
  ),
  'who has forgotten proves as much as others': seeing(each(() => ({ forgot: false }))),
  'who has what was restored proves as much as others': seeing(
    each(({ epoch }) => (epoch === 0 ? { epoch: 4 } : {})),
  ),
  'who has parted proves as much as others': seeing(each(() => ({ diverged: false }))),
  'one member less has to stop': seeing(({ record }) => ({
    record: {
      ...record,
      acks: record.acks.map((set) => ({ ...set, members: set.members.slice(1) })),
    },
  })),
  'only the last set has to be outvoted': seeing(({ record }) => ({
    record: record.phase.kind === 'electing' ? { ...record, acks: record.acks.slice(-1) } : record,
  })),
  'what lies before the set in force need not be had': seeing(({ record }) => ({
    record: { ...record, floor: { line: 0, at: 0 } },
  })),
  'the nearest is promoted': believing(({ election }) => {
    const others = election.confirmed.filter((one) => one.heard && one !== election.winner)
    return { election: { ...election, winner: others.at(-1) ?? election.winner } }
  }),
  'whoever was primary counts as stopped': seeing(
    each(({ member }, { record }) =>
      record.phase.kind === 'electing' && member === 'a'
        ? { promised: record.epoch, server: 'stopped', received: { line: 4, at: 60 } }
        : {},
    ),
  ),
}

test('every rule that does something is tried, here or elsewhere', () => {
  const waits = databaseRules.filter(({ actions }) => actions === actionsOf('steady'))
  const known = [...whole, ...elsewhere, ...waits.map(({ id }) => id)]
  // Two give the same orders, and each stands in for the other.
  known.push('freeze', 'hold-for-members', 'wait-for-better', 'wait-for-reads', 'encryption-waits')
  known.push('would-raise-epoch')
  const unknown = databaseRules.map(({ id }) => id).filter((id) => !known.includes(id))
  assert.deepEqual(unknown, [])
})

type Law = (seen: DatabaseObservation, decide: Decide) => unknown

/** The first law that a decider breaks in these worlds. */
function breachOf(
  decide: Decide,
  worlds: Iterable<DatabaseObservation>,
  ...laws: readonly Law[]
): string | undefined {
  try {
    for (const seen of worlds) for (const law of laws) law(seen, decide)
    return undefined
  } catch (thrown) {
    return (thrown as Error).message
  }
}

const isRare = (decide: Decide): string | undefined =>
  breachOf(decide, everyDatabase(2, 'few', otherChanges), harmless)
const doesHarm = (decide: Decide): string | undefined =>
  breachOf(decide, everyDatabase(2, 'few', mainChanges), harmless) ??
  breachOf(decide, everyDatabase(3, 'few', mainChanges), harmless)
const leadsNowhere = (decide: Decide): string | undefined =>
  breachOf(decide, everyDatabase(2, 'few', mainChanges), comesToRest, comesTrue)

suite('a table that lacks a rule breaks a law', () => {
  for (const id of whole) {
    test(id, () => {
      const decide = without(id)
      const found = isRare(decide) ?? leadsNowhere(decide) ?? doesHarm(decide)
      assert.match(found ?? 'it survived', /^broken invariant/)
    })
  }
})

suite('a condition that is broken breaks a law', () => {
  for (const [name, decide] of Object.entries(conditions)) {
    test(name, () => {
      const found = isRare(decide) ?? doesHarm(decide) ?? leadsNowhere(decide)
      assert.match(found ?? 'it survived', /^broken invariant/)
    })
  }
})
