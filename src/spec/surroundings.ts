// What may a reference reach, and how is it answered? The words that the kinds of references share.

import type { Reporter } from './reporter.ts'
import type { Tree } from './tree.ts'

/** What references may reach. */
export interface Surroundings {
  readonly tree: Tree
  /** The text that the offsets of the tree count in. */
  readonly text: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly reporter: Reporter
  /** Sections that a later version will know. */
  readonly laterSections: readonly string[]
}

/** No message: what it names is wrong itself, and has been reported there. */
export type Answer =
  | { readonly value: string; readonly fromEnv?: boolean }
  | { readonly message: string | undefined; readonly remedy?: string | undefined }

/** An address of this machine that reaches a socket listening on `host`. */
export const reachable = (host: string): string =>
  host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host

/** The names of what a section of the file has. */
export const namesIn = (section: Tree | undefined): readonly string[] =>
  section?.kind === 'map' ? section.entries.map((entry) => entry.key) : []
