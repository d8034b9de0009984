// How far do the logs in a data folder go, without asking the server? Reads files, changes nothing.

import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { basename, join } from 'node:path'
import { systemCode } from '../../../foundation/fault.ts'
import type { Position } from '../../model.ts'
import { comparePositions, origin } from '../../position.ts'
import { type LogContent, readLog } from './binary-log.ts'
import { domain, type Gtid, positionOf } from './gtid.ts'

/** Bytes that are read at once: most events are small, and passed over. */
const windowBytes = 1 << 20

/** One log of a series. */
export interface LogFile extends LogContent {
  readonly path: string
}

interface Known {
  readonly size: number
  readonly changed: number
  readonly content: LogContent | undefined
}

/** Reads the logs of one data folder, each again only when it has changed. */
export class Logs {
  readonly #folder: string
  readonly #known = new Map<string, Known>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** All logs of this series, oldest first; none where it has no index. */
  series(name: string): readonly LogFile[] {
    return this.#paths(name).flatMap((path) => this.#file(path))
  }

  /** The newest log of this series. */
  newest(name: string): LogFile | undefined {
    return this.#paths(name)
      .slice(-1)
      .flatMap((path) => this.#file(path))[0]
  }

  /**
   * The newest log of this series and those before it that may hold something unfinished, oldest
   * first: all that a start after a crash reads, and cuts back.
   */
  unfinished(name: string): readonly LogFile[] {
    const newest = this.newest(name)
    if (newest === undefined) return []
    const paths = this.#paths(name)
    const from = paths.findIndex((path) => basename(path) === basename(newest.checkpoint ?? ''))
    // As the server does: where no log is named, or one that is gone, the newest is all there is.
    return from === -1 ? [newest] : paths.slice(from).flatMap((path) => this.#file(path))
  }

  /** The last transaction that is complete in this series, also where its last logs are empty. */
  last(name: string): Gtid | undefined {
    for (const path of this.#paths(name).toReversed()) {
      const [file] = this.#file(path)
      const found = [...(file?.before ?? []), ...(file?.groups.slice(-1) ?? []).map(gtidOf)]
        .filter((gtid) => gtid.domain === domain)
        .toSorted((a, b) => comparePositions(positionOf(b), positionOf(a)))[0]
      if (found !== undefined) return found
    }
    return undefined
  }

  lastPosition(name: string): Position {
    const last = this.last(name)
    return last === undefined ? origin : positionOf(last)
  }

  #paths(name: string): readonly string[] {
    const entries = indexOf(join(this.#folder, `${name}.index`))
    return entries.map((entry) => join(this.#folder, basename(entry)))
  }

  #file(path: string): readonly LogFile[] {
    const content = this.#read(path)
    return content === undefined ? [] : [{ ...content, path }]
  }

  #read(path: string): LogContent | undefined {
    let file: number
    try {
      file = openSync(path, 'r')
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return undefined
      throw thrown
    }
    try {
      const { size, mtimeMs } = fstatSync(file)
      const known = this.#known.get(path)
      if (known?.size === size && known.changed === mtimeMs) return known.content
      const content = readLog(windowed(file))
      this.#known.set(path, { size, changed: mtimeMs, content })
      return content
    } finally {
      closeSync(file)
    }
  }
}

const gtidOf = ({ gtid }: { readonly gtid: Gtid }): Gtid => gtid

function indexOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return []
    throw thrown
  }
}

function windowed(file: number): (from: number, to: number) => Buffer {
  let window = Buffer.alloc(0)
  let begins = 0
  return (from, to) => {
    if (from < begins || to > begins + window.length) {
      const next = Buffer.alloc(Math.max(windowBytes, to - from))
      window = next.subarray(0, readSync(file, next, 0, next.length, from))
      begins = from
    }
    return window.subarray(from - begins, Math.max(from, to) - begins)
  }
}
