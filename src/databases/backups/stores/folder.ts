// Keeps backups in a folder: each object a file (0600) that is there whole or not at all.

import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  statfs,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { putOnDisk } from '../../../control/on-disk.ts'
import { Fault, systemCode } from '../../../foundation/fault.ts'
import type { BackupStore, GrowingObject, StoredObject } from '../store.ts'

/** What is not whole yet: nobody lists it, and what was left behind is removed after a day. */
const draftEnd = '.draft'
const draftAgeMost = 86_400_000

/** Opens the store below a folder, which is made when something is first put there. */
export const openFolderStore = (folder: string): BackupStore => new FolderStore(folder)

class FolderStore implements BackupStore {
  readonly place: string

  constructor(folder: string) {
    this.place = folder
  }

  list(prefix: string): Promise<readonly StoredObject[]> {
    return this.#failing('cannot look into', async () => {
      const slash = prefix.lastIndexOf('/')
      const folder = slash === -1 ? '' : prefix.slice(0, slash)
      const found: StoredObject[] = []
      await this.#collect(folder, found)
      return found
        .filter(({ key }) => key.startsWith(prefix))
        .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    })
  }

  async #collect(folder: string, into: StoredObject[]): Promise<void> {
    const entries = await readdir(join(this.place, folder), { withFileTypes: true }).catch(missing)
    for (const entry of entries ?? []) {
      const key = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) await this.#collect(key, into)
      if (!entry.isFile()) continue
      const seen = await stat(join(this.place, key)).catch(missing)
      if (seen === undefined) continue
      if (!key.endsWith(draftEnd)) into.push({ key, bytes: seen.size, at: seen.mtimeMs })
    }
  }

  read(key: string, from = 0): Promise<Buffer | undefined> {
    const path = join(this.place, key)
    const read = async (): Promise<Buffer> =>
      from === 0
        ? await readFile(path)
        : Buffer.concat(await Array.fromAsync(createReadStream(path, { start: from })))
    return this.#failing(`cannot read ${key} in`, () => read().catch(missing))
  }

  open(key: string): Readable {
    return createReadStream(join(this.place, key), { highWaterMark: 256 * 1024 })
  }

  put(key: string, chunks: AsyncIterable<Buffer> | Buffer, signal: AbortSignal): Promise<void> {
    return this.#failing(`cannot put ${key} into`, async () => {
      const path = join(this.place, key)
      // Another machine may put the same here at once, or who was told to stop and is not yet over.
      const draft = `${path}.${randomUUID()}${draftEnd}`
      await this.#makeFolder(dirname(path))
      const file = await open(draft, 'w', 0o600)
      await dropOldDrafts(dirname(path), (await file.stat()).mtimeMs)
      try {
        if (Buffer.isBuffer(chunks)) await writeAll(file, chunks)
        else {
          for await (const chunk of chunks) {
            signal.throwIfAborted()
            await writeAll(file, chunk)
          }
        }
        await file.sync()
      } catch (thrown) {
        await file.close()
        await rm(draft, { force: true })
        throw thrown
      }
      await file.close()
      await rename(draft, path)
      await putOnDisk(dirname(path))
    })
  }

  grow(key: string): Promise<GrowingObject> {
    return this.#failing(`cannot put ${key} into`, async () => {
      const path = join(this.place, key)
      await this.#makeFolder(dirname(path))
      const file = await open(path, 'a+', 0o600).then(async (made) => {
        // What is opened to append writes at its end alone.
        await made.close()
        return open(path, 'r+')
      })
      await putOnDisk(dirname(path))
      return new GrowingFile(file, this.place)
    })
  }

  remove(key: string): Promise<void> {
    return this.#failing(`cannot remove ${key} from`, async () => {
      await rm(join(this.place, key), { force: true })
      // A folder in which nothing is left is no object, and would only stand in the way.
      for (let folder = dirname(key); folder !== '.'; folder = dirname(folder)) {
        if (!(await isRemoved(join(this.place, folder)))) return
      }
    })
  }

  async free(): Promise<number | undefined> {
    for (let folder = this.place; ; folder = dirname(folder)) {
      const seen = await statfs(folder).catch(missing)
      if (seen !== undefined) return seen.bavail * seen.bsize
      if (folder === dirname(folder)) return undefined
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true, mode: 0o700 })
    if (first === undefined) return
    for (let made = folder; made.length >= first.length; made = dirname(made)) {
      await putOnDisk(dirname(made))
    }
  }

  async #failing<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      if (cause instanceof Fault) throw cause
      throw new Fault('failed', `${what} ${this.place}`, { remedy: remedyFor(cause), cause })
    }
  }
}

function remedyFor(cause: unknown): string {
  if (systemCode(cause) === 'ENOSPC') return 'make room there, or keep fewer backups'
  return 'see that the folder of `backups:` is there, and that this user may write to it'
}

/** `undefined` for what is not there. */
function missing(thrown: unknown): undefined {
  if (['ENOENT', 'ENOTDIR'].includes(systemCode(thrown) ?? '')) return undefined
  throw thrown
}

async function writeAll(file: FileHandle, bytes: Buffer, at?: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const place = at === undefined ? null : at + done
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, place)
    done += bytesWritten
  }
}

/** What somebody who died was putting here, long before `now` by the clock of the disk. */
async function dropOldDrafts(folder: string, now: number): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(draftEnd)) continue
    const seen = await stat(join(folder, name)).catch(missing)
    if (seen !== undefined && seen.mtimeMs < now - draftAgeMost) {
      await rm(join(folder, name), { force: true })
    }
  }
}

/** Whether a folder is gone, or was empty and is now. */
async function isRemoved(folder: string): Promise<boolean> {
  try {
    await rmdir(folder)
    return true
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return true
    if (['ENOTEMPTY', 'EEXIST'].includes(systemCode(thrown) ?? '')) return false
    throw thrown
  }
}

class GrowingFile implements GrowingObject {
  readonly #file: FileHandle
  readonly #place: string

  constructor(file: FileHandle, place: string) {
    this.#file = file
    this.#place = place
  }

  async write(at: number, bytes: Buffer): Promise<void> {
    try {
      await writeAll(this.#file, bytes, at)
    } catch (cause) {
      throw new Fault('failed', `cannot write to ${this.#place}`, {
        remedy: remedyFor(cause),
        cause,
      })
    }
  }

  async sync(): Promise<void> {
    await this.#file.datasync()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}
