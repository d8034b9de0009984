// What have the replicas said? Reads their rotated logs, the last lines and what comes after.

import type { Stats } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { StringDecoder } from 'node:string_decoder'
import { isRefusal, notOurs } from '../control/owner.ts'
import { Fault, systemCode } from '../foundation/fault.ts'
import { type Clock, ms, sleep } from '../foundation/time.ts'
import { guardPaths, logsFolder } from './guard/record.ts'

/** One line of one replica's log, without its newline. */
export interface LogLine {
  readonly replica: string
  readonly line: string
}

/** How much of the logs is read. */
export interface LogQuery {
  /** So many of the last lines of each replica; `Infinity` for all that is kept. */
  readonly lines: number
  /** Goes on with what is written from now on, until `signal` is aborted. */
  readonly follow: boolean
  readonly clock: Clock
}

const lookEvery = ms(150)
const blockBytes = 64 * 1024

/** What stands for lines that were rotated away faster than they were read. */
const gap = 'alwayson: some lines were rotated away before they could be read'

/**
 * The lines of these replicas: what there is of each, one replica after the other, then with
 * `follow` what comes, as it comes. `ids` is asked anew at each look, so that replicas which a
 * deploy starts are followed too. A replica without a log has no lines. Ends, without an error,
 * when `signal` is aborted.
 */
export async function* readLogs(
  state: string,
  ids: () => readonly string[],
  { lines, follow, clock }: LogQuery,
  signal?: AbortSignal,
): AsyncGenerator<LogLine> {
  const tails = new Map<string, LogTail>()
  try {
    for (let first = true; !signal?.aborted; first = false) {
      for (const replica of ids()) {
        const known = tails.get(replica)
        const tail = known ?? new LogTail(guardPaths(state, replica).log)
        tails.set(replica, tail)
        const read = known === undefined && first ? tail.last(lines) : tail.more()
        for await (const line of read) yield { replica, line }
      }
      if (!follow) return
      await sleep(clock, lookEvery, signal).catch(() => undefined)
    }
  } finally {
    for (const tail of tails.values()) await tail.close()
  }
}

/**
 * The replicas of a service that have a log, also those that are gone, lowest number first, then by
 * the machine that a name in a cluster ends with. Rejects with a Fault where nobody may look.
 */
export async function replicasWithLogs(state: string, service: string): Promise<readonly string[]> {
  const folder = logsFolder(state)
  const names = await readdir(folder).catch((cause) => {
    if (systemCode(cause) === 'ENOENT') return []
    if (isRefusal(cause)) throw notOurs(folder, folder, cause)
    throw new Fault('failed', `cannot look into ${folder}`, { cause })
  })
  return names
    .map((name) => /^(.*)-(\d+)(\.[^.]+)?\.log$/.exec(name))
    .filter((match) => match?.[1] === service)
    .map((match) => ({ number: Number(match?.[2]), machine: match?.[3] ?? '' }))
    .toSorted((a, b) => a.number - b.number || (a.machine < b.machine ? -1 : 1))
    .map(({ number, machine }) => `${service}-${number}${machine}`)
}

/** One log, read to its end and then on, across rotations. */
class LogTail {
  readonly #path: string
  #file: FileHandle | undefined
  #inode = 0
  #offset = 0
  #decoder = new StringDecoder('utf8')
  #partial = ''

  constructor(path: string) {
    this.#path = path
  }

  /** The last `most` lines; from then on `more` goes on where this ended. */
  async *last(most: number): AsyncGenerator<string> {
    if (!(await this.#openAt(this.#path))) return
    const { size } = await this.#handle().stat()
    this.#offset = size
    const read = new Set([this.#inode])
    const kept: string[][] = [await lastLines(this.#handle(), size, most)]
    let count = kept[0]?.length ?? 0
    for (let number = 1; count < most; number += 1) {
      const older = await openIfThere(`${this.#path}.${number}`)
      if (older === undefined) break
      const { ino, size: length } = await older.stat()
      // A rotation meanwhile gives a file that was read the next number.
      if (!read.has(ino)) kept.unshift(await lastLines(older, length, most - count))
      count = kept.flat().length
      read.add(ino)
      await older.close()
    }
    yield* kept.flat()
  }

  /** What was written since. */
  async *more(): AsyncGenerator<string> {
    if (this.#file === undefined && !(await this.#openAt(this.#path))) return
    yield* this.#rest()
    for (let next = await this.#next(); next !== undefined; next = await this.#next()) {
      if (next.missed) yield gap
      await this.close()
      if (!(await this.#openAt(next.path))) return
      yield* this.#rest()
    }
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }

  #handle(): FileHandle {
    if (this.#file === undefined) throw new Error('broken invariant: a log is open while read')
    return this.#file
  }

  async #openAt(path: string): Promise<boolean> {
    this.#file = await openIfThere(path)
    if (this.#file === undefined) return false
    this.#inode = (await this.#file.stat()).ino
    this.#offset = 0
    return true
  }

  async *#rest(): AsyncGenerator<string> {
    const block = Buffer.allocUnsafe(blockBytes)
    const { size } = await this.#handle().stat()
    if (size < this.#offset) this.#offset = 0
    for (;;) {
      const { bytesRead } = await this.#handle().read(block, 0, block.length, this.#offset)
      if (bytesRead === 0) return
      this.#offset += bytesRead
      const text = this.#partial + this.#decoder.write(block.subarray(0, bytesRead))
      const lines = text.split('\n')
      this.#partial = lines.pop() ?? ''
      yield* lines
    }
  }

  /** The file that was begun after the one that is open, if there is one. */
  async #next(): Promise<{ readonly path: string; readonly missed: boolean } | undefined> {
    const newest = await statIfThere(this.#path)
    if (newest === undefined || newest.ino === this.#inode) return undefined
    const { mtimeMs } = await this.#handle().stat()
    for (let number = 1; ; number += 1) {
      const older = await statIfThere(this.#name(number))
      if (older?.ino === this.#inode) return { path: this.#name(number - 1), missed: false }
      // What was last written before the open one was read long ago.
      const unread = older !== undefined && older.mtimeMs >= mtimeMs
      if (!unread) return { path: this.#name(number - 1), missed: true }
    }
  }

  #name(number: number): string {
    return number === 0 ? this.#path : `${this.#path}.${number}`
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined
    throw thrown
  }
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined
    throw thrown
  }
}

/** The last `most` whole lines of the first `size` bytes, read from the end. */
async function lastLines(file: FileHandle, size: number, most: number): Promise<string[]> {
  const blocks: Buffer[] = []
  let newlines = 0
  let at = size
  while (at > 0 && newlines <= most) {
    const length = Math.min(blockBytes, at)
    at -= length
    const block = Buffer.alloc(length)
    await file.read(block, 0, length, at)
    for (const byte of block) if (byte === 0x0a) newlines += 1
    blocks.unshift(block)
  }
  const lines = Buffer.concat(blocks).toString('utf8').split('\n')
  lines.pop()
  return most === 0 ? [] : lines.slice(-most)
}
