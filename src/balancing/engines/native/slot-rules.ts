// What does one place for an edge need? An ordered table: the first row that holds decides. Pure.

import type { Rule } from '../../../control/rules.ts'

/** What is known of one place for an edge. */
export interface SlotFacts {
  readonly wanted: boolean
  /** An edge process of ours is there, as far as we know. */
  readonly alive: boolean
  /** It has not answered for longer than patience. */
  readonly silent: boolean
  /** It was started from another version, or speaks another protocol. */
  readonly outdated: boolean
  /** Its successor is on the way already. */
  readonly replacing: boolean
  /** It has been told to stop. */
  readonly stopping: boolean
  /** It waits for the listeners of an edge before it, which is gone. */
  readonly waits: boolean
  /** Its successor has said hello, so that something can be handed to it. */
  readonly successorGreeted: boolean
  /** Its successor listens already. */
  readonly successorListens: boolean
  /** It has been asked to hand its listeners over. */
  readonly handingOver: boolean
  /** Another place is being renewed: one at a time. */
  readonly othersReplacing: boolean
  /** It died so often lately that the next try waits. */
  readonly backingOff: boolean
  /** No edge routes yet, and one is starting. */
  readonly firstIsComing: boolean
}

/** What may be done about it. */
export type SlotAction = 'start' | 'stop' | 'kill' | 'open' | 'replace' | 'hand-over' | 'yield'

/** The rules of a place, in the order in which they are asked. */
export const slotRules: readonly Rule<SlotFacts, SlotAction>[] = [
  {
    id: 'edge-silent',
    why: 'it does not answer, and what it accepted waits for nothing',
    when: (f) => f.alive && f.silent,
    actions: () => ['kill'],
  },
  {
    id: 'edge-not-wanted',
    why: 'fewer edges are wanted',
    when: (f) => f.alive && !f.wanted && !f.stopping,
    actions: () => ['stop'],
  },
  {
    id: 'edge-backing-off',
    why: 'it died so often lately that the next try waits',
    when: (f) => f.wanted && !f.alive && f.backingOff,
    actions: () => [],
  },
  {
    id: 'edge-after-first',
    why: 'the first edge is starting: two at once would both be later, and so the first answer',
    when: (f) => f.wanted && !f.alive && f.firstIsComing,
    actions: () => [],
  },
  {
    id: 'edge-missing',
    why: 'no process carries this share of the traffic',
    when: (f) => f.wanted && !f.alive,
    actions: () => ['start'],
  },
  {
    id: 'edge-waits-for-nobody',
    why: 'the edge before it is gone, and gives it no listeners any more',
    when: (f) => f.alive && f.waits,
    actions: () => ['open'],
  },
  {
    id: 'edge-succeeded',
    why: 'a newer edge listens at its place already',
    when: (f) => f.alive && f.replacing && f.successorListens && !f.handingOver,
    actions: () => ['yield'],
  },
  {
    id: 'edge-hands-over',
    why: 'its successor is there, and waits for its listeners',
    when: (f) => f.alive && f.replacing && f.successorGreeted && !f.handingOver,
    actions: () => ['hand-over'],
  },
  {
    id: 'edge-outdated',
    why: 'it was started from another version',
    when: (f) => f.alive && f.outdated && !f.replacing && !f.stopping && !f.othersReplacing,
    actions: () => ['replace'],
  },
  {
    id: 'edge-steady',
    why: 'it routes',
    when: () => true,
    actions: () => [],
  },
]
