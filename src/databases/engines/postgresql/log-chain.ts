// Which pieces of the archived log lead on from a base, and is one missing? Pure.

import type { Position } from '../../model.ts'
import { parseSegmentName, segmentName, type TimelineHistory } from './lsn.ts'

/** What lies in an archive. */
export interface LogHeld {
  readonly segmentBytes: number
  /** Names of whole segments. */
  readonly segments: ReadonlySet<string>
  /** Of the one that grows: how many of its bytes are there. */
  readonly growing: ReadonlyMap<string, number>
  readonly histories: readonly TimelineHistory[]
}

/** A stretch of segments, in the order in which they are applied. */
export interface LogChain {
  /** The timeline that it ends on. */
  readonly line: number
  readonly names: readonly string[]
  /** All that leads there is there, and each piece up to the last that there is of this history. */
  readonly isWhole: boolean
}

/** A timeline, and where it begins. */
interface Stretch {
  readonly line: number
  readonly begin: number
}

const indexOf = (at: number, { segmentBytes }: LogHeld): number => Math.floor(at / segmentBytes)

/** All timelines of a history, the eldest first. */
const stretchesOf = ({ line, ancestors }: TimelineHistory): readonly Stretch[] => [
  ...ancestors.map((each, at) => ({ line: each.line, begin: ancestors[at - 1]?.end ?? 0 })),
  { line, begin: ancestors.at(-1)?.end ?? 0 },
]

/** The first timeline has no file of its history, nor has one whose file was never fetched. */
const historyOf = (held: LogHeld, line: number): TimelineHistory =>
  held.histories.find((each) => each.line === line) ?? { line, ancestors: [] }

/** How many bytes of a segment are there; `undefined`: it is not. */
const bytesOf = (held: LogHeld, name: string): number | undefined =>
  held.segments.has(name) ? held.segmentBytes : held.growing.get(name)

/** Positions of the segments of one timeline that there are, counted in segments, ascending. */
export const indexesOf = (held: LogHeld, line: number): readonly number[] =>
  [...held.segments, ...held.growing.keys()]
    .flatMap((name) => parseSegmentName(name, held.segmentBytes) ?? [])
    .filter((each) => each.line === line)
    .map(({ start }) => indexOf(start, held))
    .toSorted((a, b) => a - b)

/** Every timeline that something is there of. */
const linesOf = (held: LogHeld): readonly number[] => {
  const named = [...held.segments, ...held.growing.keys()].flatMap(
    (name) => parseSegmentName(name, held.segmentBytes)?.line ?? [],
  )
  return [...new Set([...named, ...held.histories.map(({ line }) => line)])].toSorted(
    (a, b) => b - a,
  )
}

/** Whether `position` is a part of this history. */
const includes = ({ line, ancestors }: TimelineHistory, position: Position): boolean =>
  position.line === line ||
  ancestors.some((each) => each.line === position.line && position.at <= each.end)

/** The chain from `from` on, along the youngest timeline that it is a part of. */
export function chainFrom(held: LogHeld, from: Position): LogChain {
  const youngest = linesOf(held).find((line) => includes(historyOf(held, line), from)) ?? from.line
  const stretches = [...stretchesOf(historyOf(held, youngest))]
  // Of one that has only just begun there is nothing yet: what is there ends before it.
  while (stretches.length > 1 && indexesOf(held, stretches.at(-1)?.line ?? 0).length === 0) {
    stretches.pop()
  }
  const { line } = stretches.at(-1) ?? { line: from.line }
  const last = indexesOf(held, line).at(-1)
  const names: string[] = []
  const first = indexOf(from.at, held)
  // A position at the very end of a segment needs all of that, and nothing yet of the next one.
  const least = from.at % held.segmentBytes === 0 ? first - 1 : first
  if (last === undefined || last < least) return { line, names, isWhole: false }
  const nameAt = (index: number): string => {
    const owner = stretches.findLast(({ begin }) => indexOf(begin, held) <= index)
    return segmentName(owner?.line ?? line, index * held.segmentBytes, held.segmentBytes)
  }
  for (let index = first; index <= last; index += 1) {
    const name = nameAt(index)
    const bytes = bytesOf(held, name)
    // One that was left growing ends where nobody received it any more: the next one came later.
    const isThere = bytes !== undefined && (index === last || bytes === held.segmentBytes)
    if (!isThere) return { line, names, isWhole: false }
    names.push(name)
  }
  const reached = least * held.segmentBytes + (bytesOf(held, nameAt(least)) ?? 0)
  // Of older pieces nothing is there once nobody needs them: then a later one has been begun.
  return { line, names, isWhole: last > least || reached >= from.at }
}

/**
 * Where to go on receiving from a server of this history: after the last whole segment that is a
 * part of it, or at the start of one that grows behind that. `undefined`: nothing of it is there.
 */
export function resumeAt(held: LogHeld, history: TimelineHistory): Position | undefined {
  const stretches = stretchesOf(history)
  for (const [at, { line }] of stretches.toReversed().entries()) {
    const last = indexesOf(held, line).at(-1)
    if (last === undefined) continue
    const next = stretches[stretches.length - at]
    const start = last * held.segmentBytes
    const isWhole = held.segments.has(segmentName(line, start, held.segmentBytes))
    const end = isWhole ? start + held.segmentBytes : start
    if (next === undefined || end < next.begin - (next.begin % held.segmentBytes)) {
      return { line, at: end }
    }
    return { line: next.line, at: next.begin - (next.begin % held.segmentBytes) }
  }
  return undefined
}

/** Pieces that nobody needs who begins at `from`: older ones, of every timeline up to that one. */
export function surplusOf(held: LogHeld, from: Position): readonly string[] {
  const first = indexOf(from.at, held)
  return [...held.segments, ...held.growing.keys()].filter((name) => {
    const piece = parseSegmentName(name, held.segmentBytes)
    return piece !== undefined && indexOf(piece.start, held) < first && piece.line <= from.line
  })
}
