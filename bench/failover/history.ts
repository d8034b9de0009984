// What did a client notice? The longest time without an acknowledged row, errors, and which server
// acknowledged at which epoch.

import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import type { Acknowledgement, Insert, Transaction } from '../../src/drills/checkers/model.ts'

/** One row, or one attempt to connect (id 0). */
export interface Attempt {
  readonly id: number
  readonly invoked: number
  readonly completed: number
  readonly outcome: 'ok' | 'unknown' | 'refused'
  /** What the server said of itself, where it acknowledged. */
  readonly server: string
  readonly epoch: number
  readonly why: string
}

/** What came of a stretch of time. */
export interface Noticed {
  /** The longest wait of a client for an acknowledgement, ms. */
  readonly outage: number
  readonly errors: number
  readonly acknowledged: number
}

/** The text of a file; empty where there is none, or what it told of has ended. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    if (['ENOENT', 'ESRCH'].includes((thrown as { code?: string }).code ?? '')) return ''
    throw thrown
  }
}

/** A file that a client adds lines to: each line is read once. */
export class History<Entry> {
  readonly #path: string
  readonly #parse: (line: string) => Entry
  readonly #entries: Entry[] = []
  #at = 0

  constructor(path: string, parse: (line: string) => Entry) {
    this.#path = path
    this.#parse = parse
  }

  /** All whole lines so far: the last one may be in the middle of being written. */
  read(): readonly Entry[] {
    if (!existsSync(this.#path)) return this.#entries
    const file = openSync(this.#path, 'r')
    try {
      const bytes = Buffer.alloc(fstatSync(file).size - this.#at)
      const end = bytes.subarray(0, readSync(file, bytes, 0, bytes.length, this.#at))
      const whole = end.subarray(0, end.lastIndexOf(0x0a) + 1)
      this.#at += whole.length
      const lines = whole.toString('utf8').split('\n').slice(0, -1)
      for (const line of lines) this.#entries.push(this.#parse(line))
    } finally {
      closeSync(file)
    }
    return this.#entries
  }
}

/** Reads a line of a writer. */
export function parseAttempt(line: string): Attempt {
  const [id, invoked, completed, outcome, server = '', epoch, ...why] = line.split(' ')
  return {
    ...{ id: Number(id), invoked: Number(invoked), completed: Number(completed) },
    ...{ outcome: outcome as Attempt['outcome'], server, epoch: Number(epoch) },
    why: why.join(' '),
  }
}

/** Reads a line of a client that appends to lists. */
export const parseTransaction = (line: string): Transaction => JSON.parse(line) as Transaction

/** What a client noticed from `from` to `to`: also of a wait that had begun before. */
export function noticed(history: readonly Attempt[], from: number, to: number): Noticed {
  const acknowledged = history.filter(({ outcome }) => outcome === 'ok')
  const before = acknowledged.findLast(({ completed }) => completed <= from)?.completed ?? from
  const within = acknowledged.filter(({ completed }) => completed > from && completed <= to)
  let last = before
  let outage = 0
  for (const { completed } of within) {
    outage = Math.max(outage, completed - last)
    last = completed
  }
  const failed = history.filter(
    (e) => e.outcome !== 'ok' && e.completed > from && e.completed <= to,
  )
  return {
    outage: Math.max(outage, to - last),
    errors: failed.length,
    acknowledged: within.length,
  }
}

/** The rows among the attempts. A failure to connect is none. */
export const insertsOf = (history: readonly Attempt[]): readonly Insert[] =>
  history
    .filter(({ id }) => id > 0)
    .map(({ outcome, ...attempt }) => ({
      ...attempt,
      outcome: outcome === 'refused' ? 'fail' : outcome,
    }))

/** Who acknowledged, at which epoch. */
export const acknowledgementsOf = (history: readonly Attempt[]): readonly Acknowledgement[] =>
  history
    .filter(({ outcome }) => outcome === 'ok')
    .map(({ invoked, completed, server, epoch }) => ({ invoked, completed, server, epoch }))
