// What does a server's log say is wrong, and what helps? Reads what it wrote since it was started.

import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { systemCode } from '../../../foundation/fault.ts'
import { sqlState } from './session.ts'

/** So much of the end of a log is read. */
const tailBytes = 32 * 1024

/** Lines that name a cause, and lines that name a trouble. */
const telling =
  /No space left on device|could not bind|unrecognized configuration parameter|invalid value for/
const bad = /\b(FATAL|PANIC|ERROR)\b|could not/

export class ServerLog {
  readonly path: string
  #from = 0

  constructor(path: string) {
    this.path = path
  }

  /** What it says until now is of the past. */
  begin(): void {
    this.#from = this.#bytes()
  }

  /** The end of what it says since then. */
  since(): string {
    const size = this.#bytes()
    // A log that is shorter than it was has been begun anew.
    if (size < this.#from) this.#from = 0
    const start = Math.max(this.#from, size - tailBytes)
    if (size === start) return ''
    const bytes = Buffer.alloc(size - start)
    const file = openSync(this.path, 'r')
    try {
      const read = readSync(file, bytes, 0, bytes.length, start)
      return bytes.toString('utf8', 0, read)
    } finally {
      closeSync(file)
    }
  }

  /** The line since then that says best what is wrong: the last may only say that it ends. */
  lastTrouble(): string | undefined {
    const lines = this.since().split('\n')
    return lines.findLast((line) => telling.test(line)) ?? lines.findLast((line) => bad.test(line))
  }

  #bytes(): number {
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0
  }
}

export const isFullDisk = (trouble: string): boolean => /No space left on device/.test(trouble)

/** What a person can do about it. */
export function remedyFor(trouble: string, log: string): string {
  if (isFullDisk(trouble)) return 'make room on the disk of its data'
  if (/could not bind|could not create any TCP/.test(trouble)) return 'choose a port that is free'
  if (/unrecognized configuration parameter|invalid value for parameter/.test(trouble)) {
    return 'mend what settings: says'
  }
  return `look into ${log}`
}

/** It runs, and says that it is starting or stopping: nothing is known of it yet. */
export const isBetween = (thrown: unknown): boolean => sqlState(thrown) === '57P03'

/** Nothing listens yet, or a connection has ended, or the above: another try may do better. */
export const isForNow = (thrown: unknown): boolean =>
  isBetween(thrown) ||
  ['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE'].includes(systemCode(thrown) ?? '') ||
  ['57P01', '53300'].includes(sqlState(thrown) ?? '') ||
  (Error.isError(thrown) &&
    /Connection terminated|is not queryable/.test((thrown as Error).message))
