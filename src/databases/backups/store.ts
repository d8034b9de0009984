// The port: where backups are kept. A folder today; whatever can list, read and put whole objects,
// such as a bucket, can stand behind it. It knows nothing of databases.

import type { Readable } from 'node:stream'

/** One object. */
export interface StoredObject {
  readonly key: string
  readonly bytes: number
  /** When it was put there, by the store's clock; milliseconds since 1970. */
  readonly at: number
}

/** An object that grows: what was synced is there after a loss of power. */
export interface GrowingObject extends AsyncDisposable {
  /** Writes at that place; the same bytes may be written again. */
  write(at: number, bytes: Buffer): Promise<void>
  sync(): Promise<void>
}

/**
 * Keys are paths of plain letters with `/` between them. All reject with a `Fault` that names the
 * place.
 */
export interface BackupStore {
  /** For people. */
  readonly place: string
  /** All whose keys begin so, sorted by key; objects that are not whole yet are not among them. */
  list(prefix: string): Promise<readonly StoredObject[]>
  /** All of a small one, or its bytes from an offset on; `undefined` where there is none. */
  read(key: string, from?: number): Promise<Buffer | undefined>
  open(key: string): Readable
  /** It is there whole, and survives a loss of power, once this resolves; or not at all. */
  put(key: string, chunks: AsyncIterable<Buffer> | Buffer, signal: AbortSignal): Promise<void>
  grow(key: string): Promise<GrowingObject>
  /** Does nothing where there is none. */
  remove(key: string): Promise<void>
  /** Free bytes; `undefined` where nobody can say. */
  free(): Promise<number | undefined>
}

/** The same store, seen from below `folder`. */
export const below = (store: BackupStore, folder: string): BackupStore => ({
  place: `${store.place}/${folder}`,
  async list(prefix) {
    const found = await store.list(`${folder}/${prefix}`)
    return found.map((each) => ({ ...each, key: each.key.slice(folder.length + 1) }))
  },
  read: (key, from) => store.read(`${folder}/${key}`, from),
  open: (key) => store.open(`${folder}/${key}`),
  put: (key, chunks, signal) => store.put(`${folder}/${key}`, chunks, signal),
  grow: (key) => store.grow(`${folder}/${key}`),
  remove: (key) => store.remove(`${folder}/${key}`),
  free: () => store.free(),
})
