// What did a client notice? The longest time without an acknowledged row, errors, and rows that are
// gone although they were acknowledged. Pure.

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

/** Ids that were acknowledged and are not among `there`. */
export const lostOf = (
  history: readonly Attempt[],
  there: ReadonlySet<number>,
): readonly number[] =>
  history.filter(({ outcome, id }) => outcome === 'ok' && !there.has(id)).map(({ id }) => id)

/** Ids that are there and were never tried. */
export const unexpectedOf = (
  history: readonly Attempt[],
  there: ReadonlySet<number>,
): readonly number[] => {
  const tried = new Set(history.map(({ id }) => id))
  return [...there].filter((id) => !tried.has(id))
}
