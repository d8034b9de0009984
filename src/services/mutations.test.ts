// Control runs: a rule table that was broken on purpose must break a law. One that survives means
// that the laws, or the worlds they are held to, have a hole.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ago } from '../../test/fixtures/service.ts'
import {
  canRollBack,
  comesToRest,
  comesTrue,
  type Decide,
  harmless,
} from '../../test/fixtures/service-laws.ts'
import { everyService, revisions } from '../../test/fixtures/service-worlds.ts'
import { firstMatch, type Rule } from '../control/rules.ts'
import { factsOf, type ServiceFacts } from './facts.ts'
import type { ServiceAction, ServiceObservation } from './model.ts'
import { serviceRules } from './rules.ts'

type Table = readonly Rule<ServiceFacts, ServiceAction>[]

const without = (id: string): Table => serviceRules.filter((rule) => rule.id !== id)
const change = (id: string, to: Partial<Rule<ServiceFacts, ServiceAction>>): Table =>
  serviceRules.map((rule) => (rule.id === id ? { ...rule, ...to } : rule))

const byTable =
  (rules: Table): Decide =>
  (seen) =>
    firstMatch(rules, factsOf(seen))

/** A decider that is shown another world than there is: its facts are wrong. */
const byFacts =
  (alter: (seen: ServiceObservation) => ServiceObservation): Decide =>
  (seen) =>
    firstMatch(serviceRules, factsOf(alter(seen)))

const mutants: Readonly<Record<string, Decide>> = {
  // The rows that are not here only tell apart why there is nothing to do, or, like `not-wanted`,
  // say why something is done at once that a later row would do as well.
  ...Object.fromEntries(
    [
      ...['stop-drained', 'roll-back', 'start-missing'],
      ...['ask-first', 'retire-outdated', 'scale-in', 'deployed'],
    ].map((id) => [`without ${id}`, byTable(without(id))]),
  ),
  'stops who is drained at once': byTable(
    change('stop-drained', {
      when: (f) => f.leaving.some((r) => r.state !== 'stopping'),
      actions: (f) =>
        f.leaving
          .filter((r) => r.state !== 'stopping')
          .map(({ id }) => ({ kind: 'stop', replica: id })),
    }),
  ),
  'retires one too many': byTable(
    change('retire-outdated', { when: (f) => f.outdated.length > 0 && f.ready.length > 0 }),
  ),
  'retires all at once': byTable(
    change('retire-outdated', {
      actions: (f) => f.outdated.map(({ id }) => ({ kind: 'drain', replica: id })),
    }),
  ),
  'scales in from the front of the list, up or not': byTable(
    change('scale-in', {
      actions: (f) =>
        f.current.slice(0, f.excess.length).map(({ id }) => ({ kind: 'drain', replica: id })),
    }),
  ),
  'settles before all are up': byTable(
    change('deployed', { when: (f) => f.ready.length > 0 && f.state.stable !== f.state.revision }),
  ),
  'starts as many as are missing, whoever still runs': byTable(
    change('start-missing', {
      when: (f) => f.state.replicas > f.current.length,
      actions: (f) =>
        f
          .freeNames(f.state.replicas - f.current.length)
          .map((replica) => ({ kind: 'start', replica, revision: f.state.revision })),
    }),
  ),
  'rolls back again and again': byTable(
    change('roll-back', {
      when: (f) => f.wayBack !== undefined && f.ready.length < f.state.replicas,
      actions: (f) => [{ kind: 'roll-back', to: f.wayBack ?? 0, why: '' }],
    }),
  ),
  'gives up the way back when it ends again and again': byTable(
    change('retire-hopeless', {
      when: (f) => f.outdated.some((r) => r.state === 'crash-looping'),
      actions: (f) =>
        f.outdated
          .filter((r) => r.state === 'crash-looping')
          .map(({ id }) => ({ kind: 'drain', replica: id })),
    }),
  ),
  'relies on who has just come up': byFacts((seen) => ({
    ...seen,
    replicas: seen.replicas.map((r) => ({ ...r, verdictSince: r.verdictSince && ago(90_000) })),
  })),
  'counts who is not asked yet as up': byFacts((seen) => ({
    ...seen,
    replicas: seen.replicas.map((r) => (r.verdict === 'unknown' ? { ...r, verdict: 'up' } : r)),
  })),
  'takes no answer about requests in flight for none': byFacts((seen) => ({
    ...seen,
    replicas: seen.replicas.map((r) => ({ ...r, inFlight: r.inFlight ?? 0 })),
  })),
  'does not see who is on the way out': byFacts((seen) => ({
    ...seen,
    replicas: seen.replicas.filter((r) => r.state !== 'stopping'),
  })),
  'forgets who is drained': byFacts((seen) => ({
    ...seen,
    state: { ...seen.state, draining: {} },
  })),
}

/** The first law that a decider breaks, over worlds small enough to be tried in a moment. */
function firstBreach(decide: Decide): string | undefined {
  try {
    for (const seen of everyService(2, false)) {
      harmless(seen, decide)
      comesToRest(seen, decide)
      comesTrue(seen, decide)
      if (canRollBack(seen)) comesTrue(seen, decide, revisions.wanted)
    }
    for (const seen of everyService(1, true)) harmless(seen, decide)
    return undefined
  } catch (thrown) {
    return (thrown as Error).message
  }
}

suite('a broken table breaks a law', () => {
  for (const [name, decide] of Object.entries(mutants)) {
    test(name, () => assert.match(firstBreach(decide) ?? 'it survived', /^broken invariant/))
  }
})
