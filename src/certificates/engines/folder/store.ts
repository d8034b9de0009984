// Secrets as files in a folder that this user alone can enter.

import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readWhole, writeWhole } from '../../../control/whole-file.ts'
import { Fault } from '../../../foundation/fault.ts'
import type { SecretStore } from '../../store.ts'

/** Opens a store in `folder`, which is made with the first secret. */
export function openFolderStore(folder: string): SecretStore {
  return {
    async read(name) {
      return readWhole(join(folder, name))
    },
    async write(name, text) {
      const path = join(folder, name)
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      } catch (cause) {
        throw new Fault('failed', `cannot make the folder of ${path}`, { cause })
      }
      writeWhole(path, text)
    },
  }
}
