// The file as a tree of values that know where they stand. What they mean is not known here.

/** Where something stands among the keys: `['services', 'web', 'servers', 0]`. */
export type Path = readonly (string | number)[]

/** A single value. */
export interface Scalar {
  readonly kind: 'scalar'
  /** Where it begins in the text. */
  readonly offset: number
  readonly end: number
  readonly value: string | number | boolean | null
  /** As the file has it, without quotes. */
  readonly written: string
}

export interface ListTree {
  readonly kind: 'list'
  readonly offset: number
  readonly items: readonly Tree[]
}

export interface MapTree {
  readonly kind: 'map'
  readonly offset: number
  readonly entries: readonly Entry[]
}

export interface Entry {
  readonly key: string
  readonly keyOffset: number
  readonly value: Tree
}

/** What could not be read, and was reported. */
export interface Broken {
  readonly kind: 'broken'
  readonly offset: number
}

export type Tree = Scalar | ListTree | MapTree | Broken

/** The entry of a map under `key`. */
export const entryOf = (tree: Tree | undefined, key: string): Entry | undefined =>
  tree?.kind === 'map' ? tree.entries.find((entry) => entry.key === key) : undefined

/** The value at a path, or `undefined` if the file has none there. */
export function valueAt(tree: Tree | undefined, path: Path): Tree | undefined {
  let here = tree
  for (const step of path) {
    here =
      typeof step === 'number'
        ? here?.kind === 'list'
          ? here.items[step]
          : undefined
        : entryOf(here, step)?.value
  }
  return here
}

/** Where to point for a path: its value, its key, or the nearest thing above it that exists. */
export function offsetAt(tree: Tree, path: Path, at: 'key' | 'value'): number {
  const value = valueAt(tree, path)
  const last = path.at(-1)
  if (value !== undefined) {
    if (at === 'key' && typeof last === 'string') {
      return entryOf(valueAt(tree, path.slice(0, -1)), last)?.keyOffset ?? value.offset
    }
    return value.offset
  }
  return path.length === 0 ? tree.offset : offsetAt(tree, path.slice(0, -1), 'key')
}

/** Says a path as people write it: `services.legacy.servers[0].at`. */
export const formatPath = (path: Path): string =>
  path
    .map((step, index) =>
      typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`,
    )
    .join('')
