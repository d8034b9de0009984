// Are the data half rewound? A mark says so that lies beside their folder: what lies in it and not
// at the source pg_rewind removes, before it copies anything.

import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { putOnDisk } from '../../../control/on-disk.ts'
import { writeWhole } from '../../../control/whole-file.ts'

const markOf = (data: string): string => `${data}.half`

/** Where versions before this one left their mark. */
const markWithin = 'alwayson.half'

/** Whether what lies there is no data of any one moment. */
export const isHalf = (data: string): boolean =>
  existsSync(markOf(data)) || existsSync(join(data, markWithin))

/** Resolves when the mark is on disk: from then on the data may be changed. */
export async function markHalf(data: string): Promise<void> {
  writeWhole(markOf(data), '')
  await putOnDisk(dirname(data))
}

/**
 * The data are whole, or are not there any more. The mark is gone for good when this resolves: one
 * that came back after a loss of power would have what was acknowledged since copied over.
 */
export async function unmarkHalf(data: string): Promise<void> {
  if (!existsSync(markOf(data))) return
  // What makes them so comes first.
  await putOnDisk(dirname(data))
  rmSync(markOf(data))
  await putOnDisk(dirname(data))
}
