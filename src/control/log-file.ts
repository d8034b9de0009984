// Where do lines go? To a file that is rotated by size. A disk that takes nothing more costs lines,
// which are counted, and never harms or holds up whoever writes them.

import type { Stats } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { describeError, systemCode } from '../foundation/fault.ts'
import { type Clock, type Instant, ms, since } from '../foundation/time.ts'

/** A log file is rotated at `size` bytes; `keep` older ones stay. */
export interface Rotation {
  readonly size: number
  readonly keep: number
}

/** The part of the file system that a log needs. Every call may reject with a system error. */
export interface LogDisk {
  /** Opens for appending, 0600, and says how long it is. */
  open(path: string): Promise<LogDiskFile>
  rename(from: string, to: string): Promise<void>
  /** What stands at `path`, as `LogDiskFile.inode` says it; `undefined`: nothing. */
  inode(path: string): Promise<number | undefined>
  /** Resolves to whether there was such a file. */
  remove(path: string): Promise<boolean>
}

/** One open file. */
export interface LogDiskFile {
  readonly size: number
  readonly inode: number
  /** How long it is now: others may have written too. */
  measure(): Promise<number>
  /** Appends, perhaps fewer bytes than asked: says how many. */
  append(bytes: Buffer): Promise<number>
  truncate(size: number): Promise<void>
  /** Whether it still has a name: somebody may have removed it. */
  isLinked(): Promise<boolean>
  close(): Promise<void>
}

/** What a log tells of its disk. */
export interface LogListener {
  /** From now on lines are lost. Told once, until `keeping`. */
  losing(why: string): void
  /** Lines are kept again, after `lost` were not. */
  keeping(lost: number): void
}

/** What a log needs beside its path. */
export interface LogFilePorts {
  readonly disk: LogDisk
  readonly clock: Clock
  readonly listener: LogListener
  /**
   * Several processes append to the log. Runs the deed, and resolves to true, unless another one of
   * them is at such a deed just now.
   */
  readonly alone?: (deed: () => Promise<void>) => Promise<boolean>
  /** The line that says in the log itself that some were lost; without its newline. */
  readonly lostLine?: (lost: number, reason: string) => string
}

const plainLostLine = (lost: number, reason: string): string =>
  `alwayson: ${lost} lines lost: ${reason}`

/** A log that takes whole lines. */
export interface LogFile {
  /** Resolves when the lines are written or given up. Never rejects. */
  append(lines: Buffer): Promise<void>
  close(): Promise<void>
}

/** While lines are lost, how often it is tried again; and how often a file's name is looked at. */
const lookEvery = ms(1000)

/** Space is back when this much can be written: a few bytes always find room in a last block. */
const probeBytes = 64 * 1024

/** Opens the log at `path`; older files are `path.1` (the newest) to `path.<keep>`. */
export const openLogFile = (path: string, policy: Rotation, ports: LogFilePorts): LogFile =>
  new RotatedFile(path, policy, ports)

class RotatedFile implements LogFile {
  readonly #path: string
  readonly #policy: Rotation
  readonly #ports: LogFilePorts
  #file: LogDiskFile | undefined
  #size = 0
  #lookedAt: Instant | undefined
  #losing: { reason: string; lost: number; triedAt: Instant } | undefined
  #last: Promise<void> = Promise.resolve()

  constructor(path: string, policy: Rotation, ports: LogFilePorts) {
    this.#path = path
    this.#policy = policy
    this.#ports = ports
  }

  append(lines: Buffer): Promise<void> {
    this.#last = this.#last.then(() => this.#append(lines))
    return this.#last
  }

  async close(): Promise<void> {
    await this.#last
    await this.#drop().catch(() => undefined)
  }

  async #append(lines: Buffer): Promise<void> {
    const rest = { lines }
    try {
      if (!(await this.#resume())) throw new StillFull()
      await this.#store(rest)
    } catch (thrown) {
      this.#lose(thrown, countLines(rest.lines))
    }
  }

  /** Whether lines can be kept now; after a loss, says in the log itself that there was one. */
  async #resume(): Promise<boolean> {
    const { clock, disk, listener } = this.#ports
    const losing = this.#losing
    if (losing === undefined) return true
    if (since(losing.triedAt, clock.now()) < lookEvery) return false
    losing.triedAt = clock.now()
    await probe(disk, `${this.#path}.probe`)
    const say = this.#ports.lostLine ?? plainLostLine
    await this.#store({ lines: Buffer.from(`${say(losing.lost, losing.reason)}\n`) })
    this.#losing = undefined
    listener.keeping(losing.lost)
    return true
  }

