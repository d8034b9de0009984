// Which row decides in which situation, and what it does: a table by hand.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ago, deploying, observation, serviceState, sighting } from '../../test/fixtures/service.ts'
import { decide } from './decide.ts'
import { describeAction } from './describe.ts'
import type { ReplicaSighting, ServiceState } from './model.ts'

interface Case {
  readonly name: string
  readonly state?: ServiceState
  readonly replicas?: readonly ReplicaSighting[]
  readonly rule: string
  readonly actions?: readonly string[]
}

const [one, two, three] = ['web-1', 'web-2', 'web-3'].map((id) => sighting(id))
const up = [one!, two!, three!]
const fresh = (id: string, differs: Partial<ReplicaSighting> = {}): ReplicaSighting =>
  sighting(id, {
    revision: 2,
    startedAt: ago(500),
    verdict: 'down',
    verdictSince: ago(490),
    ...differs,
  })
const proven = { verdict: 'up', verdictSince: ago(1000) } as const
const draining = (id: string, since = ago(100)): ServiceState =>
  serviceState({ draining: { [id]: since } })

const cases: readonly Case[] = [
  { name: 'three of three are up', rule: 'steady' },
  {
    name: 'nothing runs yet',
    state: serviceState({ stable: undefined, deploy: { since: ago(0) } }),
    replicas: [],
    rule: 'start-missing',
    actions: [1, 2, 3].map((n) => `start web-${n} at revision 1`),
  },
  {
    name: 'one of three is gone: its name is free again',
    replicas: [one!, three!],
    rule: 'start-missing',
    actions: ['start web-2 at revision 1'],
  },
  {
    name: 'a replica is down: it is left to its check and its guard',
    replicas: [one!, two!, sighting('web-3', { verdict: 'down' })],
    rule: 'wait-for-ready',
  },
  {
    name: 'a replica ends again and again',
    replicas: [one!, two!, sighting('web-3', { state: 'crash-looping', verdict: 'unknown' })],
    rule: 'crash-loop',
  },
  {
    name: 'a guard is gone, and its replica still serves: another is started before it leaves',
    replicas: [one!, two!, sighting('web-3', { state: 'lost' })],
    rule: 'start-missing',
    actions: ['start web-4 at revision 1'],
  },
  {
    name: 'a replica without a guard leaves once another is up in its place',
    replicas: [...up, sighting('web-4', { state: 'lost' })],
    rule: 'retire-outdated',
    actions: ['send nothing new to web-4'],
  },
  {
    name: 'a replica without a guard that does not answer is not waited for',
    replicas: [...up, sighting('web-4', { state: 'lost', verdict: 'down' })],
    rule: 'retire-hopeless',
    actions: ['send nothing new to web-4'],
  },
  {
    name: 'another takes the place of a replica without a guard while that one is drained',
    state: draining('web-3'),
    replicas: [one!, two!, sighting('web-3', { state: 'lost', inFlight: 2 })],
    rule: 'start-missing',
    actions: ['start web-4 at revision 1'],
  },
  {
    name: 'a replica without a guard is ended once nothing is in flight on it',
    state: draining('web-3'),
    replicas: [one!, two!, sighting('web-3', { state: 'lost', inFlight: 0 }), sighting('web-4')],
    rule: 'stop-drained',
    actions: ['stop web-3'],
  },
  {
    name: 'nothing is in flight on a leaving replica',
    state: draining('web-3'),
    replicas: [one!, two!, sighting('web-3', { inFlight: 0 })],
    rule: 'stop-drained',
    actions: ['stop web-3'],
  },
  {
    name: 'an edge has not heard of a drain yet',
    state: { ...draining('web-4'), replicas: 3 },
    replicas: [...up, sighting('web-4', { inFlight: undefined })],
    rule: 'wait-for-drain',
  },
  {
    name: 'requests are in flight on a leaving replica',
    state: draining('web-4'),
    replicas: [...up, sighting('web-4', { inFlight: 1 })],
    rule: 'wait-for-drain',
  },
  {
    name: 'patience with what is in flight has run out',
    state: draining('web-4', ago(30_000)),
    replicas: [...up, sighting('web-4', { inFlight: 1 })],
    rule: 'stop-drained',
    actions: ['stop web-4'],
  },
  {
    name: 'a leaving replica crashed: nothing can be in flight on it',
    state: draining('web-4'),
    replicas: [...up, sighting('web-4', { state: 'waiting', inFlight: 3 })],
    rule: 'stop-drained',
    actions: ['stop web-4'],
  },
  {
    name: 'a stopping replica is waited for, also if nobody remembers why',
    replicas: [...up, sighting('web-4', { state: 'stopping' })],
    rule: 'wait-for-drain',
  },
  {
    name: 'a replica that ended on an order nobody remembers is cleared away',
    replicas: [...up, sighting('web-4', { state: 'stopped' })],
    rule: 'stop-drained',
    actions: ['stop web-4'],
  },
  {
    name: 'the service has left the file',
    state: serviceState({ replicas: 0 }),
    rule: 'not-wanted',
    actions: up.map(({ id }) => `send nothing new to ${id}`),
  },
  { name: 'and is gone', state: serviceState({ replicas: 0 }), replicas: [], rule: 'steady' },
  {
    name: 'one more is wanted',
    state: serviceState({ replicas: 4 }),
    rule: 'start-missing',
    actions: ['start web-4 at revision 1'],
  },
  {
    name: 'one less is wanted: the last one leaves',
    state: serviceState({ replicas: 2 }),
    rule: 'scale-in',
    actions: ['send nothing new to web-3'],
  },
  {
    name: 'one less is wanted and one is down: that one leaves',
    state: serviceState({ replicas: 2 }),
    replicas: [sighting('web-1', { verdict: 'down' }), two!, three!],
    rule: 'scale-in',
    actions: ['send nothing new to web-1'],
  },
  {
    name: 'one less is wanted, but one has not been asked yet',
    state: serviceState({ replicas: 2 }),
    replicas: [sighting('web-1', { verdict: 'unknown' }), two!, three!],
    rule: 'ask-first',
  },
]

