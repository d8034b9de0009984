// How is what was set aside closed? With a summary that stands there only if all else does.

import { dirname, join } from 'node:path'
import { putOnDisk } from '../control/on-disk.ts'
import { writeWhole } from '../control/whole-file.ts'

/** The page that says of a folder below `aside` what it holds, and that it is complete. */
export const summaryIn = (folder: string): string => join(folder, 'summary.json')

/**
 * Writes the summary of a folder whose files are on disk already. Resolves when a loss of power
 * leaves all of it: from then on what was set aside may be undone. Rejects where it cannot be.
 */
export async function closeKept(folder: string, summary: object): Promise<void> {
  await putOnDisk(folder)
  writeWhole(summaryIn(folder), `${JSON.stringify(summary, undefined, 2)}\n`)
  // The folder of all tails, and that one's, may have been made just now.
  for (const each of [folder, dirname(folder), dirname(dirname(folder))]) await putOnDisk(each)
}
