// Secrets as files in a folder that this user alone can enter.

import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Fault, systemCode } from '../../../foundation/fault.ts'
import type { SecretStore } from '../../store.ts'

/** Opens a store in `folder`, which is made with the first secret. */
export function openFolderStore(folder: string): SecretStore {
  return {
    async read(name) {
      const path = join(folder, name)
      try {
        return await readFile(path, 'utf8')
      } catch (cause) {
        if (systemCode(cause) === 'ENOENT') return undefined
        throw new Fault('failed', `cannot read ${path}`, { cause })
      }
    },
    async write(name, text) {
      const path = join(folder, name)
      const draft = `${path}.new`
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 })
        const file = await open(draft, 'w', 0o600)
        try {
          await file.writeFile(text)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(draft, path)
      } catch (cause) {
        await rm(draft, { force: true })
        throw new Fault('failed', `cannot write ${path}`, { cause })
      }
    },
    async remove(name) {
      await rm(join(folder, name), { force: true })
    },
  }
}
