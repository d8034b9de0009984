// Where is that in PostgreSQL's log, and on which timeline? Pure: positions, history files, names.

import type { Position } from '../../model.ts'

/** Reads `16/B374D848` (pg_lsn); `undefined` for what is none. Exact below 2^53. */
export function parseLsn(text: string | null | undefined): number | undefined {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text ?? '')
  if (match === null) return undefined
  return Number.parseInt(match[1] ?? '', 16) * 2 ** 32 + Number.parseInt(match[2] ?? '', 16)
}

/** Says a position in the log as PostgreSQL does. */
export const formatLsn = (at: number): string =>
  `${hex(Math.floor(at / 2 ** 32))}/${hex(at % 2 ** 32)}`

const hex = (value: number): string => value.toString(16).toUpperCase()

const hex8 = (value: number): string => hex(value).padStart(8, '0')

/** The name of the segment of `line` that holds the byte `at`. */
export function segmentName(line: number, at: number, segmentBytes: number): string {
  const segment = Math.floor(at / segmentBytes)
  const each = 2 ** 32 / segmentBytes
  return hex8(line) + hex8(Math.floor(segment / each)) + hex8(segment % each)
}

/** What a segment's name says; `undefined` for a file that is none. */
export function parseSegmentName(
  name: string,
  segmentBytes: number,
): { readonly line: number; readonly start: number } | undefined {
  const match = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})$/.exec(name)
  if (match === null) return undefined
  const [, line = '', log = '', segment = ''] = match
  const start = Number.parseInt(log, 16) * 2 ** 32 + Number.parseInt(segment, 16) * segmentBytes
  return { line: Number.parseInt(line, 16), start }
}

export const historyName = (line: number): string => `${hex8(line)}.history`

/** The ancestors of a timeline, the eldest first, each with where its child began. */
export interface TimelineHistory {
  readonly line: number
  readonly ancestors: readonly { readonly line: number; readonly end: number }[]
}

/** Reads a history file (backup docs, 26.3.6 "Timelines"): `1<tab>0/3000158<tab>reason`. */
export function parseHistory(line: number, text: string): TimelineHistory {
  const ancestors = text.split('\n').flatMap((row) => {
    const match = /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/i.exec(row)
    const end = parseLsn(match?.[2])
    return end === undefined ? [] : [{ line: Number(match?.[1]), end }]
  })
  return { line, ancestors: ancestors.toSorted((a, b) => a.line - b.line) }
}

/** On which line of this history lies the last record that ends at or before `at`? */
export const lineAt = (history: TimelineHistory, at: number): number =>
  history.ancestors.find(({ end }) => at <= end)?.line ?? history.line

/** Where the history that `position` is on parted from `history`; `undefined`: it did not. */
export function forkOf(history: TimelineHistory, position: Position): number | undefined {
  if (position.line === history.line) return undefined
  const same = history.ancestors.find(({ line }) => line === position.line)
  if (same !== undefined) return position.at <= same.end ? undefined : same.end
  // Of a line that is no ancestor nothing is shared beyond where its elders were left.
  return history.ancestors.findLast(({ line }) => line < position.line)?.end ?? 0
}
