// What did a client notice? The longest time without an acknowledged row, and errors. Pure.

import type { Insert } from '../../src/drills/checkers/model.ts'

/** One row, or one attempt to connect (id 0). */
export interface Attempt {
  readonly id: number
  readonly invoked: number
  readonly completed: number
  readonly outcome: 'ok' | 'unknown' | 'refused'
  readonly why: string
}

/** What came of a stretch of time. */
export interface Noticed {
  /** The longest wait of a client for an acknowledgement, ms. */
  readonly outage: number
  readonly errors: number
  readonly acknowledged: number
}

/** Reads the lines of a writer. */
export const parseHistory = (text: string): readonly Attempt[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [id = '', invoked = '', completed = '', outcome = '', ...why] = line.split(' ')
      return {
        ...{ id: Number(id), invoked: Number(invoked), completed: Number(completed) },
        ...{ outcome: outcome as Attempt['outcome'], why: why.join(' ') },
      }
    })

/** What a client noticed from `from` to `to`: also of a wait that had begun before. */
export function noticed(history: readonly Attempt[], from: number, to: number): Noticed {
  const acknowledged = history.filter(({ outcome }) => outcome === 'ok')
  const before = acknowledged.findLast(({ completed }) => completed <= from)?.completed ?? from
  const within = acknowledged.filter(({ completed }) => completed > from && completed <= to)
  let last = before
  let outage = 0
  for (const { completed } of within) {
    outage = Math.max(outage, completed - last)
    last = completed
  }
  const failed = history.filter(
    (e) => e.outcome !== 'ok' && e.completed > from && e.completed <= to,
  )
  return {
    outage: Math.max(outage, to - last),
    errors: failed.length,
    acknowledged: within.length,
  }
}

/** The rows among the attempts. A failure to connect is none. */
export const insertsOf = (history: readonly Attempt[]): readonly Insert[] =>
  history
    .filter(({ id }) => id > 0)
    .map(({ outcome, ...attempt }) => ({
      ...attempt,
      outcome: outcome === 'refused' ? 'fail' : outcome,
    }))
