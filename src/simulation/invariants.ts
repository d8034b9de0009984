// What must hold in every simulated life, one sentence each. Safety: whatever happens. Liveness:
// once nothing happens any more.

import type { Instant } from '../foundation/time.ts'

/** The promises that lives are held to. */
export const promises = {
  'one-process': 'Two processes never run for one replica at the same time.',
  'one-template': 'Two replicas of one revision never run different programs.',
  'pass-first': 'No table sends requests to a process that has not passed a check.',
  'tables-grow': 'Each table has a higher version than all before it, whoever pushed them.',
  'empty-first':
    'A replica that runs is told to stop only when no edge has a request on it or may send it ' +
    'one, or when its drain has taken too long.',
  'post-once': 'A request that must not be repeated is executed once at most.',
  'answered-once': 'A request is answered exactly once.',
  'hedged-little':
    'No edge sends more than a tenth of its requests, and ten a second, to a second server ' +
    'while the first has them.',
  'enough-up':
    'In a life without faults, also while bad revisions are deployed, never fewer servers are ' +
    'up than the least that was wanted meanwhile.',
  'nobody-waits-in-vain':
    'In a life in which only agents die, messages are late, the disk is full or we run out of ' +
    'ports, no request fails, repeatable or not, but on a revision that is bad.',
  'repeated-elsewhere':
    'In a life in which also replicas and their guards are killed, or replicas hang or crawl, ' +
    'and nothing bad is deployed, no request fails that may be repeated.',
  'no-busy-loop': 'The agent does not decide again and again at one instant.',
  'no-crash': 'Nothing that is thrown ends a life.',
  'comes-to-rest':
    'After the last fault every service has as many servers up as are wanted, all of one ' +
    'revision that is well, and no decision is left to take.',
  'all-hear': 'Then every edge routes by the last table, and all servers in it are up.',
  'nothing-is-left': 'Then nothing runs that nobody wants.',
  'serves-again': 'Then no request fails any more.',
} as const

export type PromiseId = keyof typeof promises

/** A promise that was broken. */
export interface Breach {
  readonly promise: PromiseId
  readonly at: Instant
  readonly what: string
}

/** Ends a life at its first breach. */
export class BrokenPromise extends Error {
  readonly breach: Breach

  constructor(breach: Breach) {
    super(`${breach.promise} (${promises[breach.promise]}) at ${breach.at}: ${breach.what}`)
    this.breach = breach
  }
}
