// Unpacks a tar stream as PostgreSQL writes it (POSIX ustar: 512-byte blocks, files and folders, no
// long names), into a folder of its own. Whoever has it unpacked sees to it that it is on disk.

import { closeSync, fchownSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { Fault } from '../../../foundation/fault.ts'
import { give, type Owner } from './owner.ts'

const block = 512

/** One file that was unpacked: its size is as its header says. */
export type OnFile = (path: string, bytes: Buffer | undefined) => void

const octal = (bytes: Buffer): number => Number.parseInt(bytes.toString('latin1'), 8) || 0

const word = (bytes: Buffer): string => {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end)
}

/** Sizes above 8 GiB are in base 256 (tar(5)). */
function sizeOf(bytes: Buffer): number {
  if (((bytes[0] ?? 0) & 0x80) === 0) return octal(bytes)
  let size = 0
  for (const byte of bytes.subarray(4)) size = size * 256 + byte
  return size
}

/** Files up to this size are written at one stroke: that takes less than asking to have it done. */
const smallMost = 256 * 1024

export class Unpacker {
  readonly #root: string
  readonly #owner: Owner | undefined
  readonly #each: OnFile
  readonly #folders = new Set<string>()
  #header = Buffer.alloc(0)
  /** Of a large file; the parts of a small one are gathered. */
  #file: FileHandle | undefined
  #small: Buffer[] | undefined
  #path = ''
  #left = 0
  #padding = 0

  constructor(root: string, owner: Owner | undefined, each: OnFile) {
    this.#root = root
    this.#owner = owner
    this.#each = each
    this.#folders.add(root)
  }

  /** Takes the next bytes of the stream. Not to be called again before it has resolved. */
  async write(chunk: Buffer): Promise<void> {
    let rest = chunk
    while (rest.length > 0) {
      if (this.#left > 0) rest = await this.#content(rest)
      else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, rest.length)
        this.#padding -= skipped
        rest = rest.subarray(skipped)
      } else rest = await this.#head(rest)
    }
  }

  /** The stream has ended: rejects if that was in the middle of a file. */
  async end(): Promise<void> {
    const isWhole = this.#left === 0 && this.#header.length === 0
    await this.#close()
    if (!isWhole) {
      throw new Fault('corrupt', 'the copy ended in the middle of a file', {
        remedy: 'it is tried again',
      })
    }
  }

  /** Lets go of what is open, also when the copy is given up. */
  async #close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  async abandon(): Promise<void> {
    await this.#close()
  }

  async #content(bytes: Buffer): Promise<Buffer> {
    const part = bytes.subarray(0, Math.min(this.#left, bytes.length))
    // A nearly full disk takes a part of it without an error: this goes on until all is written.
    if (this.#small === undefined) await this.#file?.writeFile(part)
    else this.#small.push(part)
    this.#each(this.#path, part)
    this.#left -= part.length
    if (this.#left === 0) await this.#finish()
    return bytes.subarray(part.length)
  }

  async #finish(): Promise<void> {
    if (this.#small !== undefined) this.#writeSmall(Buffer.concat(this.#small))
    this.#small = undefined
    await this.#close()
    this.#each(this.#path, undefined)
  }

  #writeSmall(bytes: Buffer): void {
    const file = openSync(join(this.#root, this.#path), 'w', 0o600)
    try {
      if (this.#owner !== undefined) fchownSync(file, this.#owner.uid, this.#owner.gid)
      writeFileSync(file, bytes)
    } finally {
      closeSync(file)
    }
  }

  async #head(bytes: Buffer): Promise<Buffer> {
    const missing = block - this.#header.length
    this.#header = Buffer.concat([this.#header, bytes.subarray(0, missing)])
    if (this.#header.length === block) {
      const header = this.#header
      this.#header = Buffer.alloc(0)
      // Two empty blocks end an archive; another may follow.
      if (header.some((byte) => byte !== 0)) await this.#begin(header)
    }
    return bytes.subarray(missing)
  }

  async #begin(header: Buffer): Promise<void> {
    const name = word(header.subarray(0, 100))
    const prefix = word(header.subarray(345, 500))
    const path = normalize(join(this.#root, prefix, name)).replace(/\/$/, '')
    if (!path.startsWith(`${this.#root}/`) && path !== this.#root) {
      throw new Fault('corrupt', `the copy holds a file outside of it: ${name}`)
    }
    const size = sizeOf(header.subarray(124, 136))
    const kind = String.fromCharCode(header[156] ?? 0)
    if (kind === '5') return this.#folder(path)
    if (kind !== '0' && kind !== '\0') {
      throw new Fault('unsupported', `the copy holds ${name}, which is no file and no folder`, {
        remedy: 'move the tables of other tablespaces into the default one',
      })
    }
    this.#folder(dirname(path))
    this.#path = path.slice(this.#root.length + 1)
    this.#left = size
    this.#padding = (block - (size % block)) % block
    if (size <= smallMost) this.#small = []
    else {
      this.#file = await open(path, 'w', 0o600)
      if (this.#owner !== undefined) await this.#file.chown(this.#owner.uid, this.#owner.gid)
    }
    if (size === 0) await this.#finish()
  }

  #folder(path: string): void {
    if (this.#folders.has(path)) return
    this.#folder(dirname(path))
    mkdirSync(path, { mode: 0o700 })
    give(path, this.#owner)
    this.#folders.add(path)
  }
}
