// How is a record laid out? A layout says it once, and reads and writes by it.

import type { Reader, Writer } from './archive.ts'

/** How values of one kind stand in bytes, in both directions. */
export interface Layout<T> {
  /** Throws a Fault `corrupt` when the bytes do not hold such a value. */
  read(from: Reader): T
  write(to: Writer, value: T): void
  /** The fewest bytes that a value takes: lists are checked against it before they are read. */
  readonly least: number
}

/** The type of value that a layout stands for. */
export type Of<L> = L extends Layout<infer T> ? T : never

export const bool: Layout<boolean> = {
  read: (from) => from.bool(),
  write: (to, value) => to.bool(value),
  least: 1,
}

export const int: Layout<number> = {
  read: (from) => from.int(),
  write: (to, value) => to.int(value),
  least: 4,
}

/** All 64 bits: zxids and session ids do not fit a number. */
export const long: Layout<bigint> = {
  read: (from) => from.long(),
  write: (to, value) => to.long(value),
  least: 8,
}

/** A long that counts milliseconds. */
export const time: Layout<number> = {
  read: (from) => from.time(),
  write: (to, value) => to.time(value),
  least: 8,
}

/** Bytes; read as a view of the frame, see `Reader.bytes`. */
export const bytes: Layout<Uint8Array | null> = {
  read: (from) => from.bytes(),
  write: (to, value) => to.bytes(value),
  least: 4,
}

export const string: Layout<string> = {
  read: (from) => from.string(),
  write: (to, value) => to.string(value),
  least: 4,
}

/** A list of what `item` lays out. */
export const list = <T>(item: Layout<T>): Layout<readonly T[]> => ({
  read: (from) => from.list(item.read, item.least),
  write: (to, values) => to.list(values, item.write),
  least: 4,
})

/** A last field that older peers leave out: absent, it reads as `absent`. */
export const trailing = <T>(item: Layout<T>, absent: T): Layout<T> => ({
  read: (from) => (from.left === 0 ? absent : item.read(from)),
  write: item.write,
  least: 0,
})

type Fields = { readonly [name: string]: Layout<never> | Layout<unknown> }
type Record<F extends Fields> = { readonly [K in keyof F]: Of<F[K]> }

/** A record: its fields in the order of the protocol. */
export function record<const F extends Fields>(fields: F): Layout<Record<F>> {
  const columns = Object.entries(fields) as [string, Layout<unknown>][]
  return {
    read(from) {
      const value: { [name: string]: unknown } = {}
      for (const [name, field] of columns) value[name] = field.read(from)
      return value as Record<F>
    },
    write(to, value) {
      const values = value as { readonly [name: string]: unknown }
      for (const [name, field] of columns) field.write(to, values[name])
    },
    least: columns.reduce((sum, [, field]) => sum + field.least, 0),
  }
}

/**
 * The same layout, its fields read, or written, by code that names each: for records that nearly
 * every message holds, because a loop over the fields costs several times as much.
 */
export const writtenOut = <T>(
  by: Layout<T>,
  code: { readonly read?: Layout<T>['read']; readonly write?: Layout<T>['write'] },
): Layout<T> => ({ ...by, ...code })
