// The words of comparing what members have: tables, stretches of them, differences. Types only.

/** A table as a member tells of it. */
export interface ComparedTable {
  /** With the database and schema it is in, for people: `shop.public.orders`. */
  readonly name: string
  /** As the engine finds it again. */
  readonly id: string
  readonly bytes: number
}

/** A part of a table that is compared at once; only the engine knows what its ends mean. */
export interface Stretch {
  readonly from: string | undefined
  readonly to: string | undefined
  readonly bytes: number
}

/** What a stretch holds: the number of its rows, and a sum that does not depend on their order. */
export interface StretchSum {
  readonly rows: number
  readonly sum: string
}

/** Sums of single rows, by a name that a person finds the row by: `id=17`. */
export type RowSums = ReadonlyMap<string, string>

/** Rows of one table in which a member is not as the primary is. */
export interface Difference {
  readonly member: string
  readonly table: string
  readonly kind: 'differs' | 'missing' | 'surplus' | 'unreadable'
  /** How many rows; of what cannot be read nobody knows. */
  readonly rows: number | undefined
  /** Some of them, the first in order. */
  readonly names: readonly string[]
  /** What the server says of what it cannot read. */
  readonly why: string | undefined
}

/** What a comparison came to. */
export interface Comparison {
  readonly tables: number
  readonly rows: number
  readonly bytes: number
  readonly members: readonly string[]
  readonly differences: readonly Difference[]
  /** Members that could not be compared, or not to the end, and why. */
  readonly left: readonly { readonly member: string; readonly why: string }[]
}
