// A disk of its own for one machine of a bed, which can be filled to the last byte: a file system
// in memory, shown to what runs on that machine only.

import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** So much fits: a server, its log and a copy of it, with room to spare. */
const size = '900m'

export class BenchDisk implements Disposable {
  readonly #folder: string
  readonly #ballast: string

  constructor(folder: string) {
    this.#folder = folder
    this.#ballast = join(folder, 'ballast')
    mkdirSync(folder, { mode: 0o711 })
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0711`, 'tmpfs', folder])
    chmodSync(folder, 0o711)
  }

  /** The command that shows the disk at `at` to `argv` alone, and then is `argv`. */
  shown(at: string, argv: readonly string[]): readonly string[] {
    const script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    return ['sh', '-c', script, 'sh', this.#folder, at, ...argv]
  }

  /** Takes every byte that is free, in ever smaller pieces. */
  fill(): void {
    const file = openSync(this.#ballast, 'w', 0o600)
    try {
      for (const bytes of [1 << 20, 1 << 12]) fillBy(file, Buffer.alloc(bytes, 0x61))
    } finally {
      closeSync(file)
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true })
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['--lazy', this.#folder])
  }
}

function fillBy(file: number, piece: Buffer): void {
  for (;;) {
    try {
      if (writeSync(file, piece) < piece.length) return
    } catch (thrown) {
      if ((thrown as { code?: string }).code === 'ENOSPC') return
      throw thrown
    }
  }
}