const deploys: readonly Case[] = [
  {
    name: 'begins with one more than wanted',
    state: deploying(),
    rule: 'start-missing',
    actions: ['start web-4 at revision 2'],
  },
  {
    name: 'waits until that one is up',
    state: deploying(),
    replicas: [...up, fresh('web-4')],
    rule: 'wait-for-ready',
  },
  {
    name: 'retires nobody while the new one is up only for a moment',
    state: deploying(),
    replicas: [...up, fresh('web-4', { verdict: 'up', verdictSince: ago(999) })],
    rule: 'prove-first',
  },
  {
    name: 'retires one old replica for each new one that is up and stays so',
    state: deploying(),
    replicas: [...up, fresh('web-4', proven)],
    rule: 'retire-outdated',
    actions: ['send nothing new to web-3'],
  },
  {
    name: 'retires the one that is down first',
    state: deploying(),
    replicas: [sighting('web-1', { verdict: 'down' }), two!, three!, fresh('web-4', proven)],
    rule: 'retire-outdated',
    actions: ['send nothing new to web-1'],
  },
  {
    name: 'retires nobody before all have been asked: an agent may have just started',
    state: deploying(),
    replicas: [sighting('web-1', { verdict: 'unknown' }), two!, three!, fresh('web-4', proven)],
    rule: 'ask-first',
  },
  {
    name: 'starts the next one while the retired one is drained',
    state: deploying({ draining: { 'web-3': ago(10) } }),
    replicas: [...up, fresh('web-4', proven)],
    rule: 'start-missing',
    actions: ['start web-5 at revision 2'],
  },
  {
    name: 'keeps old replicas that are down until a new one is up: they may come back',
    state: deploying(),
    replicas: [...up.map((r) => ({ ...r, verdict: 'down' as const })), fresh('web-4')],
    rule: 'wait-for-ready',
  },
  {
    name: 'starts all at once where old replicas end again and again, and keeps those meanwhile',
    state: deploying(),
    replicas: up.map((r) => ({ ...r, state: 'crash-looping' as const })),
    rule: 'start-missing',
    actions: [4, 5, 6].map((n) => `start web-${n} at revision 2`),
  },
  {
    name: 'does not keep what never was well: it ends again and again',
    state: deploying({ stable: undefined }),
    replicas: [
      sighting('web-1', { state: 'crash-looping' }),
      two!,
      three!,
      fresh('web-4'),
      fresh('web-5'),
    ],
    rule: 'retire-hopeless',
    actions: ['send nothing new to web-1'],
  },
  {
    name: 'is done when all are up and no other is left',
    state: deploying(),
    replicas: up.map((r) => ({ ...r, revision: 2 })),
    rule: 'deployed',
    actions: ['keep revision 2 as the one to go back to'],
  },
  {
    name: 'goes back when a new replica ends again and again',
    state: deploying(),
    replicas: [...up, fresh('web-4', { state: 'crash-looping', failures: 5 })],
    rule: 'roll-back',
    actions: ['go back to revision 1: web-4 ended 5 times in a row'],
  },
  {
    name: 'goes back when a new replica does not come up in time',
    state: deploying(),
    replicas: [...up, fresh('web-4', { startedAt: ago(60_000), verdictSince: ago(60_000) })],
    rule: 'roll-back',
    actions: ['go back to revision 1: web-4 is not up after 1m'],
  },
  {
    name: 'does not go back because a new replica that was up fails for a moment',
    state: deploying(),
    replicas: [...up, fresh('web-4', { startedAt: ago(90_000), verdictSince: ago(50) })],
    rule: 'wait-for-ready',
  },
  {
    name: 'has nothing to go back to when it is the first',
    state: deploying({ stable: undefined, revision: 1 }),
    replicas: [two!, three!, sighting('web-1', { state: 'crash-looping' })],
    rule: 'no-way-back',
  },
  {
    name: 'that was rolled back leaves no replica behind',
    state: serviceState({ latest: 2, rolledBack: { revision: 2, at: ago(0), why: 'it ended' } }),
    replicas: [...up, fresh('web-4')],
    rule: 'retire-hopeless',
    actions: ['send nothing new to web-4'],
  },
  {
    name: 'that was rolled back keeps a replica that is up until the old one is again',
    state: serviceState({ latest: 2, rolledBack: { revision: 2, at: ago(0), why: 'it ended' } }),
    replicas: [one!, two!, fresh('web-4', proven)],
    rule: 'start-missing',
    actions: ['start web-3 at revision 1'],
  },
  {
    name: 'over another deploy retires what that one had begun, not what is up',
    state: deploying({ revision: 3, latest: 3 }),
    replicas: [...up, fresh('web-4')],
    rule: 'retire-outdated',
    actions: ['send nothing new to web-4'],
  },
  {
    name: 'a restart exchanges a replica for one of the same revision, after it is up',
    state: serviceState({ replace: ['web-2'] }),
    rule: 'start-missing',
    actions: ['start web-4 at revision 1'],
  },
]

function run({ name, state, replicas, rule, actions = [] }: Case): void {
  test(`${name}: ${rule}`, () => {
    const differs = { ...(state && { state }), ...(replicas && { replicas }) }
    const decision = decide(observation(differs))
    assert.equal(decision.rule, rule)
    assert.deepEqual(decision.actions.map(describeAction), actions)
  })
}

suite('a service', () => cases.forEach(run))
suite('a deploy', () => deploys.forEach(run))
