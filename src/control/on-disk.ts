// What has been written is on disk, and is still there after a loss of power.

import { open } from 'node:fs/promises'

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
