// What did clients do and see, and what can be wrong with it? The words of the checkers. Pure.

/**
 * What a client knows of what it asked for: done, not done, or neither. A lost connection, an end
 * of patience and an error that does not say are `unknown`, and nothing is tried again in secret.
 */
export type Outcome = 'ok' | 'fail' | 'unknown'

/** From when to when, on one clock that all clients share, in any unit. */
export interface Span {
  readonly invoked: number
  readonly completed: number
}

/** A row that was to be written, with an id that no other attempt has. */
export interface Insert extends Span {
  readonly id: number
  readonly outcome: Outcome
}

/** All rows, read at the end. */
export interface FinalRead extends Span {
  readonly ids: Iterable<number>
}

/** What became of the rows. Nothing is wrong when all lists but `recovered` are empty. */
export interface AcknowledgedVerdict {
  /** How many were acknowledged before the read began: so many had to be there. */
  readonly acknowledged: number
  /** How many attempts nobody knows the outcome of. */
  readonly unknown: number
  /** Acknowledged, and not there. */
  readonly lost: readonly number[]
  /** There, and nobody had tried to write them. */
  readonly unexpected: readonly number[]
  /** There, although their clients were told that they would not be. */
  readonly resurrected: readonly number[]
  /** There more than once. */
  readonly repeated: readonly number[]
  /** There, of those with an unknown outcome. That is allowed. */
  readonly recovered: readonly number[]
}

/** A write that was acknowledged, and what its server said of itself in the same transaction. */
export interface Acknowledgement extends Span {
  /** Which server: its own id, never its address. */
  readonly server: string
  readonly epoch: number
}

/** Two acknowledgements that cannot both be right. */
export interface EpochConflict {
  readonly earlier: Acknowledgement
  readonly later: Acknowledgement
}

/** Whether epochs ended when the next ones began. Nothing is wrong when both lists are empty. */
export interface EpochVerdict {
  readonly acknowledged: number
  /** `later` was asked for when a higher epoch had acknowledged already. */
  readonly late: readonly EpochConflict[]
  /** Two servers acknowledged at one epoch. */
  readonly shared: readonly EpochConflict[]
}

/** A part of a transaction. Every value is appended to a key at most once in a history. */
export type Step =
  | { readonly kind: 'append'; readonly key: string; readonly value: number }
  /** `values` is undefined where the answer never came. */
  | { readonly kind: 'read'; readonly key: string; readonly values: readonly number[] | undefined }

/** One transaction on lists, with an id that no other has. */
export interface Transaction extends Span {
  readonly id: string
  readonly outcome: Outcome
  readonly steps: readonly Step[]
}

/** What is promised to clients, from the weakest on. Only the last one knows of time. */
export type Level = 'read-committed' | 'snapshot-isolation' | 'serializable' | 'strict-serializable'

/**
 * Why one transaction has to come before another: `ww` its append is the older one, `wr` its append
 * was read, `rw` it did not see the other's append, `realtime` it had ended before the other began.
 */
export type Relation = 'ww' | 'wr' | 'rw' | 'realtime'

/** `before` has to come before `after`. `key` and `value` say by which append, if by one. */
export interface Dependency {
  readonly relation: Relation
  readonly before: Transaction
  readonly after: Transaction
  readonly key: string | undefined
  readonly value: number | undefined
}

/** What is wrong, with the fewest transactions that show it (Adya's names where there is one). */
export type Anomaly =
  /** G1a: a value was read that its transaction had given up. */
  | Of<'aborted-read', { writer: Transaction; reader: Transaction }>
  /** G1b: a list was read in the middle of another transaction. */
  | Of<'intermediate-read', { writer: Transaction; reader: Transaction }>
  /** A value was read that nobody had appended. */
  | Of<'never-appended', { reader: Transaction }>
  | Of<'duplicate-element', { reader: Transaction }>
  /** A transaction does not see its own appends, or sees them before it makes them. */
  | Of<'internal', { reader: Transaction }>
  /** The appends of one transaction to one list stand in another order than it made them. */
  | Of<'reordered-append', { writer: Transaction; reader: Transaction }>
  /** An acknowledged append that no read shows, and `reader` had to show it. */
  | Of<'lost-append', { writer: Transaction; reader: Transaction }>
  /** Two reads of a list, neither of which goes on where the other ends: it was forked. */
  | Of<'incompatible-order', { reader: Transaction; other: Transaction }>
  /** Each has to come before the next, and the last before the first. */
  | {
      readonly kind: 'cycle'
      readonly name: 'G0' | 'G1c' | 'G-single' | 'G2'
      /** It takes the order in time to see it. */
      readonly realtime: boolean
      readonly dependencies: readonly Dependency[]
    }

type Of<Kind extends string, Who> = {
  readonly kind: Kind
  readonly key: string
  /** The first value at which it shows. */
  readonly value: number
} & Readonly<Who>

/** What is wrong with the lists. Nothing is when `anomalies` is empty. */
export interface AppendVerdict {
  readonly level: Level
  /** How many transactions took effect, as far as can be known. */
  readonly transactions: number
  /** What the level forbids, the smallest first. */
  readonly anomalies: readonly Anomaly[]
  /** What was found and the level allows. */
  readonly allowed: readonly Anomaly[]
}
