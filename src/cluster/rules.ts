// What does the leader of the cluster do next? An ordered table: the first row that holds decides.
// Pure.

import type { Rule } from '../control/rules.ts'
import type { ClusterFacts } from './facts.ts'
import type { ClusterAction } from './model.ts'

const place = ({ next }: ClusterFacts): readonly ClusterAction[] => [
  { kind: 'place', shares: next },
]
const wait = (): readonly ClusterAction[] => []

/** The rules of the cluster's leader, in the order in which they are asked. */
export const clusterRules: readonly Rule<ClusterFacts, ClusterAction>[] = [
  {
    id: 'gather-machines',
    why: 'nothing is placed yet, and machines that the file names may still be starting',
    when: (f) => f.isFirst && f.awaited.length > 0,
    actions: wait,
  },
  {
    id: 'first-placement',
    why: 'nothing is placed yet',
    when: (f) => f.isFirst,
    actions: place,
  },
  {
    id: 'move-from-lost',
    why: 'a machine has given no sign of life for longer than it may',
    when: (f) => f.changed && f.onLost > 0,
    actions: place,
  },
  {
    id: 'move-from-drained',
    why: 'an operator drained the machine that runs it',
    when: (f) => f.changed && f.onDrained > 0,
    actions: place,
  },
  {
    id: 'move-from-unnamed',
    why: 'the file no longer names the machine that runs it',
    when: (f) => f.changed && f.onUnknown > 0,
    actions: place,
  },
  {
    id: 'follow-file',
    why: 'another file was applied',
    when: (f) => !f.followsFile,
    actions: place,
  },
  {
    id: 'spread-again',
    why: 'a machine has room that others lack',
    when: (f) => f.changed,
    actions: place,
  },
  {
    id: 'nowhere-to-run',
    why: 'no machine that a service may run on takes part',
    when: (f) => f.homeless.length > 0,
    actions: wait,
  },
  {
    id: 'wait-for-machine',
    why: 'a machine is silent, and may be back before it is worth moving what it ran',
    when: (f) => f.missing.length > 0,
    actions: wait,
  },
  {
    id: 'agent-away',
    why: 'an agent is away, and what its machine runs goes on without it',
    when: (f) => f.agentless.length > 0,
    actions: wait,
  },
  { id: 'placed', why: 'everything is where it should be', when: () => true, actions: wait },
]
