// A disk in memory that fails as disks do: a crash loses what was not synced, keeps parts of what
// was under way, tears a write in the middle; it can be full, refuse a sync, and flip bits.

import { invariant } from '../../foundation/invariant.ts'
import type { Random } from '../../foundation/random.ts'
import { below } from '../../foundation/random.ts'
import type { Disk, DiskFile } from './disk.ts'

/** A write that is not safe yet. */
interface Pending {
  readonly at: number
  readonly bytes: Buffer
}

interface Kept {
  /** What survives a crash. */
  safe: Buffer
  /** What this process reads. */
  live: Buffer
  pending: Pending[]
}

/** What can be done to a simulated disk. */
export interface SimulatedDisk extends Disk {
  /** Writes beyond this many bytes in all files together fail with ENOSPC. */
  bytesMost: number
  /** The next sync fails with EIO, as after a lost write. */
  failNextSync: boolean
  /** Whether syncs are answered at once; else by `finishSyncs`. */
  isInstant: boolean
  /** Answers the syncs that wait. */
  finishSyncs(): void
  /** A write that was not synced survives in parts of this size: a sector. */
  tearBytes: number
  /**
   * The machine loses power: of every write that was not synced, a random part survives, in
   * pieces of `tearBytes`. Names that were not synced survive: a journalling file system keeps
   * their order.
   */
  crash(random: Random): void
  /** Turns one bit of what is safe. */
  flip(name: string, at: number, bit: number): void
  /** The bytes that are safe. */
  safe(name: string): Buffer
}

const enospc = (): Error =>
  Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })

function grown(bytes: Buffer, length: number): Buffer {
  if (bytes.length >= length) return bytes
  const longer = Buffer.alloc(length)
  bytes.copy(longer)
  return longer
}

function laid(bytes: Buffer, at: number, what: Buffer): Buffer {
  const longer = grown(bytes, at + what.length)
  what.copy(longer, at)
  return longer
}

/** Opens an empty disk. */
export function openSimulatedDisk(): SimulatedDisk {
  const files = new Map<string, Kept>()
  let waiting: (() => void)[] = []

  const kept = (name: string): Kept => {
    const file = files.get(name)
    if (file === undefined) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' })
    return file
  }
  const used = (): number => [...files.values()].reduce((sum, file) => sum + file.live.length, 0)

  const fileOf = (file: Kept): DiskFile => {
    let [isOpen, syncs] = [true, 0]
    return {
      write(bytes, length, at) {
        const longer = Math.max(0, at + length - file.live.length)
        if (used() + longer > disk.bytesMost) throw enospc()
        const copy = Buffer.from(bytes.subarray(0, length))
        file.live = laid(file.live, at, copy)
        file.pending.push({ at, bytes: copy })
      },
      sync(done) {
        const covered = file.pending.length
        syncs += 1
        const answer = (): void => {
          syncs -= 1
          if (disk.failNextSync) {
            disk.failNextSync = false
            done(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }))
            return
          }
          for (const { at, bytes } of file.pending.splice(0, covered)) {
            file.safe = laid(file.safe, at, bytes)
          }
          done(null)
        }
        if (disk.isInstant) answer()
        else waiting.push(answer)
      },
      cut(length) {
        file.live = Buffer.from(file.live.subarray(0, length))
        file.safe = Buffer.from(file.live)
        file.pending = []
      },
      close() {
        invariant(isOpen && syncs === 0, 'a file is closed once, and not while it is synced')
        isOpen = false
      },
    }
  }

  const disk: SimulatedDisk = {
    name: 'simulated disk',
    bytesMost: Number.POSITIVE_INFINITY,
    failNextSync: false,
    isInstant: true,
    tearBytes: 512,
    list: () => [...files.keys()],
    read: (name) => Buffer.from(kept(name).live),
    sizeOf: (name) => kept(name).live.length,
    create(name) {
      const file: Kept = { safe: Buffer.alloc(0), live: Buffer.alloc(0), pending: [] }
      files.set(name, file)
      return fileOf(file)
    },
    open: (name) => fileOf(kept(name)),
    rename(from, to) {
      files.set(to, kept(from))
      files.delete(from)
    },
    remove: (name) => void files.delete(name),
    sync() {},
    finishSyncs() {
      const answers = waiting
      waiting = []
      for (const answer of answers) answer()
    },
    crash(random) {
      waiting = []
      for (const file of files.values()) {
        for (const { at, bytes } of file.pending) {
          for (let start = 0; start < bytes.length; start += disk.tearBytes) {
            const part = bytes.subarray(start, start + disk.tearBytes)
            if (below(random, 2) === 0) file.safe = laid(file.safe, at + start, part)
          }
        }
        file.pending = []
        file.live = Buffer.from(file.safe)
      }
    },
    flip(name, at, bit) {
      const file = kept(name)
      file.safe[at] = (file.safe[at] ?? 0) ^ (1 << bit)
      file.live = Buffer.from(file.safe)
    },
    safe: (name) => Buffer.from(kept(name).safe),
  }
  return disk
}
