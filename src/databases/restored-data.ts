// How do restored data take the place of a member's? By two renames, broken off anywhere.

import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { putFolderOnDisk } from '../control/on-disk.ts'
import { Fault } from '../foundation/fault.ts'

/** What is restored for a member lies beside its data, so that a rename is enough. */
export const restoredFolder = (data: string): string => `${data}.restored`

/** Where the data go that were there before. */
export const replacedFolder = (aside: string, id: string): string =>
  join(aside, `before-restore-${id}`)

/**
 * Puts what was restored in place, for good; its server has ended. Finds what was done of it
 * before. Throws a `Fault` where nothing was restored; then nothing is touched.
 */
export function putRestored({ data, aside }: { data: string; aside: string }, id: string): void {
  const from = restoredFolder(data)
  const kept = replacedFolder(aside, id)
  if (!existsSync(from)) {
    if (existsSync(kept) && existsSync(data)) return
    throw new Fault('not-found', `nothing was restored beside ${data}`, {
      remedy: 'restore it anew: alwayson restore',
    })
  }
  if (existsSync(data) && !existsSync(kept)) {
    mkdirSync(aside, { recursive: true, mode: 0o700 })
    renameSync(data, kept)
  }
  renameSync(from, data)
  // Who has taken it remembers that, on another disk perhaps, and never does it again.
  for (const folder of [dirname(data), aside]) if (existsSync(folder)) putFolderOnDisk(folder)
}
