// What does this machine's server of the ensemble need next? An ordered table: the first row that
// holds decides. Pure.

import type { Rule } from '../../control/rules.ts'
import type { EnsembleFacts } from './facts.ts'
import type { EnsembleAction } from './model.ts'

const just = (kind: EnsembleAction['kind']) => (): readonly EnsembleAction[] => [{ kind }]
const wait = (): readonly EnsembleAction[] => []

/** The rules of a member, in the order in which they are asked. */
export const ensembleRules: readonly Rule<EnsembleFacts, EnsembleAction>[] = [
  {
    id: 'server-ends',
    why: 'its end is under way',
    when: (f) => f.stopping,
    actions: wait,
  },
  {
    id: 'server-not-wanted',
    why: 'the file does not have it run on this machine',
    when: (f) => !f.wanted && f.present,
    actions: just('stop'),
  },
  {
    id: 'no-server-here',
    why: 'the file has other machines run the ensemble',
    when: (f) => !f.wanted,
    actions: wait,
  },
  {
    id: 'server-frozen',
    why: 'its process is stopped: the others wait for it as long as it is there',
    when: (f) => f.frozen,
    actions: just('kill'),
  },
  {
    id: 'server-silent',
    why: 'it runs, and has answered nobody for longer than it may',
    when: (f) => f.silent,
    actions: just('kill'),
  },
  {
    id: 'server-never-answered',
    why: 'it was started long ago, and has not answered once',
    when: (f) => f.neverAnswered,
    actions: just('kill'),
  },
  {
    id: 'server-lost',
    why: 'its guard is gone, so nobody would start it again',
    when: (f) => f.lost,
    actions: just('kill'),
  },
  {
    id: 'no-room',
    why: 'its disk is full: it would only end again, and starts when there is room',
    when: (f) => !f.hasRoom && !f.present,
    actions: wait,
  },
  {
    id: 'ended-without-room',
    why: 'it ended, and its disk is full: it starts again when there is room',
    when: (f) => !f.hasRoom && f.ended,
    actions: just('stop'),
  },
  {
    id: 'server-missing',
    why: 'the file has it run on this machine',
    when: (f) => !f.present,
    actions: just('start'),
  },
  {
    id: 'change-misses-nobody',
    why: 'its settings changed, and nobody is served that would miss it',
    when: (f) => f.changed && f.nobodyServes,
    actions: just('stop'),
  },
  {
    id: 'change-now',
    why: 'its settings changed, it is its turn, and all others serve',
    when: (f) => f.changed && f.hasTurn && f.othersServe,
    actions: just('stop'),
  },
  {
    id: 'change-waits-for-others',
    why: 'its settings changed, and another server does not serve: one at a time',
    when: (f) => f.changed && f.hasTurn,
    actions: wait,
  },
  {
    id: 'change-waits-for-turn',
    why: 'its settings changed, and the servers restart one after the other',
    when: (f) => f.changed,
    actions: just('ask-turn'),
  },
  {
    id: 'turn-is-over',
    why: 'it serves with its new settings: the next server may restart',
    when: (f) => f.hasTurn && f.serves,
    actions: just('yield-turn'),
  },
  {
    id: 'room-gets-short',
    why: 'its disk is nearly full: without room it ends',
    when: (f) => f.isShort,
    actions: wait,
  },
  {
    id: 'server-serves',
    why: 'it runs as the file says, and serves',
    when: (f) => f.serves,
    actions: wait,
  },
  {
    id: 'server-joins',
    why: 'it runs, and waits for a leader that enough of the others follow',
    when: () => true,
    actions: wait,
  },
]
