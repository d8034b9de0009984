// Is a copy what was sent? Sums of every file, compared with those of the server's own manifest
// (backup manifest format, 69.1).

import { Fault } from '../../../foundation/fault.ts'
import { addCrc, beginCrc, finishCrc } from './crc32c.ts'

/** Sums the files of a copy as they are unpacked. */
export class FileSums {
  readonly #sums = new Map<string, number>()
  readonly #sizes = new Map<string, number>()
  readonly #found = new Map<string, { readonly bytes: number; readonly sum: number }>()

  /** The next bytes of a file; `undefined` at its end. */
  readonly take = (path: string, bytes: Buffer | undefined): void => {
    if (bytes === undefined) {
      const sum = finishCrc(this.#sums.get(path) ?? beginCrc)
      this.#found.set(path, { bytes: this.#sizes.get(path) ?? 0, sum })
      this.#sums.delete(path)
      this.#sizes.delete(path)
    } else {
      this.#sums.set(path, addCrc(this.#sums.get(path) ?? beginCrc, bytes))
      this.#sizes.set(path, (this.#sizes.get(path) ?? 0) + bytes.length)
    }
  }

  /** Throws a `Fault` unless every file that the server says it sent has come as it was sent. */
  check(text: string): void {
    checkManifest(text, this.#found)
  }
}

interface Manifest {
  readonly Files?: readonly {
    readonly Path?: string
    readonly Size: number
    readonly 'Checksum-Algorithm'?: string
    readonly Checksum?: string
  }[]
}

function checkManifest(
  text: string,
  found: ReadonlyMap<string, { readonly bytes: number; readonly sum: number }>,
): void {
  const { Files: files } = JSON.parse(text) as Manifest
  for (const { Path: path, Size: size, Checksum: checksum } of files ?? []) {
    if (path === undefined) continue
    const file = found.get(path)
    const sum = file === undefined ? '' : littleEndian(file.sum)
    if (file?.bytes === size && (checksum === undefined || checksum === sum)) continue
    throw new Fault('corrupt', `the copy of ${path} is not what was sent`, {
      remedy: 'it is tried again; if it stays so, test the memory and disks of both machines',
    })
  }
}

/** As the manifest writes a sum: its bytes as they lie in memory. */
function littleEndian(sum: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(sum)
  return bytes.toString('hex')
}