  #lose(thrown: unknown, lines: number): void {
    if (this.#losing !== undefined) {
      this.#losing.lost += lines
      return
    }
    const reason = reasonOf(thrown)
    this.#losing = { reason, lost: lines, triedAt: this.#ports.clock.now() }
    this.#ports.listener.losing(reason)
  }

  /** Writes the lines, rotating where one would not fit; `rest` is left with what was not. */
  async #store(rest: { lines: Buffer }): Promise<void> {
    while (rest.lines.length > 0) {
      const file = await this.#current()
      let part = fitting(rest.lines, this.#policy.size - this.#size, this.#size === 0)
      if (part === 0) {
        if (await this.#rotateIfDue(file)) continue
        // Another process is at it: until it has done so, the old file takes some more.
        part = rest.lines.length
      }
      await this.#write(file, rest.lines.subarray(0, part))
      rest.lines = rest.lines.subarray(part)
    }
  }

  /** All of `bytes` or none: a line cut short by a full disk is taken back. */
  async #write(file: LogDiskFile, bytes: Buffer): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) done += await file.append(bytes.subarray(done))
      this.#size += bytes.length
    } catch (thrown) {
      // What others have written after it must stay: then half a line stays too, ended at least.
      if (this.#ports.alone === undefined) await file.truncate(this.#size)
      else await file.append(Buffer.from('\n')).catch(() => undefined)
      throw thrown
    }
  }

  async #current(): Promise<LogDiskFile> {
    const now = this.#ports.clock.now()
    if (this.#file !== undefined && since(this.#lookedAt ?? now, now) >= lookEvery) {
      this.#lookedAt = now
      if (!(await this.#isStillThere(this.#file))) await this.#drop()
    }
    if (this.#file === undefined) {
      this.#file = await this.#ports.disk.open(this.#path)
      this.#size = this.#file.size
      this.#lookedAt = now
    }
    return this.#file
  }

  /** Not if it was removed; nor, where others write too, if they have begun another one. */
  async #isStillThere(file: LogDiskFile): Promise<boolean> {
    if (this.#ports.alone === undefined) return file.isLinked()
    if ((await this.#ports.disk.inode(this.#path)) !== file.inode) return false
    this.#size = await file.measure()
    return true
  }

  /** False when another process is about to. */
  async #rotateIfDue(file: LogDiskFile): Promise<boolean> {
    const { alone } = this.#ports
    if (alone === undefined) {
      await this.#rotate()
      return true
    }
    return alone(async () => {
      if (await this.#isStillThere(file)) await this.#rotate()
      else await this.#drop()
    })
  }

  async #rotate(): Promise<void> {
    const { disk } = this.#ports
    await this.#drop()
    // An earlier guard may have been told to keep more.
    for (let number = this.#policy.keep + 1; ; number += 1) {
      if (!(await disk.remove(`${this.#path}.${number}`))) break
    }
    if (this.#policy.keep === 0) await disk.remove(this.#path)
    for (let number = this.#policy.keep - 1; number >= 0; number -= 1) {
      const from = number === 0 ? this.#path : `${this.#path}.${number}`
      await disk.rename(from, `${this.#path}.${number + 1}`)
    }
  }

  async #drop(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}

/** Not yet worth another try: the reason is the one already told. */
class StillFull extends Error {}

async function probe(disk: LogDisk, path: string): Promise<void> {
  const file = await disk.open(path)
  try {
    const bytes = Buffer.alloc(probeBytes)
    for (let done = 0; done < bytes.length; ) done += await file.append(bytes.subarray(done))
  } finally {
    await file.close()
    await disk.remove(path)
  }
}

const newline = 0x0a

/** How many bytes of whole lines go into `room`; a line longer than an empty file goes anyway. */
function fitting(lines: Buffer, room: number, empty: boolean): number {
  if (lines.length <= room) return lines.length
  const whole = room <= 0 ? 0 : lines.lastIndexOf(newline, room - 1) + 1
  if (whole > 0 || !empty) return whole
  const first = lines.indexOf(newline) + 1
  return first === 0 ? lines.length : first
}

function countLines(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) count += 1
  return count
}

function reasonOf(thrown: unknown): string {
  switch (systemCode(thrown)) {
    case 'ENOSPC':
      return 'disk full'
    case 'EDQUOT':
      return 'disk quota used up'
    case 'EFBIG':
      return 'file size limit reached'
    case 'EROFS':
      return 'disk is read-only'
    case 'EIO':
      return 'disk fails'
    default:
      return describeError(thrown)
  }
}

/** The machine's disk. */
export const machineDisk: LogDisk = {
  async open(path) {
    const handle = await open(path, 'a', 0o600)
    return openedFile(handle, await handle.stat())
  },
  rename: (from, to) =>
    rename(from, to)
      .then(undefined, ignoreMissing)
      .then(() => undefined),
  inode: async (path) => ((await stat(path).catch(ignoreMissing)) || undefined)?.ino,
  remove: (path) => rm(path).then(() => true, ignoreMissing),
}

const openedFile = (handle: FileHandle, { size, ino }: Stats): LogDiskFile => ({
  size,
  inode: ino,
  measure: async () => (await handle.stat()).size,
  append: async (bytes) => (await handle.write(bytes)).bytesWritten,
  truncate: (length) => handle.truncate(length),
  isLinked: async () => (await handle.stat()).nlink > 0,
  close: () => handle.close(),
})

function ignoreMissing(thrown: unknown): false {
  if (systemCode(thrown) === 'ENOENT') return false
  throw thrown
}
