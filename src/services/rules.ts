// What does a service need next? An ordered table: the first row that holds decides. Pure.

import type { Rule } from '../control/rules.ts'
import type { ServiceFacts } from './facts.ts'
import type { ReplicaSighting, ServiceAction } from './model.ts'

const drain = (replica: ReplicaSighting): ServiceAction => ({ kind: 'drain', replica: replica.id })
const stop = (replica: ReplicaSighting): ServiceAction => ({ kind: 'stop', replica: replica.id })
const first = (replicas: readonly ReplicaSighting[]): readonly ReplicaSighting[] =>
  replicas.slice(0, 1)
const wait = (): readonly ServiceAction[] => []

/** The rules of a service, in the order in which they are asked. */
export const serviceRules: readonly Rule<ServiceFacts, ServiceAction>[] = [
  {
    id: 'stop-drained',
    why: 'it takes nothing new, and nothing waits on it any more or patience has run out',
    when: (f) => f.drained.length > 0,
    actions: (f) => f.drained.map(stop),
  },
  {
    id: 'not-wanted',
    why: 'the file no longer asks for this service',
    when: (f) => f.state.replicas === 0 && f.current.length + f.outdated.length > 0,
    actions: (f) => [...f.current, ...f.outdated].map(drain),
  },
  {
    id: 'roll-back',
    why: 'the new revision does not come up, and the one before it did',
    when: (f) => f.deployFailure !== undefined && f.wayBack !== undefined,
    actions: (f) =>
      f.wayBack === undefined || f.deployFailure === undefined
        ? []
        : [{ kind: 'roll-back', to: f.wayBack, why: f.deployFailure }],
  },
  {
    id: 'start-missing',
    why: 'fewer replicas of this revision run than are wanted',
    when: (f) => f.room > 0,
    actions: (f) =>
      f
        .freeNames(f.room)
        .map((replica) => ({ kind: 'start', replica, revision: f.state.revision })),
  },
  {
    id: 'retire-hopeless',
    why: 'it does not run well, and is not what there would be to go back to',
    when: (f) => f.hopeless.length > 0,
    actions: (f) => f.hopeless.map(drain),
  },
  {
    id: 'ask-first',
    why: 'who may leave is decided only once every replica that runs has been asked',
    when: (f) => f.unasked.length > 0 && f.outdatedSurplus + f.excess.length > 0,
    actions: wait,
  },
  {
    id: 'retire-outdated',
    why: 'it is to be exchanged, and enough others are up and stay so without it',
    when: (f) => f.outdatedSurplus > 0,
    actions: (f) => first(f.outdated).map(drain),
  },
  {
    id: 'scale-in',
    why: 'more replicas run than are wanted',
    when: (f) => f.excess.length > 0,
    actions: (f) => f.excess.map(drain),
  },
  {
    id: 'deployed',
    why: 'every replica of the wanted revision is up and stays so, and no other is left',
    when: (f) =>
      f.state.replicas > 0 &&
      f.proven.length === f.state.replicas &&
      f.outdated.length + f.leaving.length === 0 &&
      f.unsettled,
    actions: (f) => [{ kind: 'settle', revision: f.state.revision }],
  },
  {
    id: 'prove-first',
    why: 'a replica is up, but has to stay up for a moment before it is relied upon',
    when: (f) => f.proven.length < f.ready.length && f.unsettled,
    actions: wait,
  },
  {
    id: 'wait-for-drain',
    why: 'what is in flight on a leaving replica may end',
    when: (f) => f.leaving.length > 0,
    actions: wait,
  },
  {
    id: 'no-way-back',
    why: 'it does not come up, and no earlier revision ever did: it is still tried',
    when: (f) => f.deployFailure !== undefined,
    actions: wait,
  },
  {
    id: 'crash-loop',
    why: 'a replica ends again and again: it is tried at the longest wait',
    when: (f) => f.current.some((r) => r.state === 'crash-looping'),
    actions: wait,
  },
  {
    id: 'wait-for-ready',
    why: 'a replica has not passed its check yet',
    when: (f) => f.ready.length < f.state.replicas,
    actions: wait,
  },
  {
    id: 'steady',
    why: 'as many replicas are up as are wanted',
    when: () => true,
    actions: wait,
  },
]
