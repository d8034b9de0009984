// Controls: each takes away one thing that safety, or an end of trouble, rests on: it is noticed.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { firstMatch } from '../../control/rules.ts'
import { decide } from '../../databases/decide.ts'
import { type DatabaseFacts, factsOf } from '../../databases/facts.ts'
import type { DatabaseObservation, DatabaseWish, MemberSighting } from '../../databases/model.ts'
import { databaseRules } from '../../databases/rules.ts'
import { seededRandom } from '../../foundation/random.ts'
import { instant, ms } from '../../foundation/time.ts'
import { Broken } from './checks.ts'
import { postgresql, type Sabotage } from './engine.ts'
import { killKeeper, killServer, rise } from './faults.ts'
import { type Order, type Surroundings, take } from './keeper.ts'
import { isWell, type LifeParts, liveDatabase } from './life.ts'
import { entryOf } from './log.ts'
import { Node } from './node.ts'
import { DatabaseWorld, type Decide } from './world.ts'

type Control = Omit<LifeParts, 'seed'>

const livesMost = 20_000

const wish: Omit<DatabaseWish, 'members'> = {
  ...({ name: 'orders', durability: 'quorum', failover: 'auto' } as const),
  bounds: {
    ...{ silence: ms(1000), hung: ms(1000), lease: ms(1000) },
    ...{ ackPatience: ms(800), coolDown: ms(4000), handOver: ms(3000) },
  },
}

function isNoticed(name: string, control: Control): void {
  test(name, () => {
    for (let seed = 0; seed < livesMost; seed += 1) {
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
  const late = [
    ...['keeper frozen', 'keeper back', 'another decider with an old view', 'server killed'],
  ]
  const wrongs: Readonly<Partial<Record<keyof Sabotage, Control>>> = {
    promotesUnread: { durability: 'async', only: late },
    promotesTwice: {},
    leasesLate: { durability: 'async' },
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

/**
 * `a` is cut off and serves on, `c` has more than `b` and is elected. Then a leader of the past has
 * `b` follow `a` again, which it hears once more.
 */
function brokenPromise(seed: number, sabotage: Sabotage): string | undefined {
  const past: Decide = ({ record }) => {
    const isPast = record !== world.record
    const follow = { kind: 'follow', member: 'b', primary: 'a', way: 'follow' } as const
    return { rule: 'past', why: '', actions: isPast ? [follow] : [] }
  }
  const world: DatabaseWorld = new DatabaseWorld({
    wish: { ...wish, members: ['a', 'b', 'c'] },
    random: seededRandom(seed, 'promise'),
    sabotage,
    decide: (seen) => (seen.record === world.record ? decide(seen) : past(seen)),
  })
  world.isCalm = true
  const until = (isSo: () => boolean): void => {
    for (let step = 0; !isSo(); step += 1) {
      assert.ok(step < 200, `it stays at ${world.lastRule}`)
      world.step()
    }
  }
  until(() => isWell(world, undefined))
  const [a, b, c] = world.nodes as [Node, Node, Node]
  a.keeper = 'frozen'
  a.guardFrozen = true
  world.staleView = world.snapshot()
  world.cut(a, b)
  for (let step = 0; step < 3; step += 1) world.step()
  world.cut(a, c)
  const hasSaid = ({ name }: Node): boolean =>
    world.sightings.some((each) => each.member === name && each.promised > a.epoch)
  until(() => hasSaid(b) && hasSaid(c))
  // A keeper that has died and is back has its promise, if that lay on its disk.
  killKeeper(b)
  rise(b)
  // The leader of now is stopped for a moment, and hears no more of `b`.
  world.undecided = true
  world.cuts.fill(0)
  world.cut(a, c)
  try {
    for (let step = 0; step < 30 && b.source !== a; step += 1) world.step()
    b.unled = true
    world.undecided = false
    for (let step = 0; step < 40; step += 1) world.step()
    return undefined
  } catch (thrown) {
    if (thrown instanceof Broken) return thrown.message
    throw thrown
  }
}

// In lives other fences stand in for these: of tens of thousands one notices it.
for (const name of ['forgetsPromises', 'promisesInMemory'] as const) {
  test(name, () => {
    const seeds = Array.from({ length: 60 }, (_, at) => at)
    assert.deepEqual(
      seeds.flatMap((seed) => brokenPromise(seed, {}) ?? []),
      [],
    )
    const found = seeds.filter((seed) => brokenPromise(seed, { [name]: true }) !== undefined)
    assert.ok(found.length > 2, `${found.length} of 60 worlds noticed it`)
  })
}

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

/** One that has received something follows `b`, and is told something at epoch 3. */
function told(action: Order['action'], sabotage: Sabotage): Node {
  const [node, source] = [new Node('a', 0, postgresql, sabotage), new Node('b', 1, postgresql, {})]
  node.hasData = true
  node.server = 'replica'
  node.source = source
  node.epoch = 2
  node.log.append(entryOf(2, 1))
  const random = seededRandom(1)
  const is = { now: instant(0), random, lease: ms(1000), readEpoch: () => 3, fresh: () => 2 }
  take(node, { action, epoch: 3, version: 1 }, is as Partial<Surroundings> as Surroundings)
  for (let step = 0; step < 10; step += 1) node.run(random)
  return node
}

// The proof of an election is checked again by the keeper: of 12,000 lives none needs that.
test('promotesForgetful', () => {
  const acks = { members: ['b'], needed: 1 }
  const order = { kind: 'promote', member: 'a', acks, start: { line: 2, at: 5 } } as const
  assert.equal(told(order, {}).server, 'replica')
  assert.equal(told(order, { promotesForgetful: true }).server, 'primary')
})

// A promise stands in for it: what is received after all is of an epoch that is over.
test('freezesInMemory', () => {
  const restarted = (sabotage: Sabotage): string | undefined => {
    const node = told({ kind: 'freeze', member: 'a' }, sabotage)
    killServer(node)
    node.start(1)
    return node.isHeld ? undefined : node.source?.name
  }
  assert.equal(restarted({}), undefined)
  assert.equal(restarted({ freezesInMemory: true }), 'b')
})
