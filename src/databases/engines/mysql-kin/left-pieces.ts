// Makes whole what a connection that broke, or an agent that died, left growing: else it would be
// looked at as what grows for ever, and kept as it came.

import { promisify } from 'node:util'
import { zstdCompress } from 'node:zlib'
import type { BackupStore } from '../../backups/store.ts'
import {
  formatEnd,
  growingBytes,
  growingKey,
  listPieces,
  type ReadGroups,
  wholeKey,
} from './log-pieces.ts'
import { readOutline } from './outline.ts'

const compress = promisify(zstdCompress)

/**
 * Closes all pieces of a store that grow, each behind its last complete transaction. Only for
 * whoever receives, and before that: what another one still writes there is asked for again, since
 * the next piece begins behind what was closed here.
 */
export async function closeLeft(
  store: BackupStore,
  readGroups: ReadGroups,
  signal: AbortSignal,
): Promise<void> {
  for (const { name, isGrowing, isWhole } of await listPieces(store)) {
    if (!isGrowing) continue
    signal.throwIfAborted()
    if (!isWhole) {
      const { end } = await readOutline(store, name, readGroups)
      const bytes = await growingBytes(store, name, 0)
      // Whoever wrote it has made it whole meanwhile.
      if (bytes === undefined) continue
      const kept = bytes.subarray(0, end === 0 ? formatEnd(bytes) : end)
      await store.put(wholeKey(name), await compress(kept), signal)
    }
    await store.remove(growingKey(name))
  }
}
