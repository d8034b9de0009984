// What has been written is on disk, and is still there after a loss of power.

import { closeSync, fsyncSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { systemCode } from '../foundation/fault.ts'

/**
 * Resolves when a file has its bytes on disk, or a folder the names in it: what was made, renamed
 * and removed there. Rejects with what the system says.
 */
export async function putOnDisk(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Returns when a folder has the names in it on disk. Throws what the system says; a file system
 * that knows no such thing of a folder (EINVAL, fsync(2)) keeps its names as it will.
 */
export function putFolderOnDisk(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } catch (thrown) {
    if (systemCode(thrown) !== 'EINVAL') throw thrown
  } finally {
    closeSync(folder)
  }
}
