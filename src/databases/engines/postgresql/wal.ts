// What is in the log on disk? Walks records from one that is known to begin there, and believes
// only what is whole: right page addresses, right checksum (xlog_internal.h, xlogrecord.h).

import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../../../foundation/fault.ts'
import type { Position } from '../../model.ts'
import { crc32c } from './crc32c.ts'
import { parseHistory, segmentName, type TimelineHistory } from './lsn.ts'

const pageBytes = 8192
/** XLogRecord; no longer record has ever been written: XLogRecordMaxSize. */
const headBytes = 24
const lengthMost = 1020 * 1024 * 1024
/** Page flags: it begins with the rest of a record. */
const continues = 1

/** One record. Its resource manager and flags say what it is. */
export interface WalRecord {
  readonly at: number
  /** Where the next one begins, or the header of its page. */
  readonly end: number
  readonly manager: number
  readonly info: number
}

/** RM_XLOG_ID with XLOG_SWITCH: the rest of its segment is empty. */
const isSwitch = (manager: number, info: number): boolean => manager === 0 && (info & 0xf0) === 0x40

/** Reads pages of one folder's segments; closed by its owner. */
export class WalReader implements Disposable {
  readonly #folder: string
  readonly #segmentBytes: number
  #open: { readonly name: string; readonly file: number } | undefined

  constructor(folder: string, segmentBytes: number) {
    this.#folder = folder
    this.#segmentBytes = segmentBytes
  }

  /** The whole record of `line` that begins at `at`; `undefined` if there is none. */
  recordAt(line: number, at: number): WalRecord | undefined {
    let page = this.#page(line, at - (at % pageBytes))
    if (page === undefined) return undefined
    let from = at % pageBytes
    if (from === 0) {
      if ((page.readUInt16LE(2) & continues) !== 0) return undefined
      from = this.#headerBytes(at)
    }
    if (from + 4 > pageBytes) return undefined
    const length = page.readUInt32LE(from)
    if (length < headBytes || length > lengthMost) return undefined
    const parts: Buffer[] = []
    let start = at - (at % pageBytes)
    let left = length
    for (;;) {
      const part = page.subarray(from, Math.min(pageBytes, from + left))
      parts.push(part)
      left -= part.length
      if (left === 0) {
        const end = start + from + part.length
        return this.#checked(at, Buffer.concat(parts), Math.ceil(end / 8) * 8)
      }
      start += pageBytes
      page = this.#page(line, start)
      if (page === undefined || (page.readUInt16LE(2) & continues) === 0) return undefined
      if (page.readUInt32LE(16) !== left) return undefined
      from = this.#headerBytes(start)
    }
  }

  [Symbol.dispose](): void {
    if (this.#open !== undefined) closeSync(this.#open.file)
    this.#open = undefined
  }

  #checked(at: number, bytes: Buffer, end: number): WalRecord | undefined {
    const sum = crc32c(bytes.subarray(headBytes), bytes.subarray(0, 20))
    if (sum !== bytes.readUInt32LE(20)) return undefined
    const info = bytes.readUInt8(16)
    const manager = bytes.readUInt8(17)
    if (!isSwitch(manager, info)) return { at, end, manager, info }
    return { at, end: Math.ceil(end / this.#segmentBytes) * this.#segmentBytes, manager, info }
  }

  #headerBytes(page: number): number {
    return page % this.#segmentBytes === 0 ? 40 : 24
  }

  /** The page that begins at `start`, if it is of this place and not of an earlier use. */
  #page(line: number, start: number): Buffer | undefined {
    const file = this.#segment(segmentName(line, start, this.#segmentBytes))
    if (file === undefined) return undefined
    const page = Buffer.alloc(pageBytes)
    const read = readSync(file, page, 0, pageBytes, start % this.#segmentBytes)
    const isHere = read === pageBytes && Number(page.readBigUInt64LE(8)) === start
    return isHere && page.readUInt16LE(0) !== 0 ? page : undefined
  }

  #segment(name: string): number | undefined {
    if (this.#open?.name === name) return this.#open.file
    this[Symbol.dispose]()
    try {
      this.#open = { name, file: openSync(join(this.#folder, name), 'r') }
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return undefined
      throw thrown
    }
    return this.#open.file
  }
}

/** The histories that lie in a folder of the log, by their timeline. */
export function localHistories(folder: string): readonly TimelineHistory[] {
  return readdirSync(folder)
    .filter((name) => /^[0-9A-F]{8}\.history$/.test(name))
    .map((name) => {
      const line = Number.parseInt(name.slice(0, 8), 16)
      return parseHistory(line, readFileSync(join(folder, name), 'utf8'))
    })
    .toSorted((a, b) => a.line - b.line)
}

/** The history of one timeline, as this folder has it; the first one has none. */
export const historyIn = (folder: string, line: number): TimelineHistory =>
  localHistories(folder).find((each) => each.line === line) ?? { line, ancestors: [] }

/** The whole record that begins there, on that timeline or on one that begins right there. */
function recordAfter(
  reader: WalReader,
  histories: readonly TimelineHistory[],
  { line, at }: Position,
): { readonly line: number; readonly record: WalRecord } | undefined {
  const children = histories
    .filter(({ ancestors }) => {
      const last = ancestors.at(-1)
      return last?.line === line && last.end === at
    })
    .map((history) => history.line)
  for (const one of [line, ...children]) {
    const record = reader.recordAt(one, at)
    if (record !== undefined) return { line: one, record }
  }
  return undefined
}

/**
 * Whether no whole record follows on `at`, which is the end of one. Reads that one alone: what
 * waits to be applied may be long, and whoever looks stands still while it is read.
 */
export function isEndOfLog(folder: string, segmentBytes: number, at: Position): boolean {
  using reader = new WalReader(folder, segmentBytes)
  return recordAfter(reader, localHistories(folder), at) === undefined
}

/**
 * The end of the last whole record there is, from `from` on, which is the end of one. Follows a
 * timeline that begins exactly where the one before it ends. `each` is called with every record.
 */
export function endOfLog(
  folder: string,
  segmentBytes: number,
  from: Position,
  each: (record: WalRecord, line: number) => void = () => {},
): Position {
  using reader = new WalReader(folder, segmentBytes)
  const histories = localHistories(folder)
  let { line, at } = from
  for (;;) {
    const next = recordAfter(reader, histories, { line, at })
    if (next === undefined) return { line, at }
    each(next.record, next.line)
    line = next.line
    at = next.record.end
  }
}
