// How does a batch of transactions become safe? Writes it to the log and waits for the disk. A full
// disk is waited for and nothing is answered meanwhile; any other failure ends the server, because
// what a disk holds after a failed sync cannot be known.

import { Fault, systemCode } from '../../foundation/fault.ts'
import { type Clock, type Milliseconds, ms } from '../../foundation/time.ts'
import { Sink } from './bytes.ts'
import type { Disk, DiskFile } from './disk.ts'
import { beginGroup, fileHeader, fileHeaderBytes, groupHeaderBytes, sealGroup } from './groups.ts'

/** The name of the log that begins with transaction `zxid`. */
export const logName = (zxid: number): string => `log.${zxid.toString(16).padStart(16, '0')}`

/** Zeros are written ahead in pieces of this size, so that a sync has no new length to write. */
const reserveBytes = 512 * 1024
const zeros = Buffer.alloc(reserveBytes)

/** How often a full disk is tried again. */
const retryAfter: Milliseconds = ms(500)

/** What a log needs to know of its surroundings. */
export interface WalOptions {
  readonly disk: Disk
  readonly clock: Clock
  /** A number for each new file: `FileHeader.salt`. */
  readonly salt: () => number
  /** A new file is begun when one has so many bytes. */
  readonly fileBytesMost: number
  /** The disk is full and is waited for; `null`: it no longer is. */
  readonly stalled: (fault: Fault | null) => void
}

/** The log of a server, open for writing at its end. One batch at a time. */
export class Wal {
  readonly #options: WalOptions
  #file: DiskFile | null = null
  #salt = 0
  #at = 0
  #reserved = 0
  /** The transaction that the next group begins with. */
  #next = 0
  #isStalled = false
  #hasFailed = false
  #retry: Disposable | null = null
  /** The bytes of all batches since the log was opened. */
  written = 0

  constructor(options: WalOptions) {
    this.#options = options
  }

  /** The disk is full, and is waited for. */
  get isStalled(): boolean {
    return this.#isStalled
  }

  /** Begins a file for the transactions from `zxid` on; `done` when it is safe that it exists. */
  begin(zxid: number, done: (error: Fault | null) => void): void {
    this.#try(done, () => {
      this.#file?.cut(this.#at)
      this.#file?.close()
      this.#file = null
      const { disk, salt } = this.#options
      this.#salt = salt()
      const file = disk.create(logName(zxid))
      try {
        const header = fileHeader('log', { number: zxid, salt: this.#salt })
        file.write(header, header.length, 0)
      } catch (thrown) {
        file.close()
        throw thrown
      }
      this.#file = file
      this.#next = zxid
      this.#at = fileHeaderBytes
      this.#reserved = fileHeaderBytes
      this.#reserve(file, fileHeaderBytes)
      file.sync((error) => {
        if (error === null) disk.sync()
        done(error === null ? null : this.#fatal('sync', error))
      })
    })
  }

  /** Makes a batch of `count` transactions from `zxid` on safe; calls `done` once, when it is. */
  append(batch: Sink, count: number, zxid: number, done: (error: Fault | null) => void): void {
    if (this.#file === null || this.#at >= this.#options.fileBytesMost) {
      this.begin(zxid, (error) => {
        if (error !== null) done(error)
        else this.#write(batch, count, zxid, done)
      })
    } else this.#write(batch, count, zxid, done)
  }

  #write(batch: Sink, count: number, zxid: number, done: (error: Fault | null) => void): void {
    this.#try(done, () => {
      const file = this.#file as DiskFile
      sealGroup(batch, count, zxid, this.#salt)
      file.write(batch.bytes, batch.length, this.#at)
      const end = this.#at + batch.length
      this.#reserve(file, end)
      file.sync((error) => {
        if (error === null) {
          this.#at = end
          this.#next = zxid + count
          this.written += batch.length
        }
        done(error === null ? null : this.#fatal('sync', error))
      })
    })
  }

  /** Writes zeros behind `end` if none are left. A full disk may do without. */
  #reserve(file: DiskFile, end: number): void {
    if (end <= this.#reserved && this.#reserved > fileHeaderBytes) return
    try {
      file.write(zeros, zeros.length, end)
      this.#reserved = end + zeros.length
    } catch (thrown) {
      if (!isFull(thrown)) throw thrown
    }
  }

  /** Runs a step that writes; again and again while the disk is full. */
  #try(done: (error: Fault | null) => void, step: () => void): void {
    try {
      step()
    } catch (thrown) {
      if (!isFull(thrown)) {
        done(this.#fatal('write', thrown))
        return
      }
      if (!this.#isStalled) this.#options.stalled(this.#full(thrown))
      this.#isStalled = true
      this.#retry = this.#options.clock.after(retryAfter, () => this.#try(done, step))
      return
    }
    if (!this.#isStalled) return
    this.#isStalled = false
    this.#options.stalled(null)
  }

  #full(cause: unknown): Fault {
    const { name } = this.#options.disk
    return new Fault('failed', `${name} is full: writes wait and are not acknowledged`, {
      remedy: `make room on the file system of ${name}: the server goes on by itself`,
      cause,
    })
  }

  #fatal(what: string, cause: unknown): Fault {
    this.#hasFailed = true
    const { name } = this.#options.disk
    return new Fault('failed', `cannot ${what} the log in ${name}: the server stops`, {
      remedy: `see what the system says about the disk of ${name} (dmesg), then start again`,
      cause,
    })
  }

  /**
   * Closes the log, without the zeros behind it. Nothing may be under way. An empty group at the
   * end vouches for the one before: whatever happens to that later is damage, and is seen.
   */
  close(): void {
    this.#retry?.[Symbol.dispose]()
    const file = this.#file
    this.#file = null
    if (file === null) return
    // After a failure nothing is known of the file: it stays as it is for the next start.
    if (!this.#hasFailed && !this.#isStalled) this.#vouch(file)
    file.close()
  }

  #vouch(file: DiskFile): void {
    const group = new Sink(groupHeaderBytes)
    beginGroup(group)
    sealGroup(group, 0, this.#next, this.#salt)
    file.write(group.bytes, group.length, this.#at)
    file.cut(this.#at + group.length)
  }
}

const isFull = (thrown: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(systemCode(thrown) ?? '')
