// The parts of a base in the store: compressed, summed as they go in, and checked as they come out.

import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { createZstdCompress, createZstdDecompress } from 'node:zlib'
import { Fault } from '../../foundation/fault.ts'
import type { Base, BasePart } from './model.ts'
import type { BackupStore } from './store.ts'

const chunkSize = 256 * 1024

/** Where everything of one base lies. */
export const baseFolder = (id: string): string => `bases/${id}`
export const manifestKey = (id: string): string => `${baseFolder(id)}/manifest.json`

/** Puts one part there; resolves to what the manifest says of it. */
export async function putPart(
  store: BackupStore,
  base: string,
  name: string,
  bytes: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<BasePart> {
  const key = `${baseFolder(base)}/${name}`
  const sum = createHash('sha256')
  let stored = 0
  const source = Readable.from(bytes, { objectMode: false, highWaterMark: 1024 * 1024 })
  const compressed = createZstdCompress({ chunkSize })
  source.on('error', (thrown) => compressed.destroy(thrown))
  // Whoever reads it hears of it, also who begins later.
  compressed.on('error', () => {})
  source.pipe(compressed)
  try {
    await store.put(key, summed(), signal)
  } finally {
    // Whoever brings the bytes waits while they are not taken.
    source.destroy()
  }
  return { key, bytes: stored, sha256: sum.digest('hex') }

  async function* summed(): AsyncGenerator<Buffer> {
    for await (const chunk of compressed as AsyncIterable<Buffer>) {
      sum.update(chunk)
      stored += chunk.length
      yield chunk
    }
  }
}

/**
 * The bytes of one part as they went in. Ends with a `Fault` if what lies in the store is not what
 * was put there; whoever takes them must not use them before the end.
 */
export async function* openPart(
  store: BackupStore,
  base: Base,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const part = base.parts.find(({ key }) => key.endsWith(`/${name}`))
  if (part === undefined) throw damaged(base, name, 'is not in its manifest')
  const sum = createHash('sha256')
  let stored = 0
  const source = store.open(part.key)
  source.on('data', (chunk) => {
    sum.update(chunk)
    stored += chunk.length
  })
  const plain = createZstdDecompress({ chunkSize })
  source.on('error', (thrown) => plain.destroy(thrown))
  // Whoever reads it hears of it, also who begins later.
  plain.on('error', () => {})
  source.pipe(plain)
  const end = (): void => void plain.destroy(signal.reason)
  signal.addEventListener('abort', end, { once: true })
  try {
    yield* plain as AsyncIterable<Buffer>
  } catch (cause) {
    if (signal.aborted) throw cause
    throw damaged(base, name, 'cannot be read', cause)
  } finally {
    signal.removeEventListener('abort', end)
    source.destroy()
  }
  if (stored !== part.bytes || sum.digest('hex') !== part.sha256) {
    throw damaged(base, name, 'is not what was put there')
  }
}

const damaged = (base: Base, name: string, what: string, cause?: unknown): Fault =>
  new Fault('corrupt', `${name} of the backup ${base.id} ${what}`, {
    remedy: 'restore from another backup, and test the disk that this one lies on',
    cause,
  })
