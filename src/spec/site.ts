// What settling the file needs at hand: where things stand, as what they were written, who is told
// of a fault, and the few facts from outside.

import type { Reporter } from './reporter.ts'
import type { RawFile } from './schema.ts'
import { offsetAt, type Path, type Tree, valueAt } from './tree.ts'

/** A value of the file as far as it was right: anything may be missing. */
export type Loose<T> = T extends readonly (infer E)[]
  ? readonly (Loose<E> | undefined)[]
  : T extends object
    ? { readonly [K in keyof T]?: Loose<T[K]> | undefined }
    : T

export type LooseFile = Loose<RawFile>

/** The outside, handed in. */
export interface Ground {
  /** The file's path; what it names is found from its folder. */
  readonly file: string
  readonly cores: number
  /** Throws if there is no such file. */
  readFile(path: string): string
  /** The permissions of a file, as `stat` tells them; `undefined` if they cannot be known. */
  modeOf?(path: string): number | undefined
}

/** One value that the environment contributed, and where. */
export interface EnvUse {
  readonly path: Path
  readonly value: string
}

/** See the first line. */
export interface Site extends Ground {
  /** Reports a fault at a path of the file. */
  fault(path: Path, message: string, remedy?: string, how?: FaultPlace): void
  /** A value as the file writes it, never what a reference in it stands for. */
  shown(path: Path): string
  /** Whether the file has anything there, right or wrong. */
  has(path: Path): boolean
  readonly envUses: readonly EnvUse[]
}

export interface FaultPlace {
  readonly at?: 'key' | 'value'
  readonly absence?: boolean
}

export function openSite(
  tree: Tree,
  ground: Ground,
  reporter: Reporter,
  envUses: readonly EnvUse[],
): Site {
  return {
    ...ground,
    envUses,
    fault: (path, message, remedy, { at = 'value', absence = false } = {}) =>
      reporter.report({ offset: offsetAt(tree, path, at), path, message, remedy, absence }),
    has: (path) => valueAt(tree, path) !== undefined,
    shown: (path) => {
      const value = valueAt(tree, path)
      return value?.kind === 'scalar' ? value.written : ''
    },
  }
}
